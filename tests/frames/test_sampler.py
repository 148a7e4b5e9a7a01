"""The sampler is a pure function: nearest frame to each target, none twice, none lost when the source is slow."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.errors import SourceBroken
from kitchenvision.frames.sampler import sampled

STEPS_S = st.lists(st.integers(0, 4000), min_size=1, max_size=60)


def times_of(steps_ms: list[int]) -> list[float]:
    """Frame times from 0 on, growing by the steps."""
    times, now = [0.0], 0
    for step in steps_ms:
        now += step
        times.append(now / 1000)
    return times


def pick(times: list[float], fps: float, from_s: float = 0.0) -> list[float]:
    return [time for time, _ in sampled(((time, None) for time in times), fps, from_s)]


def nearest_by_definition(times: list[float], fps: float) -> set[int]:
    """The frame nearest to each k / fps within the source, by trying them all; equal times count once."""
    chosen = set()
    for k in range(int(times[-1] * fps + 1e-6) + 1):
        target = k / fps
        best = min(abs(time - target) for time in times)
        chosen.add(next(i for i, time in enumerate(times) if abs(time - target) <= best + 2e-6))
    return chosen


@given(STEPS_S, st.sampled_from([1.0, 3.0, 5.0, 12.5]))
def test_no_frame_is_given_twice_and_order_is_kept(steps: list[int], fps: float) -> None:
    """Positions grow strictly."""
    positions = [i for _, i in sampled(((time, i) for i, time in enumerate(times_of(steps))), fps)]
    assert positions == sorted(set(positions))
    assert positions[0] == 0 or times_of(steps)[positions[0]] == 0.0


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=60), st.sampled_from([1.0, 3.0, 5.0, 12.5]))
def test_every_target_within_the_source_gets_its_nearest_frame(steps: list[int], fps: float) -> None:
    """What is given is what the definition says, but for one last frame after the last target."""
    times = times_of(steps)
    given_times = pick(times, fps)
    wanted = {times[i] for i in nearest_by_definition(times, fps)}
    assert wanted <= set(given_times)
    assert set(given_times) - wanted <= {times[-1]}


@given(st.integers(1, 50), st.floats(0.2, 5.0))
def test_a_source_slower_than_the_analysis_gives_each_frame_once(count: int, source_fps: float) -> None:
    """Nothing of a slow source is lost or repeated."""
    times = [i / source_fps for i in range(count)]
    assert pick(times, 5.0) == times


@pytest.mark.parametrize(
    ("source_fps", "seconds", "expected"), [(6, 10, 50), (8, 10, 50), (25, 10, 50), (30, 4, 20)]
)
def test_a_faster_source_gives_about_the_analysis_rate(source_fps: int, seconds: int, expected: int) -> None:
    """A source of 6 fps at 5 gives about 5 a second."""
    times = [i / source_fps for i in range(source_fps * seconds)]
    assert abs(len(pick(times, 5.0)) - expected) <= 1


def test_the_nearest_frame_wins_not_the_first_after() -> None:
    """At 8 fps the frames nearest to 0, .2, .4, .6, .8 are taken."""
    assert pick([i / 8 for i in range(9)], 5.0) == [0.0, 0.25, 0.375, 0.625, 0.75, 1.0]


def test_of_two_equally_near_the_earlier_is_taken() -> None:
    """The choice does not hang on rounding."""
    assert pick([0.0, 0.1, 0.3, 0.4], 5.0) == [0.0, 0.1, 0.4]


def test_a_long_gap_costs_nothing_and_repeats_nothing() -> None:
    """A day without frames gives no frames."""
    assert pick([0.0, 0.05, 86_400.0, 86_400.05], 5.0) == [0.0, 0.05, 86_400.0]


def test_targets_before_the_beginning_of_the_span_are_not_wanted() -> None:
    """With --from the targets are those of the whole source, from there on."""
    assert pick([2.1, 2.2, 2.3, 2.4], 5.0, from_s=2.1) == [2.2, 2.4]
    assert pick([2.0, 2.04, 2.2], 5.0, from_s=2.0) == [2.0, 2.2]


def test_frames_are_asked_for_one_at_a_time() -> None:
    """A live source is not read ahead of what is needed."""
    asked: list[int] = []

    def source() -> Iterator[tuple[float, int]]:
        for i in range(100):
            asked.append(i)
            yield i / 25, i

    frames = sampled(source(), 5.0)
    assert next(frames) == (0.0, 0)
    assert asked == [0]
    assert next(frames) == (0.2, 5)
    assert len(asked) <= 7


def test_when_the_source_breaks_the_held_frame_comes_first() -> None:
    """Nothing that was decoded is lost to the error."""

    def source() -> Iterator[tuple[float, str]]:
        yield 0.0, "a"
        yield 0.15, "b"
        raise SourceBroken("cut", 0.15)

    frames = sampled(source(), 5.0)
    assert [next(frames), next(frames)] == [(0.0, "a"), (0.15, "b")]
    with pytest.raises(SourceBroken):
        next(frames)
