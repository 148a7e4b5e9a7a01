"""Promises of filters and cursors as values, and of what the desk is made of."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from regulator.conftest import Regulator
from regulator.sample import boxes_at, sample, send, send_blobs, send_report

from kitchenvision.regulator import store
from kitchenvision.regulator.access import EVERYTHING
from kitchenvision.regulator.desk import Desk, desk, queue
from kitchenvision.regulator.listing import Cursor, Filters, read_cursor
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.queue_store import Looker
from kitchenvision.regulator.second_reviews import SecondPolicy

instants = st.datetimes(
    min_value=datetime(1990, 1, 1),
    max_value=datetime(2200, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(-timedelta(minutes=150))]),
)


@given(instants, st.from_regex(r"[0-9a-f]{16,64}", fullmatch=True))
def test_a_cursor_survives_its_way_through_an_address(at: datetime, violation_id: str) -> None:
    cursor = Cursor(at, violation_id)
    assert read_cursor(cursor.text()) == cursor
    assert cursor.text().replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=80))
def test_whatever_is_sent_as_a_cursor_is_read_or_refused(word: str) -> None:
    try:
        aware = read_cursor(word).captured_at.tzinfo is not None
    except Refused as refused:
        aware = (refused.problem.status, refused.problem.field) == (422, "cursor")
    assert aware


def test_filters_make_the_query_that_they_were_read_from() -> None:
    filters = Filters.model_validate(
        {"rule": "no_hat", "from": "2026-11-20T03:00:00Z", "canteen": "", "state": "open"}
    )
    assert filters.query() == "rule=no_hat&state=open&from=2026-11-20T03%3A00%3A00Z"
    assert filters.query(state="") == "rule=no_hat&state=&from=2026-11-20T03%3A00%3A00Z"
    assert Filters().query() == ""


@pytest.mark.parametrize("wrong", [{"state": "guilty"}, {"from": "2026-01-01T00:00:00"}, {"rule": "x" * 201}])
def test_filters_refuse_what_is_none(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Filters.model_validate(wrong)


LOOKER = Looker(EVERYTHING, 1, now(), SecondPolicy())


def shown(regulator: Regulator, violation_id: str) -> Desk:
    """The desk's values of one violation."""
    parts = regulator.app.state.parts
    with parts.database.reading() as session:
        found = desk(session, LOOKER, parts.blobs, violation_id, Filters())
    assert found is not None
    return found


def test_the_marks_are_where_the_violation_starts_is_confirmed_and_ends_in_the_clip(library: Regulator) -> None:
    marks = shown(library, sample(1).violation_id).marks
    assert marks is not None
    assert marks.seconds == 10.0
    assert (marks.started, marks.confirmed, marks.ended) == (18.0, 50.0, 88.0)


def test_what_lies_outside_the_clip_has_no_mark(regulator: Regulator) -> None:
    one = sample()
    one.clip = one.clip.model_copy(update={"from_s": 13.0, "to_s": 16.0})
    send(regulator.client, regulator.token, [one])
    marks = shown(regulator, one.violation_id).marks
    assert marks is not None
    assert (marks.started, marks.ended) == (None, None)
    assert marks.confirmed == pytest.approx(73.33)


def test_a_clip_without_length_has_no_marks(regulator: Regulator) -> None:
    one = sample()
    one.clip = one.clip.model_copy(update={"from_s": 12.0, "to_s": 12.0})
    send(regulator.client, regulator.token, [one])
    marks = shown(regulator, one.violation_id).marks
    assert marks is not None
    assert (marks.started, marks.confirmed, marks.ended) == (None, None, None)


def test_before_the_clip_has_come_there_are_no_marks_and_the_violation_is_not_over(regulator: Regulator) -> None:
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    send_report(regulator.client, regulator.token, one.confirmed)
    found = shown(regulator, one.violation_id)
    assert found.marks is None
    assert found.row.ended_s is None
    assert found.end_reason == ""


def test_a_later_clip_takes_the_place_of_an_earlier_one_and_both_reports_stay(regulator: Regulator) -> None:
    one, longer = sample(), sample(clip=b"a longer clip")
    send(regulator.client, regulator.token, [one])
    send_blobs(regulator.client, regulator.token, longer.blobs)
    again = longer.clip.model_copy(update={"seq": 4})
    assert send_report(regulator.client, regulator.token, again).status_code == 201
    client = regulator.logged_in()
    assert client.get(f"/api/v1/violations/{one.violation_id}/clip").content == b"a longer clip"
    assert len(client.get(f"/api/v1/violations/{one.violation_id}").json()["reports"]) == 4


def test_rectangles_keep_who_is_accused_apart_from_the_others(regulator: Regulator) -> None:
    at = sample().confirmed.captured_at
    boxes = boxes_at(at).model_copy(update={"cigarette_xyxy": (300.0, 130.0, 312.0, 134.0)})
    one = sample(rule_id="smoking", boxes=boxes)
    send(regulator.client, regulator.token, [one])
    kinds = [(box.kind, box.x, box.width) for box in shown(regulator, one.violation_id).rectangles]
    assert kinds == [
        ("other", 450.0, 110.0),
        ("person", 220.0, 120.0),
        ("head", 250.0, 60.0),
        ("cigarette", 300.0, 12.0),
    ]


def test_a_box_turned_inside_out_has_no_size_instead_of_breaking_the_page(regulator: Regulator) -> None:
    boxes = boxes_at(sample().confirmed.captured_at).model_copy(update={"head_xyxy": (300.0, 90.0, 250.0, 20.0)})
    one = sample(picture=b"not looked at", boxes=boxes)
    send(regulator.client, regulator.token, [one])
    head = next(box for box in shown(regulator, one.violation_id).rectangles if box.kind == "head")
    assert (head.width, head.height) == (0, 0)
    assert regulator.logged_in().get("/review").status_code == 200


def test_the_tally_counts_this_canteen_and_rule_by_state(library: Regulator) -> None:
    assert shown(library, sample(9).violation_id).record.everywhere == {"open": 3}


def test_earlier_incidents_are_of_the_same_canteen_and_rule_and_before_this_one(library: Regulator) -> None:
    found = shown(library, sample(9).violation_id)
    assert [item.row.violation_id for item in found.earlier] == [sample(6).violation_id, sample(3).violation_id]
    assert shown(library, sample(3).violation_id).earlier == ()


def test_a_thumbnail_is_the_head_else_the_snapshot_else_nothing(regulator: Regulator) -> None:
    whole, no_head, bare = sample(3), sample(2, "no_mask"), sample(1, "smoking")
    send_blobs(regulator.client, regulator.token, {**whole.blobs, **no_head.blobs})
    left = tuple(ref for ref in no_head.confirmed.blobs if ref.role != "head_crop")
    for report in (
        whole.confirmed,
        no_head.confirmed.model_copy(update={"blobs": left}),
        bare.confirmed.model_copy(update={"blobs": ()}),
    ):
        assert send_report(regulator.client, regulator.token, report).status_code == 201
    with regulator.app.state.parts.database.reading() as session:
        pictures = [one.item.picture.rsplit("/", 1)[-1] for one in queue(session, LOOKER, Filters()).items]
    assert pictures == ["head_crop", "snapshot", ""]


def test_an_unknown_violation_has_no_desk(library: Regulator) -> None:
    parts = library.app.state.parts
    with parts.database.reading() as session:
        assert desk(session, LOOKER, parts.blobs, "0" * 32, Filters()) is None
        assert store.roles(session, EVERYTHING, []) == {}


def test_cameras_and_rules_that_reported_are_known(library: Regulator) -> None:
    with library.app.state.parts.database.reading() as session:
        assert list(store.rules(session, EVERYTHING)) == ["no_hat", "no_mask", "smoking"]
        assert list(store.cameras(session, EVERYTHING)) == ["camera-0", "camera-1", "serving-1"]


def test_a_trace_that_is_too_large_is_not_drawn(regulator: Regulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kitchenvision.regulator.desk._LARGEST_TRACE_BYTES", 10)
    one = sample()
    send(regulator.client, regulator.token, [one])
    assert shown(regulator, one.violation_id).trace is None


def test_violations_of_the_same_instant_are_listed_each_once(regulator: Regulator) -> None:
    at = sample().confirmed.captured_at
    send(regulator.client, regulator.token, [sample(i, captured_at=at) for i in range(1, 6)])
    seen: list[str] = []
    cursor = None
    with regulator.app.state.parts.database.reading() as session:
        while rows := store.page(session, EVERYTHING, Filters(), 2, cursor):
            seen += [row.violation_id for row in rows]
            cursor = Cursor(rows[-1].captured_at, rows[-1].violation_id)
    assert len(seen) == len(set(seen)) == 5
