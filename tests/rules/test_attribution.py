"""Whose cigarette: one thing accuses one person."""

from dataclasses import replace

import pytest
from builders import cigarette, look, track
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.rules.attribution import attributed
from kitchenvision.types import Cigarette, HeadLook


def holders(thing: Cigarette, *xs: float) -> list[int]:
    """Ids of those of persons with heads at these x who are left with the thing, seen in everybody's crop."""
    seen = [(track(i, x=x), look(cigarettes=[thing])) for i, x in enumerate(xs, 1)]
    return [who.track_id for who, left in attributed(seen) if left.cigarettes]


@given(x=st.floats(200, 400), xs=st.lists(st.floats(200, 400), min_size=1, max_size=4, unique=True))
def test_a_shared_cigarette_is_never_given_to_two(x: float, xs: list[float]) -> None:
    assert len(holders(cigarette(x, 110), *xs)) <= 1


def test_it_goes_to_the_nearest_head() -> None:
    assert holders(cigarette(290, 115), 270, 330) == [1]
    assert holders(cigarette(312, 115), 270, 330) == [2]


def test_in_the_very_middle_it_goes_to_one_of_them() -> None:
    assert holders(cigarette(300, 115), 270, 330) == [1]


@pytest.mark.parametrize("unseen", [None, replace(look(), cigarette_looked=None)], ids=["no look", "not asked for"])
def test_a_neighbour_whose_turn_it_was_not_may_still_be_the_nearer(unseen: HeadLook | None) -> None:
    near, far = cigarette(265, 115), cigarette(335, 115)
    seen = [(track(1, x=260), unseen), (track(2, x=340), look(cigarettes=[near, far]))]
    assert [it.cigarettes for who, it in attributed(seen) if who.track_id == 2] == [(far,)]


@pytest.mark.parametrize("where", [(300, 300), (500, 110)])
def test_out_of_a_persons_reach_it_is_nobodys(where: tuple[float, float]) -> None:
    assert holders(cigarette(*where), 300) == []


def test_two_cigarettes_stay_with_their_own_smokers() -> None:
    left, right = cigarette(265, 115), cigarette(335, 115)
    seen = [(track(1, x=260), look(cigarettes=[left, right])), (track(2, x=340), look(cigarettes=[left, right]))]
    assert [tuple(it.cigarettes) for _, it in attributed(seen)] == [(left,), (right,)]


def test_the_rest_of_a_look_is_untouched() -> None:
    seen = [(track(1), look(bare=0.9, cigarettes=[cigarette(900, 900)]))]
    assert attributed(seen) == [(track(1), look(bare=0.9))]
