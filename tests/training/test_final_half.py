"""The validation half on which nothing is fitted: written for the camera-scale script, scored on its own."""

import json
import warnings
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    from training.calibrate import in_second_half
    from training.evaluate import FINAL_SHEETS, final, final_half, scored_sets


GROUPS = [f"event{n}" for n in range(12)]


def rows(split: str) -> list[dict]:
    return [{"file": f"{split}_{group}.webp", "split": split, "group": group} for group in GROUPS]


def test_groups_stay_together_and_only_validation_pictures_come(tmp_path: Path) -> None:
    everything = rows("val") + rows("train") + rows("val")
    (tmp_path / "annotations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in everything))
    written = [json.loads(line) for line in final(tmp_path, tmp_path).read_text().splitlines()]
    kept = [group for group in GROUPS if in_second_half(group)]
    assert 0 < len(kept) < len(GROUPS)
    assert written == [row for row in rows("val") + rows("val") if row["group"] in kept]


def test_rows_without_a_group_are_in_no_half() -> None:
    assert final_half([{"file": "cctv_mask_0000.webp"}]) == []


def test_sheets_of_that_half_are_a_set_of_their_own_where_they_are(tmp_path: Path) -> None:
    data, out, sheets = tmp_path / "data", tmp_path / "out", tmp_path / "sheets"
    for folder in (data, out / "set", sheets / "final"):
        folder.mkdir(parents=True)
    (data / "annotations.jsonl").write_text(json.dumps(rows("val")[0]) + "\n")
    (out / "set/pictures.jsonl").write_text("")
    (sheets / "truth.jsonl").write_text(json.dumps({"file": "all.webp"}) + "\n")
    assert [one.name for one in scored_sets(data, out, sheets, 1)] == ["portrait", "camera"]
    (sheets / "final/truth.jsonl").write_text(json.dumps({"file": "half.webp"}) + "\n")
    found = {one.name: one for one in scored_sets(data, out, sheets, 1)}
    assert list(found) == ["portrait", "camera", FINAL_SHEETS]
    assert found[FINAL_SHEETS].folder == sheets / "final"
