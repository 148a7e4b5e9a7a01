"""The card's tables say what was reached, and what was not measured."""

import warnings

import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    from training.card import calibration_table, ceilings_table, final_table, judged_table, targets_table


def test_a_target_is_reached_or_it_is_said_how_much_lacks() -> None:
    asked = {"bare head": {"ap": 0.981}, "mask": {"ap": 0.913}}
    portrait, fast, _ = targets_table({"portrait": {"thorough": {"questions": asked}}}).splitlines()[2:]
    assert "| 0.981 of 0.97: reached |" in portrait
    assert "| 0.913 of 0.96: lacks 0.047 |" in portrait
    assert "of" not in fast.removeprefix("| camera | fast ")


def test_ceilings_have_a_row_for_each_kind_of_answers() -> None:
    parts = {"as it is": {"mask": {"ap": 0.9}}, "judged right": {"mask": {"ap": 0.95}}}
    rows = ceilings_table({"camera fast": parts}).splitlines()
    assert rows[2].startswith("| camera fast | as it is |")
    assert "0.900" in rows[2]
    assert "0.950" in rows[3]
    assert "Not measured" in ceilings_table({})


def test_what_a_look_trained_alone_did_not_calibrate_is_not_told() -> None:
    assert calibration_table({}) == judged_table({}) == "Not measured for this version."
    step = {"threshold": 0.9, "answered": 0.8, "wrong": 0.01, "answered_though_unjudgeable": 0.2}
    row = {"coverage": [step], "ece": 0.01, "heads": 7, "best": {"threshold": 0.9, "judged": 0.8, "wrong": 0.01}}
    told = {"second_half": {"hat": row}, "temperature": {"hat": 1.1}}
    assert "| hat | 0.9 | 0.800 | 0.010 | 0.200 |" in calibration_table(told)
    assert "| hat | 0.9 | 0.800 | 0.010 |" in judged_table(told)


def test_the_half_on_which_nothing_was_fitted_has_its_own_rows() -> None:
    asked = {"mask": {"ap": 0.97, "positives": 12}}
    portrait = {"thorough": {"pictures": 9, "final": {"pictures": 4, "questions": asked}}}
    camera = {"thorough": {"pictures": 3, "questions": {"mask": {"ap": 0.5, "positives": 7}}}}
    told = final_table({"portrait": portrait, "camera": {"thorough": {}}, "camera_final": camera})
    assert "| portrait, 4 | thorough |" in told
    assert "0.970 (12)" in told
    assert "0.970 of 0.96: reached" in told
    assert "0.500 of 0.93: lacks 0.430" in told
    assert final_table({"portrait": {"thorough": {"pictures": 9}}}) == "Not measured for this version."
