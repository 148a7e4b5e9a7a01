"""Which heads are looked at: three times a second while something builds up, at least every two seconds else."""

from dataclasses import replace
from itertools import accumulate, pairwise

from builders import track
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.planner import HINTED_LOOKS, LookPlanner


def looked_s(times: list[float], building: bool) -> list[float]:
    planner = LookPlanner()
    return [at for at in times if planner.due(at, [track()], lambda _: building)]


@given(st.integers(3, 60))
def test_while_something_builds_up_there_are_three_looks_in_every_second(fps: int) -> None:
    looks = looked_s([i / fps for i in range(10 * fps)], building=True)
    gaps = [b - a for a, b in pairwise(looks)]
    assert max(gaps) <= 1 / 3 + 1e-9


@given(st.lists(st.floats(0.01, 1 / 6), min_size=30, max_size=90))
def test_also_where_the_source_gives_its_frames_unevenly(steps: list[float]) -> None:
    times = list(accumulate(steps))
    looks = looked_s(times, building=True)
    assert all(b - a <= 1 / 3 + 1e-6 for a, b in pairwise(looks))


@given(st.integers(1, 60))
def test_when_all_is_well_there_is_a_look_in_every_two_seconds_and_few_more(fps: int) -> None:
    looks = looked_s([i / fps for i in range(10 * fps)], building=False)
    gaps = [b - a for a, b in pairwise(looks)]
    assert max(gaps) <= 2
    assert min(gaps) >= 0.5 - 1e-6


def test_every_frame_is_looked_at_while_something_builds_up_at_five_a_second() -> None:
    times = [i / 5 for i in range(50)]
    assert looked_s(times, building=True) == times


def test_who_is_seen_for_the_first_time_is_looked_at_at_once() -> None:
    planner = LookPlanner()
    planner.due(0.0, [track(1)], lambda _: False)
    assert planner.due(0.2, [track(1), track(2)], lambda _: False) == [track(2)]


def test_who_has_no_head_in_this_frame_is_not_looked_at_and_loses_no_turn() -> None:
    planner = LookPlanner()
    assert planner.due(0.0, [replace(track(), head_xyxy=None)], lambda _: True) == []
    assert planner.due(0.1, [track()], lambda _: True) == [track()]


def test_ended_tracks_are_forgotten() -> None:
    planner = LookPlanner()
    planner.due(0.0, [track(1)], lambda _: False)
    planner.looked(1, hint=True)
    planner.forget([1, 99])
    assert planner.due(0.1, [track(1)], lambda _: False) == [track(1)]
    assert not planner.hinted(1)


@given(st.lists(st.booleans(), max_size=40))
def test_a_hint_is_followed_by_two_looks_whatever_these_see(hints: list[bool]) -> None:
    planner = LookPlanner()
    follow = 0
    for hint in hints:
        assert planner.hinted(1) == (follow > 0)
        follow = follow - 1 if follow else HINTED_LOOKS if hint else 0
        planner.looked(1, hint)
    assert not planner.hinted(2)
