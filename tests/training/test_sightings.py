"""What close looks see is counted by threshold, each cigarette once."""

import json
import warnings
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    from training import sightings as stage
    from training.__main__ import main

from kitchenvision.types import HEAD, Cigarette, Detections

BGR = np.zeros((100, 200, 3), np.uint8)
SCRIPT = """
def cigarette_question(truth, answers):
    scores = [c["confidence"] for row in truth for c in answers[row["file"]]["cigarettes"]]
    return scores, [s > 0.45 for s in scores], 7
"""


class Detector:
    """Two sure heads side by side, and one that is too doubtful to be looked at."""

    def detect(self, picture: object) -> Detections:
        boxes = np.array([[10, 10, 40, 50], [45, 10, 75, 50], [120, 10, 150, 50]], np.float32)
        return Detections(boxes, np.array([0.9, 0.8, 0.1], np.float32), np.full(3, HEAD))


class Looker:
    """Near every head the same cigarette between the first two; near the first another one."""

    def look(self, picture: object, heads: list[object], glance: bool) -> list[SimpleNamespace]:
        assert not glance, "a person is accused by close looks"
        between = [Cigarette((41.0, 40.0, 49.0, 43.0), 0.5 - 0.1 * i) for i in range(len(heads))]
        looks = [SimpleNamespace(cigarettes=(one,)) for one in between]
        looks[0].cigarettes += (Cigarette((5.0, 40.0, 12.0, 43.0), 0.3),)
        return looks


def eyes() -> SimpleNamespace:
    card = SimpleNamespace(thresholds=SimpleNamespace(head=0.35))
    return SimpleNamespace(detector=Detector(), looker=Looker(), card=card)


def test_a_cigarette_beside_two_heads_is_seen_once() -> None:
    found = stage.seen(eyes(), BGR)  # type: ignore[arg-type]
    assert [(round(one["confidence"], 3), one["xyxy"][0]) for one in found] == [(0.5, 41.0), (0.3, 5.0)]


def test_right_and_wrong_answers_are_counted_from_each_threshold_on() -> None:
    at = stage.counted([0.5, 0.31, 0.25, 0.1], [True, False, True, False])
    assert (at["0.2"], at["0.3"]) == ({"right": 2, "wrong": 1}, {"right": 1, "wrong": 1})
    assert at["0.5"] == {"right": 1, "wrong": 0}
    assert stage.counted([], [])["0.2"] == {"right": 0, "wrong": 0}


def test_the_stage_writes_what_the_close_looks_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images").mkdir()
    rows = []
    for name, labelled in (("smoke_a", ["cigarette"]), ("mask_a", ["face"])):
        cv2.imwrite(str(tmp_path / f"images/{name}.png"), BGR)
        rows.append({"file": f"{name}.png", "w": 200, "h": 100, "split": "val", "labelled": labelled, "boxes": []})
    (tmp_path / "annotations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (tmp_path / "score.py").write_text(SCRIPT, "utf-8")
    monkeypatch.setattr(stage, "open_model", lambda folder, profile: eyes())
    (tmp_path / "set").mkdir()
    (tmp_path / "set/pictures.jsonl").write_text("", "utf-8")
    stage.sightings(tmp_path, tmp_path, tmp_path, {"score": tmp_path / "score.py"})
    told = json.loads((tmp_path / "sightings.json").read_text("utf-8"))
    assert list(told) == ["portrait fast"]
    assert (told["portrait fast"]["pictures"], told["portrait fast"]["labelled"]) == (1, 7)
    assert told["portrait fast"]["at"]["0.3"] == {"right": 1, "wrong": 1}


def test_without_a_scoring_script_it_says_what_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Path(__file__).parents[2] / "training/configs/canteen_n.toml"
    assert main(["sightings", "--config", str(recipe), "--data", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "needs --score SCRIPT" in capsys.readouterr().err
