"""Promises of the desk: incidents in the queue, claims that end by a clock, second looks, many at once, views."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.asgi import TestClient
from regulator.conftest import Regulator, made
from regulator.sample import CANTEEN, Sample, sample, send
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from kitchenvision.regulator import claims, history, saved_views, second_reviews, setup
from kitchenvision.regulator.access import EVERYTHING, Role, scope_of
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.listing import Filters
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.queue_store import Looker, camera_record, count, page
from kitchenvision.regulator.review_tables import SecondReview
from kitchenvision.regulator.second_reviews import (
    Agreement,
    NoSecondLook,
    SecondPolicy,
    agreement,
    look_again,
    pairs,
)
from kitchenvision.regulator.tables import ViolationRow

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WANG, LI = 2, 3
ALL_TWICE, NONE_TWICE = SecondPolicy(share=1.0), SecondPolicy(frozenset(), 0.0)


@dataclass
class Desk:
    """A regulator with wang and li; two incidents without hat, of two cameras and of one, and one who smokes."""

    regulator: Regulator
    database: Database
    hats: list[Sample]
    later: Sample
    smoking: Sample

    def post(self, client: TestClient, path: str, **fields: object) -> object:
        """A form of that browser."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account").text)
        assert token is not None
        data = {**fields, "csrf_token": token.group(1)}
        return client.post(path, data=data, headers={"accept": "application/json"}, follow_redirects=False)

    def states(self) -> dict[str, str]:
        """State of each violation."""
        with self.database.reading() as session:
            rows = session.execute(select(ViolationRow.violation_id, ViolationRow.state))
            return {violation_id: state for violation_id, state in rows}

    def queue(self, filters: Filters | None = None, person: int = WANG, policy: SecondPolicy = NONE_TWICE) -> list:
        """Ids of each incident of the queue, the listed one first."""
        looker = Looker(EVERYTHING, person, AT + timedelta(hours=1), policy)
        with self.database.reading() as session:
            found = page(session, looker, filters or Filters(state="open"), 50, None)
            assert count(session, looker, filters or Filters(state="open")) == len(found)
        return [
            [one.row.violation_id, *sorted({m.violation_id for m in one.members} - {one.row.violation_id})]
            for one in found
        ]

    def decide(self, one: Sample, verdict: Verdict = Verdict.CONFIRMED, person: int = WANG) -> int:
        """The first decision; its id."""
        step = Step(verdict, 2 if verdict is Verdict.REJECTED else None)
        with self.database.writing() as session:
            return history.decide(session, EVERYTHING, (one.violation_id, 0), step, person, AT)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Captured now, since the pages ask the real clock what is recent."""
    with made(tmp_path) as one:
        for name in ("wang", "li"):
            setup.add_person(one.settings, name)
        hats = [sample(n, captured_at=AT + n * MINUTE, camera_id=f"camera-{n}") for n in (1, 2)]
        later = sample(3, captured_at=AT + 60 * MINUTE, camera_id="camera-1")
        smoking = sample(4, "smoking", captured_at=AT + 30 * MINUTE)
        send(one.client, one.token, [*hats, later, smoking])
        yield Desk(one, one.app.state.parts.database, hats, later, smoking)


def test_cameras_of_one_incident_are_one_entry_at_its_newest(desk: Desk) -> None:
    first, second = (one.violation_id for one in desk.hats)
    assert desk.queue() == [[desk.later.violation_id], [desk.smoking.violation_id], [second, first]]
    assert desk.queue(Filters(camera="camera-1")) == [[desk.later.violation_id], [first, second]]
    desk.decide(desk.hats[1])
    assert desk.queue() == [[desk.later.violation_id], [desk.smoking.violation_id], [first, second]]
    assert desk.queue(Filters(state="confirmed")) == [[second, first]]


def test_the_queue_shows_how_many_and_the_desk_all_of_them(desk: Desk) -> None:
    client = desk.regulator.logged_in("wang")
    text = client.get("/review").text
    assert len(re.findall(r'class="item"', text)) == 3
    assert re.search(r'<span id="total">3<', text)
    second = desk.hats[1].violation_id
    shown = client.get(f"/review/{second}/desk").text
    assert len(re.findall(r'class="member"', shown)) == 2
    assert "2 findings · 2 cameras" in shown
    assert f'data-also="{desk.hats[0].violation_id}:0"' in shown


def test_one_key_decides_the_whole_incident_or_nothing_of_it(desk: Desk) -> None:
    wang = desk.regulator.logged_in("wang")
    first, second = (one.violation_id for one in desk.hats)
    fields = {"verdict": "confirmed", "follows": "0"}
    stale = desk.post(wang, f"/review/{second}/decision", **fields, also=f"{first}:99")
    assert stale.status_code == 409
    assert set(desk.states().values()) == {"open"}
    answer = desk.post(wang, f"/review/{second}/decision", **fields, also=f"{first}:0")
    made_ids = answer.json()["decisions"]
    assert set(made_ids) == {first, second}
    assert [desk.states()[one] for one in (first, second)] == ["confirmed", "confirmed"]
    undo = desk.post(
        wang,
        "/review/decisions",
        verdict="withdrawn",
        incident=" ".join(f"{one}:{made}" for one, made in made_ids.items()),
    )
    assert undo.json()["results"][0]["state"] == "open"
    assert set(desk.states().values()) == {"open"}


def test_many_at_once_are_recorded_each_and_one_that_fails_stops_no_other(desk: Desk) -> None:
    wang = desk.regulator.logged_in("wang")
    taken = desk.decide(desk.smoking, person=LI)
    both = " ".join(f"{one.violation_id}:0" for one in desk.hats)
    answer = desk.post(
        wang,
        "/review/decisions",
        verdict="rejected",
        reason="2",
        incident=[both, f"{desk.smoking.violation_id}:0", f"{desk.later.violation_id}:0"],
    )
    told = answer.json()["results"]
    assert [one.get("state") for one in told] == ["rejected", None, "rejected"]
    assert "li decided" in told[1]["problem"]
    with desk.database.reading() as session:
        for one in (*desk.hats, desk.later):
            (made_,) = history.decisions(session, EVERYTHING, one.violation_id)
            assert (made_.verdict, made_.reason, made_.username) == (Verdict.REJECTED, 2, "wang")
        (kept,) = history.decisions(session, EVERYTHING, desk.smoking.violation_id)
        assert kept.decision_id == taken


@pytest.mark.parametrize("incident", ["", "x", "x:", ":0", "x:-1", "x:0 y", "x:9999999999999"])
def test_what_was_seen_must_be_readable(desk: Desk, incident: str) -> None:
    answer = desk.post(
        desk.regulator.logged_in("wang"), "/review/decisions", verdict="confirmed", incident=incident
    )
    assert answer.status_code == 422


def test_many_at_once_never_reach_another_town(desk: Desk) -> None:
    setup.add_town(desk.regulator.settings, "west")
    setup.add_person(desk.regulator.settings, "zhao", Role.INSPECTOR, Place(("west",)))
    zhao = desk.regulator.logged_in("zhao")
    answer = desk.post(zhao, "/review/decisions", verdict="confirmed", incident=f"{desk.later.violation_id}:0")
    assert "problem" in answer.json()["results"][0]
    assert set(desk.states().values()) == {"open"}


def test_a_claim_keeps_others_away_until_its_time_is_over(desk: Desk) -> None:
    one = desk.hats[0].violation_id
    lease = timedelta(seconds=claims.LEASE_S)
    with desk.database.writing() as session:
        mine = claims.claim(session, EVERYTHING, one, WANG, AT)
        assert mine is not None
        assert mine.mine
        # Another camera of the same incident is claimed with it.
        theirs = claims.claim(session, EVERYTHING, desk.hats[1].violation_id, LI, AT + lease / 2)
        assert theirs is not None
        assert (theirs.mine, theirs.username, theirs.leased_until) == (False, "wang", AT + lease)
        with pytest.raises(claims.ClaimedByOther):
            claims.check(session, [one], LI, AT + lease / 2)
        assert claims.of_others(session, EVERYTHING, LI, AT + lease / 2) == {mine.incident_id: "wang"}
        renewed = claims.claim(session, EVERYTHING, one, WANG, AT + lease / 2)
        assert renewed is not None
        assert renewed.leased_until == AT + lease * 1.5
        after = AT + lease * 1.5
        claims.check(session, [one], LI, after)
        assert claims.of_others(session, EVERYTHING, LI, after) == {}
        taken = claims.claim(session, EVERYTHING, one, LI, after)
        assert taken is not None
        assert taken.mine


def test_a_claim_can_be_taken_over_knowingly_and_looking_at_another_ends_it(desk: Desk) -> None:
    one = desk.hats[0].violation_id
    with desk.database.writing() as session:
        claims.claim(session, EVERYTHING, one, WANG, AT)
        over = claims.claim(session, EVERYTHING, one, LI, AT, take_over=True)
        assert over is not None
        assert over.mine
        claims.claim(session, EVERYTHING, desk.later.violation_id, LI, AT)
        assert list(claims.of_others(session, EVERYTHING, WANG, AT)) == [desk.later.violation_id]
        nothing = scope_of(Role.INSPECTOR, "default", (), None), scope_of(Role.AUDITOR, "default", (), None)
        assert [claims.claim(session, scope, one, LI, AT) for scope in nothing] == [None, None]


def test_nobody_decides_over_a_claim_and_is_told_whose_it_is(desk: Desk) -> None:
    wang, li = desk.regulator.logged_in("wang"), desk.regulator.logged_in("li")
    one = desk.hats[0].violation_id
    assert desk.post(wang, f"/review/{one}/claim").json()["mine"] is True
    told = desk.post(li, f"/review/{one}/claim").json()
    assert (told["mine"], told["told"]) == (False, "wang is looking at this one")
    assert "wang is looking" in li.get("/review").text
    refused = desk.post(li, f"/review/{one}/decision", verdict="confirmed", follows="0")
    assert (refused.status_code, refused.json()["detail"]) == (409, "wang is looking at this one")
    assert desk.post(li, f"/review/{one}/claim", take_over="true").json()["mine"] is True
    assert desk.post(li, f"/review/{one}/decision", verdict="confirmed", follows="0").status_code == 200
    assert desk.post(wang, "/review/" + "0" * 32 + "/claim").status_code == 404


def test_serious_rules_and_a_sample_are_looked_at_twice_by_another_person(desk: Desk) -> None:
    for one in (*desk.hats, desk.later, desk.smoking):
        desk.decide(one)
    second = Filters(state="second")
    assert desk.queue(second, LI, SecondPolicy(share=0.0)) == [[desk.smoking.violation_id]]
    assert desk.queue(second, WANG, ALL_TWICE) == []
    assert len(desk.queue(second, LI, ALL_TWICE)) == 3
    assert desk.queue(second, LI, SecondPolicy(share=1.0, within_days=0.01)) == [
        [desk.later.violation_id]
    ]  # captured at the very hour that the queue is asked for
    everything = (*desk.hats, desk.later, desk.smoking)
    sampled = {one.violation_id for one in everything if one.violation_id < "4"}
    quarter = desk.queue(second, LI, SecondPolicy(frozenset(), 0.25))
    assert {rows[0] for rows in quarter} <= sampled
    assert 0 < len(quarter) < 3


def test_a_second_look_is_kept_once_and_never_by_the_one_who_decided(desk: Desk) -> None:
    one, decision = desk.smoking.violation_id, desk.decide(desk.smoking)
    agree, differ = Step(Verdict.CONFIRMED), Step(Verdict.REJECTED, 1)
    with desk.database.writing() as session:
        for seen, person in (((one, decision), WANG), ((one, decision + 1), LI), (("0" * 32, 1), LI)):
            with pytest.raises(NoSecondLook):
                look_again(session, EVERYTHING, seen, agree, person, AT)
        with pytest.raises(NoSecondLook):
            look_again(session, scope_of(Role.AUDITOR, "default", (), None), (one, decision), agree, LI, AT)
        look_again(session, EVERYTHING, (one, decision), differ, LI, AT)
    with pytest.raises(NoSecondLook), desk.database.writing() as session:
        look_again(session, EVERYTHING, (one, decision), agree, LI, AT)
    assert desk.queue(Filters(state="second"), LI, ALL_TWICE) == []
    assert desk.states()[one] == "confirmed"
    with desk.database.reading() as session:
        (found,) = pairs(session, EVERYTHING, AT)
        assert (found.first, found.second, found.first_name, found.second_name) == (
            "confirmed",
            "rejected",
            "wang",
            "li",
        )
        assert pairs(session, scope_of(Role.INSPECTOR, "default", (), None), AT) == []


def test_the_database_itself_refuses_a_second_look_by_the_same_person(desk: Desk) -> None:
    decision = desk.decide(desk.smoking)
    row = SecondReview(
        decision_id=decision,
        violation_id=desk.smoking.violation_id,
        verdict="confirmed",
        note="",
        person_id=WANG,
        reviewed_at=AT,
    )
    with pytest.raises(IntegrityError, match="another person"), desk.database.writing() as session:
        session.add(row)


def test_the_second_person_does_not_see_the_first_decision(desk: Desk) -> None:
    young = sample(9, "smoking", captured_at=now())
    send(desk.regulator.client, desk.regulator.token, [young])
    wang, li = desk.regulator.logged_in("wang"), desk.regulator.logged_in("li")
    fields = {"verdict": "rejected", "reason": "6", "note": "a pencil", "follows": "0"}
    desk.post(wang, f"/review/{young.violation_id}/decision", **fields)
    assert "second look (1)" in li.get("/review").text
    assert "second look (" not in wang.get("/review").text
    text = li.get("/review", params={"state": "second"}).text
    article = text[text.index('<article class="one"') : text.index("</article>")]
    assert f'action="/review/{young.violation_id}/second' in article
    assert "a pencil" not in text
    assert "wang" not in article
    assert 'class="state rejected"' not in article.replace("/review?", "")
    answer = desk.post(li, f"/review/{young.violation_id}/second", verdict="confirmed", follows="1")
    assert answer.status_code == 200
    again = desk.post(li, f"/review/{young.violation_id}/second", verdict="confirmed", follows="1")
    assert again.status_code == 404
    stats = desk.regulator.logged_in("admin").get("/agreement").text
    assert "wang" in stats
    assert "0 %" in stats
    assert f"/review/{young.violation_id}" in stats
    assert ">wang<" not in li.get("/agreement").text


VERDICT = st.sampled_from([verdict.value for verdict in second_reviews.VERDICTS])


@given(st.dictionaries(st.tuples(VERDICT, VERDICT), st.integers(1, 30), max_size=9))
def test_agreement_is_a_share_and_kappa_never_exceeds_it(counts: dict[tuple[str, str], int]) -> None:
    one = Agreement(counts)
    if not counts:
        assert (one.share, one.kappa, agreement([]).total) == (None, None, 0)
        return
    assert one.share is not None
    assert 0 <= one.share <= 1
    if one.kappa is not None:
        assert -1 <= one.kappa <= one.share + 1e-9
        assert (one.kappa == 1) == (one.share == 1)


def test_kappa_is_that_of_a_known_example() -> None:
    # 20 and 15 agreements, 5 and 10 differences of 50: share 0.7, chance 0.5.
    yes, no = "confirmed", "rejected"
    one = Agreement({(yes, yes): 20, (yes, no): 5, (no, yes): 10, (no, no): 15})
    assert (one.share, one.kappa) == (0.7, pytest.approx(0.4))


def test_a_new_incident_shows_what_became_of_the_camera_before(desk: Desk) -> None:
    desk.decide(desk.hats[0], Verdict.REJECTED)
    looker = Looker(EVERYTHING, WANG, AT + timedelta(days=1), NONE_TWICE)
    with desk.database.reading() as session:
        row = session.get_one(ViolationRow, desk.later.violation_id)
        found = camera_record(session, looker, row)
        assert (found.states, found.reasons, found.rejected_share) == ({"rejected": 1}, {2: 1}, 1.0)
        alone = camera_record(session, looker, session.get_one(ViolationRow, desk.hats[1].violation_id))
        assert (alone.states, alone.rejected_share) == ({}, None)
    text = desk.regulator.logged_in("wang").get(f"/review/{desk.later.violation_id}").text
    assert "100 % rejected" in text


def test_views_are_ones_own_and_keep_only_filters(desk: Desk) -> None:
    wang, li = desk.regulator.logged_in("wang"), desk.regulator.logged_in("li")
    path = "/review/views?rule=smoking&state=&cursor=abc&next=http://elsewhere"
    assert desk.post(wang, path, name=" Smokers ").status_code == 303
    with desk.database.reading() as session:
        (view,) = saved_views.saved(session, WANG)
    assert (view.name, view.query) == ("Smokers", "rule=smoking&state=")
    assert "Smokers" in wang.get("/review").text
    assert "Smokers" not in li.get("/review").text
    assert desk.post(li, f"/review/views/{view.view_id}/forget").status_code == 404
    desk.post(wang, "/review/views?state=open", name="Smokers")
    with desk.database.reading() as session:
        assert [one.query for one in saved_views.saved(session, WANG)] == ["state=open"]
    assert desk.post(wang, f"/review/views/{view.view_id}/forget").status_code == 303
    assert "Smokers" not in wang.get("/review").text


@pytest.mark.parametrize(("name", "why"), [("  ", "no_name"), ("x" * 61, "long_name"), ("21", "too_many")])
def test_a_view_that_cannot_be_kept_says_why(desk: Desk, name: str, why: str) -> None:
    with desk.database.writing() as session:
        for number in range(20):
            saved_views.save(session, WANG, f"view {number}", "state=")
        with pytest.raises(saved_views.ViewRefused, match=why):
            saved_views.save(session, WANG, name, "")
    assert desk.post(desk.regulator.logged_in("wang"), "/review/views", name=name).status_code == 409


def test_an_incident_is_split_and_merged_on_the_page(desk: Desk) -> None:
    wang = desk.regulator.logged_in("wang")
    first, second = (one.violation_id for one in desk.hats)
    answer = desk.post(wang, f"/review/{second}/split?state=open", words="two cooks")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/review/{second}?state=open")
    assert desk.queue()[-2:] == [[second], [first]]
    text = wang.get(f"/review/{second}").text
    assert "two cooks" in text
    assert f'<option value="{first}">' in text
    assert desk.post(wang, f"/review/{second}/merge", other=first).status_code == 303
    assert desk.queue()[-1] == [second, first]
    refused = desk.post(wang, f"/review/{second}/merge", other=first)
    assert (refused.status_code, refused.json()["title"]) == (409, "They are one incident already")
    assert desk.post(wang, f"/review/{second}/merge", other="0" * 32).status_code == 404


def test_a_script_logs_in_again_and_gets_what_its_forms_need(desk: Desk) -> None:
    password = setup.reset_password(desk.regulator.settings, "wang")
    client, asked = desk.regulator.another_client(), {"accept": "application/json"}
    assert client.get("/session", headers=asked).status_code == 401
    wrong = client.post("/login", data={"username": "wang", "password": "x"}, headers=asked)
    assert (wrong.status_code, wrong.json()["title"]) == (401, "User name or password is wrong")
    said = client.post("/login", data={"username": "wang", "password": password}, headers=asked).json()
    assert said == client.get("/session", headers=asked).json()
    form = {"verdict": "confirmed", "follows": "0", "csrf_token": said["csrf_token"]}
    answer = client.post(f"/review/{desk.later.violation_id}/decision", data=form, headers=asked)
    assert (answer.status_code, desk.states()[desk.later.violation_id]) == (200, "confirmed")


def test_a_part_of_a_page_is_never_replaced_by_the_log_in_page(desk: Desk) -> None:
    headers = {"accept": "text/html, */*", "hx-request": "true"}
    answer = desk.regulator.another_client().get("/review/new", headers=headers, follow_redirects=False)
    assert answer.status_code == 401
    assert CANTEEN not in answer.text
