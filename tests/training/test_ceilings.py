"""What answers would be worth if one part made no error."""

import warnings
from typing import Any

import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    from training.ceilings import judged_right, without_strays


def head(x: float, bare: float) -> dict[str, Any]:
    return {
        "xyxy": [x, 0.0, x + 40, 50.0],
        "confidence": 0.9,
        "hat": {"covered": 1 - bare, "bare": bare, "cannot_judge": 0.0},
        "mask": {"worn": 0.5, "incorrect": 0.0, "none": 0.5, "cannot_judge": 0.0},
    }


TRUTH = [
    {
        "file": "a",
        "w": 400,
        "h": 100,
        "boxes": [
            {"kind": "head", "xyxy": [0.0, 0.0, 40.0, 50.0], "hat": "other", "mask": None},
            {"kind": "head", "xyxy": [100.0, 0.0, 140.0, 50.0], "hat": "unclear", "mask": "none"},
        ],
    }
]
ANSWERS = {"a": {"file": "a", "heads": [head(2.0, 0.9), head(102.0, 0.3), head(300.0, 0.8)]}}


def test_a_matched_head_is_answered_as_it_is_labelled_and_only_where_it_is() -> None:
    first, second, stray = judged_right(TRUTH, ANSWERS)["a"]["heads"]
    assert first["hat"] == {"covered": 1.0, "bare": 0.0, "cannot_judge": 0.0}
    assert first["mask"]["worn"] == 0.5
    assert second["hat"]["bare"] == 0.3
    assert second["mask"]["none"] == 1.0
    assert stray == ANSWERS["a"]["heads"][2]


def test_what_matches_nothing_is_left_out_and_the_answers_stay_as_they_were() -> None:
    assert [h["xyxy"][0] for h in without_strays(TRUTH, ANSWERS)["a"]["heads"]] == [2.0, 102.0]
    assert len(ANSWERS["a"]["heads"]) == 3
