"""What is counted of rendered pairs, and the whole stage over the bundled model and a render of our own."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch warns of its own parts
    from training.build import DataError
    from training.pairs import counted, pairs

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "canteen-n"


def test_only_sure_answers_of_little_doubt_are_counted() -> None:
    bare = np.array([0.99, 0.99, 0.5, 0.97, 0.2])
    doubt = np.array([0.1, 0.9, 0.0, 0.0, 0.0])
    covered = np.array([True, True, True, False, False])
    found = counted(bare, doubt, covered)
    assert (found["caps"], found["caps_called_bare"]) == (3, 1)
    assert (found["bare"], found["bare_called_bare"]) == (2, 1)


def test_a_perfect_order_has_an_average_precision_of_one() -> None:
    found = counted(np.array([0.9, 0.8, 0.2]), np.zeros(3), np.array([False, False, True]))
    assert (found["ap_covered"], found["ap_bare"]) == (1, 1)


def row(seed: int, hat: str, file: str) -> dict[str, object]:
    """As `training.synth heads` writes it."""
    return {
        "file": file, "seed": seed, "scene": seed // 2, "hat": hat, "hat_px": 900 if hat != "none" else 0,
        "hair_visible_fraction": 0.1 if hat != "none" else 1.0, "mask": "none", "face_visible": True,
        "head": [40.0, 40.0, 150.0, 160.0], "head_hidden_by_scene": 0.0, "effective_head_px": 60.0, "yaw_deg": 0.0,
        "cigarette": {"where": "none", "held": False, "box": None, "visible_fraction": 0.0}, "hair": "short",
    }  # fmt: skip


def test_the_stage_asks_the_model_and_keeps_what_it_found(tmp_path: Path) -> None:
    """Of the rows from the given seed on."""
    shutil.copy(MODEL / "selftest.webp", tmp_path / "a.webp")
    rows = [row(1, "none", "missing.webp"), row(4, "cap", "a.webp"), row(5, "none", "a.webp")]
    (tmp_path / "crops.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    found = pairs(tmp_path, tmp_path, MODEL, first_seed=4)
    assert (found["caps"], found["bare"]) == (1, 1)
    assert found["caps_called_bare"] == found["bare_called_bare"], "the same picture twice"
    assert json.loads((tmp_path / "pairs.json").read_text("utf-8")) == found


def test_a_folder_without_such_heads_is_named(tmp_path: Path) -> None:
    (tmp_path / "crops.jsonl").write_text(json.dumps(row(1, "cap", "a.webp")) + "\n", "utf-8")
    with pytest.raises(DataError, match="no head from seed 7 on"):
        pairs(tmp_path, tmp_path, MODEL, first_seed=7)
    with pytest.raises(DataError, match=r"a\.webp cannot be read"):
        pairs(tmp_path, tmp_path, MODEL)
