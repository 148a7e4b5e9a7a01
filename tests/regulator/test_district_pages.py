"""Promises of the pages about colours: state said three times, points with incidents, trials that keep nothing."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from regulator.asgi import TestClient
from regulator.conftest import Regulator, made
from regulator.sample import CANTEEN, sample, send

from kitchenvision.regulator import case_store, history, setup
from kitchenvision.regulator import district_view as view
from kitchenvision.regulator.access import EVERYTHING
from kitchenvision.regulator.case_steps import CasePolicy
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.observed_tables import ObservedDay, SchoolWeek
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.policy import standard_policy
from kitchenvision.regulator.scoring import Colour
from kitchenvision.regulator.scoring_store import DayColour

ZONE = ZoneInfo("Asia/Shanghai")
GREY = "no-data"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulator]:
    """One canteen that smoked twice yesterday, one without a lapse, one that nobody watched."""
    with made(tmp_path_factory.mktemp("district")) as one:
        setup.add_canteen(one.settings, "clean", "干净食堂")
        setup.add_canteen(one.settings, GREY, "未接入食堂")
        database = one.app.state.parts.database
        at = now().astimezone(ZONE)
        with database.writing() as session:
            session.add(SchoolWeek(district_id="default", canteen_id="", weekdays="0123456"))
            for canteen_id in (CANTEEN, "clean"):
                for i in range(40):
                    for camera in ("a", "b"):
                        day = at.date() - timedelta(days=i)
                        told = {"camera_id": camera, "rule_id": "smoking", "observed_s": 9 * 3600.0}
                        session.add(ObservedDay(canteen_id=canteen_id, day=day, **told))
        lapses = [sample(i, "smoking", captured_at=now() - timedelta(days=1, minutes=30 * i)) for i in (1, 2)]
        send(one.client, one.token, lapses)
        for lapse in lapses:
            with database.writing() as session:
                history.decide(session, EVERYTHING, (lapse.violation_id, 0), Step(Verdict.CONFIRMED), 1, now())
        yield one


@pytest.fixture(scope="module")
def browser(full: Regulator) -> TestClient:
    """The owner's."""
    return full.logged_in()


def test_the_district_lists_the_worst_first_and_says_state_three_times(browser: TestClient) -> None:
    page = browser.get("/district").text
    order = [page.index(name) for name in ("一号食堂", "未接入食堂", "干净食堂")]
    assert order == sorted(order)
    for colour, shape, word in (("red", "▲", "Red"), ("grey", "○", "No data"), ("green", "●", "Green")):
        assert re.search(rf'code-chip {colour}"><span aria-hidden="true">{shape}</span> {word}<', page)


def test_a_canteen_without_data_is_never_green(browser: TestClient) -> None:
    page = browser.get(f"/canteens/{GREY}").text
    assert "Grey, no data" in page
    assert "No observed time arrived" in page
    assert "code-chip green" not in page


def test_every_point_leads_to_its_incident_and_the_sum_is_shown(browser: TestClient) -> None:
    page = browser.get(f"/canteens/{CANTEEN}").text
    for i in (1, 2):
        assert f'href="/review/{sample(i).violation_id}?state="' in page
    assert "camera-hours × 1000" in page
    assert "Red, high risk" in page


def test_the_page_says_what_would_change_the_colour(browser: TestClient) -> None:
    assert re.search(r"it turns (Yellow|Blue|Green) on 20\d\d-", browser.get(f"/canteens/{CANTEEN}").text)
    assert re.search(r"routine incidents \(class 3\) make it Blue: \d+", browser.get("/canteens/clean").text)


def test_both_languages_show_every_page(browser: TestClient) -> None:
    for path in ("/district", f"/canteens/{CANTEEN}", "/policies", f"/public/{CANTEEN}"):
        for language, word in (("zh", "红" if "polic" not in path else "标准评分办法"), ("en", None)):
            answer = browser.get(path, params={"lang": language})
            assert answer.status_code == 200
            assert word is None or word in answer.text
            assert "style=" not in answer.text  # the content policy would drop it silently


def test_the_empty_district_teaches_the_next_step(tmp_path: Path) -> None:
    with made(tmp_path) as one:
        setup.add_town(one.settings, "elsewhere", district_id="elsewhere")
        setup.move_canteen(one.settings, CANTEEN, "elsewhere")
        page = one.logged_in().get("/district").text
        assert "kitchenvision regulator add-canteen" in page


def test_the_public_page_needs_no_log_in_and_shows_no_picture(full: Regulator) -> None:
    answer = full.another_client().get(f"/public/{CANTEEN}")
    assert answer.status_code == 200
    assert "Red, high risk" in answer.text
    assert "of the time that was due" in answer.text
    assert "<img" not in answer.text
    assert sample(1).violation_id not in answer.text
    assert "public" in answer.headers["cache-control"]
    assert full.another_client().get("/public/nobody").status_code == 404


def test_the_public_page_of_a_grey_canteen_says_so(full: Regulator) -> None:
    page = full.another_client().get(f"/public/{GREY}").text
    assert "Grey, no data" in page
    assert "No observed time arrived" in page


def test_the_qr_code_is_a_drawing_without_script(full: Regulator) -> None:
    answer = full.another_client().get(f"/public/{CANTEEN}/qr.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "<svg" in answer.text
    assert "<script" not in answer.text
    other = full.another_client().get("/public/clean/qr.svg")
    assert other.text != answer.text


def form(browser: TestClient, text: str) -> dict[str, str]:
    """What the page would send."""
    page = browser.get("/policies").text
    return {"text": text, "csrf_token": page.split('name="csrf_token" value="')[1].split('"')[0]}


def draft(**changes: object) -> str:
    """A second version, in force from tomorrow."""
    tomorrow = (datetime.now(ZONE) + timedelta(days=1)).date().isoformat()
    return json.dumps({**json.loads(standard_policy().text()), "version": 2, "valid_from": tomorrow, **changes})


def test_a_trial_shows_who_changes_colour_and_keeps_nothing(browser: TestClient) -> None:
    milder = draft(thresholds={"per_camera_hours": 1000.0, "blue": 500.0, "yellow": 600.0, "red": 700.0})
    answer = browser.post("/policies/try", data=form(browser, milder))
    assert answer.status_code == 200
    assert "Canteens that change colour: 1" in answer.text
    assert "↓ better" in answer.text
    assert browser.get("/policies").text.count("standard ") == 1


def test_a_wrong_policy_comes_back_with_its_key_and_what_was_written(browser: TestClient) -> None:
    answer = browser.post("/policies/try", data=form(browser, draft(repeat={"factor": 0.5, "most": 3})))
    assert answer.status_code == 422
    assert "repeat.factor" in answer.text
    assert "&#34;factor&#34;: 0.5" in answer.text


def test_a_policy_of_today_is_refused_and_one_of_tomorrow_entered_once(tmp_path: Path) -> None:
    with made(tmp_path) as one:
        browser = one.logged_in()
        early = draft(valid_from=date(2026, 1, 1).isoformat())
        assert "valid_from" in browser.post("/policies", data=form(browser, early)).text
        answer = browser.post("/policies", data=form(browser, draft()), follow_redirects=False)
        assert answer.status_code == 303
        again = browser.post("/policies", data=form(browser, draft()))
        assert again.status_code == 422
        assert "a change is a new version" in again.text
        assert "standard 2" in browser.get("/policies").text


def strip(*colours: str, first: date = date(2026, 11, 1)) -> list[DayColour]:
    """A day for each letter; a blank is a gap."""
    names = {"r": Colour.RED, "g": Colour.GREEN, "-": Colour.GREY}
    return [
        DayColour(first + timedelta(days=i), names[letter], None if letter == "-" else 5.0, 100.0, 1.0)
        for i, letter in enumerate("".join(colours))
        if letter != " "
    ]


def test_days_of_one_colour_are_one_run_and_a_gap_stays_free() -> None:
    told = view.runs(strip("rrg gg-"), date(2026, 11, 1))
    assert [(run.colour.value, run.at, run.days) for run in told] == [
        ("red", 0, 2),
        ("green", 2, 1),
        ("green", 4, 2),
        ("grey", 6, 1),
    ]


def test_a_trend_has_a_gap_where_there_is_no_score() -> None:
    told = view.lines(strip("gg-g"), date(2026, 11, 1), 20.0)
    assert told == ("0.5,10.0 1.5,10.0", "3.5,10.0")


def test_months_count_their_days_newest_first() -> None:
    told = view.months(strip("ggr", first=date(2026, 10, 30)))
    assert [(month.month, month.days[Colour.GREEN], month.days[Colour.RED]) for month in told] == [
        ("2026-11", 0, 1),
        ("2026-10", 2, 0),
    ]


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [("green", "red", True), ("red", "blue", False), ("red", "red", None), ("grey", "red", None)],
)
def test_only_colours_with_a_rank_get_worse_or_better(before: str, after: str, worse: bool | None) -> None:
    assert view.worse(Colour(before), Colour(after)) is worse


def test_an_overdue_case_holds_the_colour_and_the_page_says_why(tmp_path: Path) -> None:
    with made(tmp_path) as one:
        database, at = one.app.state.parts.database, now()
        with database.writing() as session:
            session.add(SchoolWeek(district_id="default", canteen_id="", weekdays="0123456"))
            for i in range(40):
                for camera in "abcdefgh":
                    told = {"camera_id": camera, "rule_id": "smoking", "observed_s": 9 * 3600.0}
                    day = at.astimezone(ZONE).date() - timedelta(days=i)
                    session.add(ObservedDay(canteen_id=CANTEEN, day=day, **told))
        lapse = sample(1, "smoking", captured_at=at - timedelta(days=16))
        send(one.client, one.token, [lapse])
        with database.writing() as session:
            seen = (lapse.violation_id, 0)
            history.decide(session, EVERYTHING, seen, Step(Verdict.CONFIRMED), 1, at - timedelta(days=15))
            ordered_at = at - timedelta(days=14)  # three days to rectify smoking: overdue for eleven
            case_store.open_case(session, EVERYTHING, lapse.violation_id, 1, ordered_at, CasePolicy())
        page = one.logged_in().get(f"/canteens/{CANTEEN}").text
        assert "Red, high risk" in page
        assert "Held at this colour by an overdue rectification" in page
        assert "▲ 11 d overdue" in page
        assert re.search(r'<a href="/cases/1">20\d\d-00001</a>', page)
        setup.add_person(one.settings, "cook", "canteen", Place(canteen_id=CANTEEN))
        own = one.logged_in("cook").get(f"/canteens/{CANTEEN}").text
        assert 'href="/cases/1"' in own
        assert "/review/" not in own
        assert "Overdue rectifications: 1." in page
        assert "Once what is overdue is settled" in page
