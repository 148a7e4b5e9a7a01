"""From looks to a finding: never on little, never on what could not be judged, and by seconds, not by frames."""

from dataclasses import replace

import pytest
from builders import C, N, V, observation
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.rules.debounce import Debounce, Finding
from kitchenvision.types import MainUse, Observation, RuleSettings, Verdict

SETTINGS = RuleSettings()
# Steps of milliseconds between looks: 30 fps down to one in three seconds.
STEPS = st.integers(33, 3000).map(lambda ms: ms / 1000)


@st.composite
def lives(draw: st.DrawFn, most: int = 60) -> list[Observation]:
    """Looks at one track: any verdicts, any pace, now and then a new stretch."""
    looks, now_s, stretch = [], 0.0, 0
    pace = draw(st.sampled_from([0.1, 0.2, 0.5, 1.5, None]))
    for verdict in draw(st.lists(st.sampled_from([V, V, V, C, N]), max_size=most)):
        now_s += draw(STEPS) if pace is None else pace
        stretch += draw(st.integers(0, 30)) == 0
        usual = {V: st.floats(0.7, 1), C: st.floats(0, 0.3), N: st.just(0.5)}[verdict]
        looks.append(observation(now_s, verdict, draw(usual), stretch, draw(st.floats(0, 1))))
    return looks


def findings(
    looks: list[Observation], settings: RuleSettings = SETTINGS
) -> list[tuple[Observation, Finding | None]]:
    state = Debounce(settings)
    out = []
    for look in looks:
        state.add(look)
        out.append((look, state.finding()))
    return out


def first_confirmed_s(looks: list[Observation], settings: RuleSettings = SETTINGS) -> float | None:
    return next((found.confirmed_s for _, found in findings(looks, settings) if found), None)


def steady(
    fps: float, seconds: float, verdict: Verdict = V, from_s: float = 0.0, **more: float
) -> list[Observation]:
    return [observation(from_s + i / fps, verdict, **more) for i in range(round(seconds * fps) + 1)]


@given(looks=lives(), min_looks=st.integers(1, 9), min_ratio=st.floats(0.3, 1))
def test_a_finding_always_has_the_looks_the_share_and_the_seconds_that_the_settings_ask_for(
    looks: list[Observation], min_looks: int, min_ratio: float
) -> None:
    settings = replace(SETTINGS, min_looks=min_looks, min_ratio=min_ratio)
    for look, found in findings(looks, settings):
        if found is None:
            continue
        judged = [seen for seen in found.looks if seen.verdict is not N]
        violating = [seen for seen in judged if seen.verdict is V]
        assert found.confirmed_s == look.media_s
        assert len({seen.stretch for seen in found.looks}) == 1, "votes of two stretches are never added"
        assert len(judged) >= min_looks
        assert len(violating) >= min_ratio * len(judged) - 1e-9
        assert found.confirmed_s - judged[0].media_s >= 0.8 * settings.window_s - 1e-6
        assert found.confirmed_s - found.looks[0].media_s <= settings.longest_window_s + 1e-6
        assert found.started_s == violating[0].media_s
        assert found.best_s in {seen.media_s for seen in violating}, (
            "it is shown where it violates, inside the window"
        )
        assert 0.5 < found.confidence <= 1


@given(looks=lives())
def test_the_best_moment_is_the_violating_look_of_the_best_quality(looks: list[Observation]) -> None:
    for _, found in findings(looks):
        if found:
            shown = [seen for seen in found.looks if seen.verdict is V]
            assert next(s for s in shown if s.media_s == found.best_s).quality == max(s.quality for s in shown)


@given(looks=lives())
def test_cannot_judge_neither_builds_up_nor_clears(looks: list[Observation]) -> None:
    """Without those looks, everything else is the same."""
    whole, judged_only = Debounce(SETTINGS), Debounce(SETTINGS)
    for look in looks:
        whole.add(look)
        if look.verdict is N:
            assert whole.finding() is None
            assert not whole.cleared(look.media_s)
            continue
        judged_only.add(look)
        a, b = whole.finding(), judged_only.finding()
        assert (a and (a.started_s, a.confirmed_s, a.best_s, a.confidence)) == (
            b and (b.started_s, b.confirmed_s, b.best_s, b.confidence)
        )
        assert whole.cleared(look.media_s) == judged_only.cleared(look.media_s)


@given(looks=lives(), shift=st.integers(0, 100_000))
def test_only_differences_of_time_matter(looks: list[Observation], shift: int) -> None:
    moved = [replace(look, media_s=look.media_s + shift) for look in looks]
    expected = first_confirmed_s(looks)
    found = first_confirmed_s(moved)
    assert found == (expected if expected is None else pytest.approx(expected + shift, abs=1e-6))


@pytest.mark.parametrize("fps", [1, 2, 3, 5, 10, 25])
def test_a_steady_violation_is_confirmed_after_the_window_at_any_rate_of_looks(fps: float) -> None:
    confirmed_s = first_confirmed_s(steady(fps, 20))
    assert confirmed_s is not None
    least = max(0.8 * SETTINGS.window_s, (SETTINGS.min_looks - 1) / fps)
    assert least - 1e-9 <= confirmed_s <= least + 1 / fps + 1e-9


@pytest.mark.parametrize("probability", [0.7, 0.75, 0.8, 0.95])
def test_twice_as_many_looks_a_second_do_not_confirm_in_half_the_time(probability: float) -> None:
    at_5, at_10 = (first_confirmed_s(steady(fps, 9, probability=probability)) for fps in (5, 10))
    assert at_5 is not None
    assert at_10 is not None
    assert at_10 >= at_5 - 0.2 - 1e-9, "at most one look of the slower rate earlier"


def test_one_pose_that_is_seen_often_is_one_vote() -> None:
    burst = [observation(0.001 * i, probability=0.85) for i in range(40)]
    assert first_confirmed_s([*burst, observation(2.5, probability=0.85)]) is None
    spread = [observation(0.625 * i, probability=0.85) for i in range(5)]
    assert first_confirmed_s(spread) == 2.5


def test_fewer_looks_than_asked_for_never_confirm_however_sure() -> None:
    looks = [observation(i * 2.4, probability=1.0) for i in range(SETTINGS.min_looks - 1)]
    assert first_confirmed_s(looks) is None


def test_a_slow_source_stretches_the_window_but_not_beyond_its_longest() -> None:
    every_2_s = [observation(2.0 * i) for i in range(5)]
    assert first_confirmed_s(every_2_s) == 8.0
    every_3_s = [observation(3.0 * i) for i in range(30)]
    assert first_confirmed_s(every_3_s) is None, "five looks never fall into ten seconds"


def test_a_new_stretch_forgets_the_votes() -> None:
    before = steady(5, 2.2)
    after = steady(5, 2.2, from_s=2.4)
    assert first_confirmed_s([*before, *after]) is not None
    assert first_confirmed_s([*before, *(replace(look, stretch=1) for look in after)]) is None


def test_half_the_looks_violating_is_not_enough() -> None:
    looks = [observation(i / 5, V if i % 2 else C) for i in range(60)]
    assert first_confirmed_s(looks) is None


def test_weak_evidence_needs_more_time_than_strong() -> None:
    weak = first_confirmed_s(steady(5, 10, probability=0.6))
    strong = first_confirmed_s(steady(5, 10, probability=0.95))
    assert strong is not None
    assert weak is None or weak > strong


def test_it_clears_when_enough_looks_are_compliant_and_not_before() -> None:
    state = Debounce(SETTINGS)
    for look in steady(5, 3):
        state.add(look)
    assert not state.cleared(3.0)
    cleared_s = None
    for look in steady(5, 9, C, from_s=3.2):
        state.add(look)
        if cleared_s is None and state.cleared(look.media_s):
            cleared_s = look.media_s
    assert cleared_s is not None
    assert 4.5 < cleared_s < 6.5


def test_a_long_time_that_nobody_could_judge_clears_nothing() -> None:
    state = Debounce(SETTINGS)
    for look in [*steady(5, 5), observation(5.2, C)]:
        state.add(look)
    assert not state.cleared(5.2)
    state.add(observation(10.3, N))
    assert not state.cleared(10.3)


def test_a_violation_that_goes_on_does_not_clear() -> None:
    state = Debounce(SETTINGS)
    for look in steady(5, 20):
        state.add(look)
        assert not state.cleared(look.media_s)


def test_looking_often_while_it_may_build_up_and_seldom_when_all_is_well() -> None:
    state = Debounce(SETTINGS)
    assert state.building(), "nothing is known yet"
    for look in steady(2, 4, C):
        state.add(look)
    assert not state.building()
    state.add(observation(4.5, V))
    assert state.building()


def test_who_cannot_be_judged_is_not_looked_at_often_for_ever() -> None:
    state = Debounce(SETTINGS)
    for look in steady(5, 4, N):
        state.add(look)
    assert not state.building()


def seen(at: int, verdict: Verdict, main: MainUse) -> Observation:
    """Of a camera with two streams, at so many fifths of a second."""
    return replace(observation(at / 5, verdict), main=main)


def test_what_the_smaller_picture_showed_is_the_reason_to_ask_the_larger_one_and_no_witness_beside_it() -> None:
    """It keeps the looks coming, and the finding rests on the larger picture alone."""
    state = Debounce(SETTINGS)
    state.add(seen(0, V, MainUse.NOT_ASKED))
    assert state.building()
    confirmed = None
    for i in range(1, 60):
        state.add(seen(i, V, MainUse.USED))
        confirmed = confirmed or state.finding()
    assert confirmed is not None
    assert confirmed.started_s == 0.2
    assert all(look.main is MainUse.USED for look in confirmed.looks if look.media_s >= confirmed.started_s)


def test_without_the_larger_picture_the_smaller_ones_looks_count_as_before() -> None:
    """As those of a camera with one stream."""
    for first, others in ((MainUse.NOT_ASKED, MainUse.LATE), (MainUse.NONE, MainUse.NONE)):
        state = Debounce(SETTINGS)
        findings = []
        for i in range(30):
            state.add(seen(i, V, others if i else first))
            findings.append(state.finding())
        confirmed = next(finding for finding in findings if finding is not None)
        assert (confirmed.started_s, confirmed.confirmed_s) == (0.0, pytest.approx(2.4))


def test_what_the_smaller_picture_says_for_somebody_always_counts() -> None:
    """An acquittal needs no second picture."""
    state = Debounce(SETTINGS)
    for i in range(30):
        state.add(seen(i, C if i % 2 else V, MainUse.NOT_ASKED if i % 2 else MainUse.USED))
        assert state.finding() is None
