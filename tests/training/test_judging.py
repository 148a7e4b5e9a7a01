"""The zoom look's answers as the rules use them: judged or not, wrong or not, by threshold and head size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.judging import best_point, confusion, curve, judged, opposed, violates
from training.settings import HAT, MASK

BARE, COVERED = HAT.index("bare"), HAT.index("covered")
UNKNOWN = HAT.index("cannot_judge")


def chances(*rows: tuple[float, float, float]) -> np.ndarray:
    """covered, bare, cannot judge."""
    return np.array(rows)


def test_doubt_takes_no_side() -> None:
    probability, doubt = opposed("hat", chances((0.1, 0.3, 0.6)))
    assert probability[0] == pytest.approx(0.75)
    assert doubt[0] == pytest.approx(0.6)


def test_a_mask_worn_wrongly_violates_as_much_as_none() -> None:
    rows = np.zeros((2, len(MASK)))
    rows[0, MASK.index("incorrect")] = rows[1, MASK.index("none")] = 1.0
    assert judged("mask", rows, 0.9).tolist() == [1, 1]
    assert violates("mask", np.array([MASK.index(m) for m in ("worn", "incorrect", "cannot_judge")])).tolist() == [
        0,
        1,
        -1,
    ]


def test_who_is_doubted_or_undecided_is_not_judged() -> None:
    rows = chances((0.05, 0.95, 0.0), (0.95, 0.05, 0.0), (0.4, 0.6, 0.0), (0.0, 0.2, 0.8))
    assert judged("hat", rows, 0.9).tolist() == [1, 0, -1, -1]


@given(st.lists(st.tuples(*[st.floats(0.01, 1)] * 3), min_size=1, max_size=40))
def test_a_higher_threshold_never_judges_more(rows: list[tuple[float, float, float]]) -> None:
    given_ = np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    truth = np.array([i % 2 for i in range(len(rows))])
    shares = [point["judged"] for point in curve("hat", given_, truth, np.full(len(rows), 40.0))]
    assert shares == sorted(shares, reverse=True)


def test_small_heads_and_those_that_nobody_can_tell_are_not_in_the_curve() -> None:
    rows = chances((0.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0))
    points = curve("hat", rows, np.array([BARE, COVERED, UNKNOWN]), np.array([40.0, 20.0, 40.0]))
    assert {(p["judged"], p["wrong"]) for p in points} == {(1.0, 0.0)}


def test_the_best_point_judges_most_within_the_error_that_is_allowed() -> None:
    rows = [
        {"threshold": 0.5, "judged": 1.0, "wrong": 0.1},
        {"threshold": 0.8, "judged": 0.9, "wrong": 0.03},
        {"threshold": 0.9, "judged": 0.7, "wrong": 0.0},
    ]
    assert best_point(rows) == rows[1]
    assert best_point(rows[:1]) is None


def test_confusion_counts_every_known_head_once_in_its_band() -> None:
    rows = chances((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.5, 0.5, 0.0))
    table = confusion("hat", rows, np.array([BARE, BARE, COVERED]), np.array([30.0, 30.0, 100.0]))
    assert table == {"28-40": [[0, 0, 0], [1, 1, 0]], "80-10000": [[0, 0, 1], [0, 0, 0]]}
