"""What holds for any course of events: people come, go, are hidden, put hats on and off, at any rate of looks."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from builders import SIZE, look, track
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.rules.engine import Engine
from kitchenvision.rules.registry import all_rules
from kitchenvision.types import HeadLook, Track, Violation, Zone

LOOKS = {"bare": look(bare=0.97), "fine": look(), "hidden": look(head=0.1), "weak": look(bare=0.72)}
RULES = all_rules()


@dataclass(frozen=True)
class Moment:
    """One frame: its time, who was looked at, which tracks ended before it."""

    media_s: float
    seen: tuple[tuple[Track, HeadLook], ...]
    ended: tuple[int, ...]


@st.composite
def courses(draw: st.DrawFn) -> list[Moment]:
    """Up to three places, in each now and then somebody, for some seconds in one state."""
    fps = draw(st.sampled_from([1, 2, 5, 10]))
    moments, now, next_id = [], 0, 1
    here: dict[int, int] = {}
    stretch: dict[int, int] = {}
    state = ["fine", "fine", "fine"]
    ended: list[int] = []
    for _ in range(draw(st.integers(1, 10))):
        place, event = draw(st.integers(0, 2)), draw(st.sampled_from(["come", "go", "cross", "state", "state"]))
        if event == "come" and place not in here:
            here[place], stretch[place], next_id = next_id, 0, next_id + 1
        elif event == "go" and place in here:
            ended.append(here.pop(place))
        elif event == "cross" and place in here:
            stretch[place] += 1
        state[place] = draw(st.sampled_from(list(LOOKS)))
        for _ in range(draw(st.sampled_from([1, 2, 5, 12, 35])) * fps):
            seen = tuple(
                (track(who, x=100 + 200 * at, stretch=stretch[at]), LOOKS[state[at]]) for at, who in here.items()
            )
            moments.append(Moment(now / fps, seen, tuple(ended)))
            ended, now = [], now + 1
    return moments


def played(moments: Sequence[Moment], shift_s: float = 0.0) -> list[Violation]:
    engine = Engine(RULES, {k: r.defaults for k, r in RULES.items()}, (Zone("kitchen", (), ("no_hat", "no_mask")),))
    told = []
    for moment in moments:
        told += engine.update(moment.media_s + shift_s, 720, moment.seen, moment.ended, SIZE)
    return [event.violation for event in [*told, *engine.finish()]]


@given(courses())
def test_nobody_is_accused_twice_while_an_accusation_is_open_and_every_one_ends_once(moments: list[Moment]) -> None:
    open_now: dict[tuple[int, str], Violation] = {}
    for violation in played(moments):
        key = (violation.track_id, violation.rule_id)
        if violation.ended_s is None:
            assert key not in open_now
            open_now[key] = violation
        else:
            begun = open_now.pop(key)
            assert (begun.started_s, begun.confirmed_s) == (violation.started_s, violation.confirmed_s)
            assert violation.ended_s >= violation.confirmed_s
            assert violation.end_reason in {"cleared", "track ended", "source ended"}
    assert not open_now


@given(courses())
def test_an_accusation_rests_on_looks_at_one_person_in_the_time_before_it(moments: list[Moment]) -> None:
    for violation in played(moments):
        assert violation.rule_id == "no_hat", "everybody wore a mask"
        assert {seen.track_id for seen in violation.looks} == {violation.track_id}
        assert violation.started_s <= violation.best_s <= violation.confirmed_s == violation.looks[-1].media_s
        assert sum(seen.verdict == "violating" for seen in violation.looks) >= 3


@given(courses())
def test_the_same_course_gives_the_same_violations(moments: list[Moment]) -> None:
    assert played(moments) == played(moments)


@given(courses(), st.integers(1, 90_000))
def test_a_course_that_happens_later_gives_the_same_violations_later(moments: list[Moment], shift_s: int) -> None:
    now, later = played(moments), played(moments, shift_s)
    assert [(v.rule_id, v.track_id, v.end_reason) for v in now] == [
        (v.rule_id, v.track_id, v.end_reason) for v in later
    ]
    for a, b in zip(now, later, strict=True):
        expected = [t + shift_s for t in (a.started_s, a.confirmed_s, a.best_s)]
        assert [b.started_s, b.confirmed_s, b.best_s] == pytest.approx(expected, abs=1e-6)


@given(courses())
def test_who_is_never_seen_bare_is_never_accused(moments: list[Moment]) -> None:
    accused = {v.track_id for v in played(moments)}
    bare = {who.track_id for m in moments for who, seen in m.seen if seen.hat.bare > 0.7 and seen.head > 0.5}
    assert accused <= bare
