"""What a margin costs and saves, counted."""

import warnings

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    from training.head_crops import UNASKED
    from training.margins import MARGINS, counted
    from training.settings import HAT, MASK

COVERED, BARE, UNSURE = (HAT.index(name) for name in ("covered", "bare", "cannot_judge"))


def answers(*bare: float, doubt: float = 0.0) -> np.ndarray:
    rows = np.zeros((len(bare), len(HAT)))
    rows[:, BARE], rows[:, UNSURE] = np.array(bare) * (1 - doubt), doubt
    rows[:, COVERED] = 1 - rows[:, BARE] - doubt
    return rows


def test_a_larger_margin_finds_less_and_accuses_fewer() -> None:
    truth = np.array([BARE, BARE, BARE, BARE, COVERED, COVERED, COVERED])
    row = counted("hat", answers(0.999, 0.985, 0.96, 0.6, 0.97, 0.91, 0.1), truth)
    assert (row["violating"], row["compliant"]) == (4, 3)
    assert [row["found"][str(m)] for m in (0.4, 0.45, 0.48, 0.495)] == [0.75, 0.75, 0.5, 0.25]
    assert [row["accused_wrongly"][str(m)] for m in (0.4, 0.45, 0.48)] == [2, 1, 0]
    assert list(row["found"]) == [str(m) for m in MARGINS]


def test_who_cannot_be_judged_is_neither_found_nor_accused() -> None:
    row = counted("hat", answers(0.999, 0.999, doubt=0.6), np.array([BARE, COVERED]))
    assert set(row["found"].values()) == {0.0}
    assert set(row["accused_wrongly"].values()) == {0}


def test_heads_of_which_nobody_said_anything_do_not_count() -> None:
    row = counted("hat", answers(0.999, 0.999), np.array([UNASKED, UNSURE]))
    assert (row["violating"], row["compliant"]) == (0, 0)


def test_a_mask_worn_wrongly_and_none_speak_against_somebody_together() -> None:
    rows = np.zeros((1, len(MASK)))
    rows[0, MASK.index("incorrect")], rows[0, MASK.index("none")] = 0.5, 0.49
    rows[0, MASK.index("worn")] = 0.01
    row = counted("mask", rows, np.array([MASK.index("incorrect")]))
    assert row["found"]["0.48"] == 1.0
