"""People are told in time also when the box's clock is set: nobody waits for what lies in the future by then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.notices import Book, Event, Reader
from kitchenvision.edge.notify_settings import NotifySection
from kitchenvision.edge.state import CameraState

NOW = datetime(2026, 11, 28, 4, tzinfo=UTC)
LIVE = CameraState("cooking", "热菜间", "rtsp://c/l", "live")
COVERED = replace(LIVE, troubles=("covered",))
DAY_S = 86400.0


def reader(group_s: float = 60.0, most_per_hour: int = 12) -> Reader:
    """One who wants everything."""
    values = {"group_s": group_s, "most_per_hour": most_per_hour, "blind_after_s": 120.0}
    return Reader(NotifySection(name="chef", way="webhook", address_env="CHEF", **values), Book())


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def found(seconds: float) -> Event:
    return Event(kind="violation", at=after(seconds), camera_id="cooking", camera="热菜间", rule_id="no_hat")


def test_a_finding_of_a_clock_that_was_ahead_does_not_hold_up_those_after_it() -> None:
    """The box started a year ahead and was set right a minute later."""
    one = reader()
    one.happened(found(365 * DAY_S))
    one.happened(found(10))
    assert len(one.due(after(20))) == 2


@pytest.mark.parametrize("back_s", [60.0, 3600.0, 400 * DAY_S])
def test_a_failure_before_the_clock_went_back_is_tried_again_at_once(back_s: float) -> None:
    """Not only when the old time has come again."""
    one = reader(group_s=0.0)
    one.happened(found(0))
    assert one.due(NOW)
    one.failed("away", NOW)
    assert one.due(after(5)) == []
    assert one.due(after(5 - back_s))


def test_messages_that_were_sent_in_a_future_hour_count_for_no_limit() -> None:
    """Else a box whose clock was a year ahead would be silent for a year."""
    one = reader(group_s=0.0, most_per_hour=1)
    one.happened(found(0))
    one.sent(one.due(after(DAY_S - 1)), after(DAY_S - 1))
    one.happened(found(10))
    assert len(one.due(after(10))) == 1


@pytest.mark.parametrize("back_s", [30.0, 3600.0, DAY_S])
def test_a_covered_camera_is_told_two_minutes_after_the_clock_went_back(back_s: float) -> None:
    """At the latest: what had passed before is not known any more."""
    one = reader()
    one.look([COVERED], False, NOW)
    one.look([COVERED], False, after(60))
    for second in range(60, 190, 10):
        one.look([COVERED], False, after(second - back_s))
    assert [event.kind for event in one.book.waiting] == ["blind"]


def test_a_camera_that_sees_again_is_told_after_the_clock_went_back() -> None:
    """Ten seconds of sight, by whatever clock."""
    one = reader()
    one.look([replace(COVERED, state="dead", cause="stalled", blind_s=300)], False, NOW)
    one.look([LIVE], False, after(5))
    for second in range(0, 12, 2):
        one.look([LIVE], False, after(second - DAY_S))
    assert [event.kind for event in one.book.waiting] == ["blind", "back"]


def test_how_long_a_camera_is_dead_already_counts() -> None:
    """After a restart of the service the supervisor knows it, and nobody waits two minutes more."""
    one = reader()
    one.look([replace(LIVE, state="dead", cause="stalled", blind_s=119)], False, NOW)
    assert one.book.waiting == []
    one.look([replace(LIVE, state="dead", cause="stalled", blind_s=121)], False, after(2))
    assert [event.why for event in one.book.waiting] == ["stalled"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["found", "covered", "seen", "muted", "low", "send", "fail", "restart"]),
        st.floats(-2 * DAY_S, 2 * DAY_S) | st.floats(0, 120),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_the_clock_does_every_event_is_told_or_counted_and_blind_and_back_take_turns(
    steps: list[tuple[str, float]],
) -> None:
    """Each event is in one message, still waiting, or counted as left out; a camera is never told blind twice."""
    one, now, happened, told, lost = reader(), NOW, 0, [], 0
    muted = replace(COVERED, muted=True)
    states = {"covered": COVERED, "seen": LIVE, "muted": muted, "low": LIVE}
    for what, seconds in steps:
        now += timedelta(seconds=seconds)
        before = len(one.book.waiting) + one.book.left_out
        if what == "found":
            one.happened(Event(kind="violation", at=now, camera_id="cooking"))
        elif what in states:
            one.look([states[what]], what == "low", now)
        elif what == "restart":
            one = Reader(one.section, Book.model_validate_json(one.book.model_dump_json()))
        elif events := one.due(now):
            if what == "fail":
                one.failed("away", now)
                continue
            lost += one.book.left_out
            told += events
            one.sent(events, now)
            continue
        happened += len(one.book.waiting) + one.book.left_out - before
    assert len(told) + len(one.book.waiting) + one.book.left_out + lost == happened
    assert len(one.book.waiting) <= 200
    told += one.book.waiting
    turns = [event.kind for event in told if event.kind in {"blind", "back"}]
    if not lost + one.book.left_out:
        assert turns == (["blind", "back"] * len(turns))[: len(turns)]


@given(st.lists(st.floats(0, 4000), min_size=1, max_size=40), st.integers(1, 4))
def test_in_no_hour_more_messages_go_than_wanted(pauses: list[float], most: int) -> None:
    """Whatever happens when, while the clock only goes forward."""
    one, now, sent = reader(group_s=0.0, most_per_hour=most), NOW, list[datetime]()
    for pause in pauses:
        now += timedelta(seconds=pause)
        one.happened(Event(kind="violation", at=now))
        if events := one.due(now):
            one.sent(events, now)
            sent.append(now)
    for first in sent:
        assert sum(first <= at < first + timedelta(hours=1) for at in sent) <= most
