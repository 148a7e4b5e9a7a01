"""One camera's connection: whatever happens in whatever order, it comes back, and never too often."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.causes import ADVICE, NEEDS_A_PERSON, Cause, cause_of
from kitchenvision.edge.lifecycle import Lifecycle, Limits, State
from kitchenvision.errors import SourceBroken, SourceUnreadable
from kitchenvision.frames.dialing import (
    CameraRefused,
    CameraUnreachable,
    CodecUnsupported,
    ConnectionRefused,
    NoSuchStream,
)

LIMITS = Limits()
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["due", "frame", "check", "given_up", "failed"]),
        st.floats(0, 30),
        st.sampled_from(sorted(Cause)),
    ),
    max_size=80,
)


def camera(seed: int = 0, limits: Limits = LIMITS) -> Lifecycle:
    """A camera that nobody has called yet, at second 0."""
    return Lifecycle(limits, random.Random(seed), 0.0)


def happen(one: Lifecycle, event: str, now_s: float, cause: Cause) -> None:
    """One event of the lists above."""
    if event == "failed":
        one.failed(now_s, cause)
    else:
        getattr(one, event)(now_s)


@given(EVENTS, st.integers(0, 1000))
def test_whatever_happens_it_is_called_again_within_a_minute(
    events: list[tuple[str, float, Cause]], seed: int
) -> None:
    """From every state that events can lead to, silence alone leads to a new call: no stream stays away."""
    one, now_s = camera(seed), 0.0
    for event, passed_s, cause in events:
        now_s += passed_s
        happen(one, event, now_s, cause)
    until_s = now_s + LIMITS.stall_s + 2 * LIMITS.open_s + LIMITS.longest_s + 2
    while now_s < until_s:
        now_s += 0.5
        if one.check(now_s):
            one.given_up(now_s)
        if one.state is State.DEAD:
            one.given_up(now_s)
        if one.due(now_s):
            return
    pytest.fail(f"still {one.state} after {until_s} s")


@given(EVENTS, st.integers(0, 1000))
def test_pauses_between_calls_stay_within_their_bounds(events: list[tuple[str, float, Cause]], seed: int) -> None:
    """Never sooner than 1 s, never later than 60 s, whatever the causes were."""
    one, now_s = camera(seed), 0.0
    for event, passed_s, cause in events:
        now_s += passed_s
        before = sum(one.reconnects.values())
        happen(one, event, now_s, cause)
        if sum(one.reconnects.values()) > before:
            assert one.state is State.BACKING_OFF
            assert LIMITS.first_s <= one.next_try_s - now_s <= LIMITS.longest_s + 1e-6


@given(EVENTS)
def test_a_cause_is_told_exactly_while_there_is_no_picture(events: list[tuple[str, float, Cause]]) -> None:
    """A live camera has no complaint; one that backs off after a failure always has one."""
    one, now_s = camera(), 0.0
    for event, passed_s, cause in events:
        now_s += passed_s
        happen(one, event, now_s, cause)
        if one.state is State.LIVE:
            assert one.cause is None
            assert one.blind_s(now_s) == 0.0
        if one.state is State.DEAD or (one.state is State.BACKING_OFF and one.reconnects):
            assert one.cause is not None


def test_no_frame_for_20_seconds_is_dead() -> None:
    """Not a moment earlier, and the caller is told once."""
    one = camera()
    assert one.due(0.0)
    one.frame(1.0)
    assert not one.check(20.9)
    assert one.check(21.0)
    assert not one.check(22.0)
    assert (one.state, one.cause) == (State.DEAD, Cause.STALLED)
    one.frame(22.5)
    assert one.state is State.DEAD, "a frame of a reader that was given up does not revive it"
    assert one.blind_s(31.0) == 30.0


def test_opening_may_take_10_seconds_and_the_first_picture_as_many() -> None:
    """After that a reader that says nothing is stuck."""
    one = camera()
    one.due(0.0)
    assert not one.check(19.9)
    assert one.check(20.0)


def test_pauses_grow_and_begin_anew_after_a_steady_picture() -> None:
    """A camera that fails again and again is asked less often; one that was fine for a while is asked soon."""
    longest = []
    for seed in range(200):
        one, now_s, pauses = camera(seed), 0.0, []
        for _ in range(8):
            now_s = max(now_s, one.next_try_s)
            assert one.due(now_s)
            one.failed(now_s, Cause.UNREACHABLE)
            pauses.append(one.next_try_s - now_s)
        longest.append(pauses)
        one.due(one.next_try_s)
        one.frame(one.next_try_s)
        one.frame(one.next_try_s + LIMITS.steady_s + 1)
        one.failed(one.next_try_s + LIMITS.steady_s + 1, Cause.ENDED)
        assert one.next_try_s - one.since_s <= 2.0
    means = [sum(column) / len(column) for column in zip(*longest, strict=True)]
    assert means == sorted(means[:6]) + means[6:]
    assert means[-1] == pytest.approx(30.5, abs=4), "full jitter: the mean is half of what is allowed"


def test_a_camera_that_drops_out_at_once_is_not_asked_every_second() -> None:
    """A picture that lasts a moment does not count as steady."""
    one, now_s = camera(3), 0.0
    for _ in range(7):
        now_s = max(now_s, one.next_try_s)
        one.due(now_s)
        one.frame(now_s)
        one.failed(now_s + 0.1, Cause.ENDED)
    assert sum(one.next_try_s for one in spread(Cause.ENDED, 7)) / 200 > 20


def spread(cause: Cause, failures: int) -> list[Lifecycle]:
    """200 cameras at the moment of their last failure, counted from 0."""
    cameras = []
    for seed in range(200):
        one = Lifecycle(replace(LIMITS), random.Random(seed), 0.0)
        for _ in range(failures):
            one.next_try_s = 0.0
            one.due(0.0)
            one.frame(0.0)
            one.failed(0.0, cause)
        cameras.append(one)
    return cameras


@pytest.mark.parametrize("cause", sorted(NEEDS_A_PERSON))
def test_what_only_a_person_can_mend_is_asked_seldom_from_the_start(cause: Cause) -> None:
    """Many tries with a wrong password lock the account of some cameras."""
    assert sum(one.next_try_s for one in spread(cause, 1)) / 200 > 20


@pytest.mark.parametrize("cause", sorted(Cause))
def test_every_cause_has_advice_in_both_languages(cause: Cause) -> None:
    """A full sentence in each; the Chinese one is Chinese."""
    advice = ADVICE[cause]
    assert set(advice) == {"en", "zh"}
    assert len(advice["en"]) > 30
    assert any("一" <= letter <= "鿿" for letter in advice["zh"])


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (CameraUnreachable("x"), Cause.UNREACHABLE),
        (ConnectionRefused("x"), Cause.REFUSED),
        (CameraRefused("x"), Cause.WRONG_PASSWORD),
        (NoSuchStream("x"), Cause.NO_SUCH_STREAM),
        (CodecUnsupported("x"), Cause.CODEC_UNSUPPORTED),
        (SourceUnreadable("x"), Cause.NO_VIDEO),
        (SourceBroken("x", 1.0), Cause.ENDED),
        (OSError("x"), Cause.UNREACHABLE),
    ],
)
def test_each_error_of_a_source_has_its_cause(error: Exception, cause: Cause) -> None:
    """The finer one wins over the one it inherits from."""
    assert cause_of(error) is cause
