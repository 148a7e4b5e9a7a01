"""Live pictures over a line that carries less than one of them at a time: rarely, but they come, and no more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.live import LivePlan, LivePush
from kitchenvision.edge.settings import LiveSection
from kitchenvision.edge.state import CameraState
from kitchenvision.edge.words import Words
from kitchenvision.errors import DeliveryRetry
from kitchenvision.wire import LiveState

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def camera(name: str, at: datetime, size: int) -> CameraState:
    return CameraState(name, name, "rtsp://camera", "live", thumbnail=bytes(size), picture_at=at)


def run(one: LivePlan, sizes: dict[str, int], seconds: float, every_s: float = 2.0) -> tuple[list[str], int]:
    """Which cameras' pictures went, in order, and how many bytes in all."""
    went, total = list[str](), 0
    for turn in range(int(seconds / every_s)):
        now_s = every_s * (turn + 1)
        at = NOW + timedelta(seconds=now_s)
        due = one.due([camera(name, at, size) for name, size in sizes.items()], now_s, at)
        size = sum(len(state.thumbnail) * 4 // 3 + 150 for state in due.pictures)
        one.sent(due, now_s, size)
        went += [state.camera_id for state in due.pictures]
        total += size
    return went, total


def plan(kbit_s: float) -> LivePlan:
    return LivePlan(LiveSection(kbit_s=kbit_s), Words("en"), 0.0)


@pytest.mark.parametrize("kbit_s", [8.0, 12.0])
def test_a_picture_larger_than_ten_seconds_of_the_line_is_saved_up_for(kbit_s: float) -> None:
    """The slowest line that may be set carries 10 kB in that time; a kitchen's picture is larger."""
    went, total = run(plan(kbit_s), {"a": 15_000, "b": 15_000}, 300)
    assert went[:4] == ["a", "b", "a", "b"]
    assert total <= kbit_s * 125 * (300 + 10)


@given(st.floats(8, 64), st.dictionaries(st.sampled_from("abcde"), st.integers(100, 60_000), min_size=1))
def test_no_camera_starves_and_the_line_is_never_overdrawn(kbit_s: float, sizes: dict[str, int]) -> None:
    """Pictures of all sizes beside each other: the longest unsent is the next, however large it is."""
    whole_round = sum(size * 4 / 3 + 200 for size in sizes.values())
    seconds = 2 * whole_round / (kbit_s * 125) + 30
    went, total = run(plan(kbit_s), sizes, seconds)
    assert set(went) == set(sizes)
    assert total <= kbit_s * 125 * (seconds + 10) + 1


def test_another_limit_holds_from_the_next_look_on() -> None:
    """Somebody has a new line put in."""
    one = plan(8.0)
    slow, _ = run(one, {"a": 15_000}, 60)
    one = plan(8.0)
    one.limit(LiveSection(kbit_s=512.0))
    fast, _ = run(one, {"a": 15_000}, 60)
    assert len(fast) > 5 * len(slow)


class Link:
    """A wall that says when it wants to be asked again, or nothing at all."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.told: list[str] = []
        self.next_s = 4.0
        self.error: Exception | None = None

    def pictures(self, body: bytes) -> float:
        if self.error:
            raise self.error
        self.bodies.append(body)
        return self.next_s

    def blind(self, camera_id: str, state: LiveState) -> float:
        if self.error:
            raise self.error
        self.told.append(f"{camera_id}: {state.reason}")
        return self.next_s


def push(link: Link, states: list[CameraState], settings: LiveSection, now_s: list[float]) -> LivePush:
    """Over a clock that a test sets."""
    return LivePush(link, lambda: states, settings, "en", lambda: now_s[0])  # type: ignore[arg-type]


def test_switched_off_nothing_leaves_the_canteen_and_switched_on_it_does() -> None:
    """Also not that a camera is blind."""
    link, now_s = Link(), [0.0]
    states = [camera("a", NOW, 3000), CameraState("b", "b", "rtsp://c", "dead", "stalled")]
    one = push(link, states, LiveSection(enabled=False), now_s)
    assert one.step() == 2.0
    assert (link.bodies, link.told) == ([], [])
    one.reload(LiveSection(enabled=True))
    assert one.step() == 4.0
    assert (len(link.bodies), link.told) == (1, ["b: no picture"])
    one.reload(LiveSection(enabled=False))
    states[0] = replace(states[0], picture_at=NOW + timedelta(seconds=9))
    one.step()
    assert len(link.bodies) == 1


def test_two_batches_are_never_closer_than_the_settings_say() -> None:
    """Whatever the wall wishes."""
    link = Link()
    link.next_s = 0.1
    assert push(link, [camera("a", NOW, 100)], LiveSection(least_s=5.0), [0.0]).step() == 5.0


def test_a_picture_that_could_not_be_sent_is_sent_when_the_wall_is_back_and_costs_the_line_nothing() -> None:
    """The problem is told while it lasts, and pauses grow."""
    link, now_s = Link(), [0.0]
    one = push(link, [camera("a", NOW, 3000)], LiveSection(kbit_s=8.0), now_s)
    link.error = DeliveryRetry("the regulator does not answer")
    waits = []
    for _ in range(7):
        waits.append(one.step())
        now_s[0] += waits[-1]
    assert waits == sorted(waits)
    assert waits[-1] == 300.0
    assert "does not answer" in one.problem
    link.error = None
    one.step()
    assert (len(link.bodies), one.problem) == (1, "")
