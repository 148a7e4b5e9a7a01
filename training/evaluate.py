"""Stage `evaluate`: what the exported nets answer, scored per question, source and head size.

Three sets: validation pictures as they are ("portrait"), the same as small as on a camera ("camera", sheets made
beforehand), and rendered kitchens held out by room ("rendered"). Average precision comes from the scoring
script given by --score; without it only the answers and the frame look's recall are written.

Temperatures and thresholds are chosen on the first half of the validation groups. What holds on the second half
alone stands apart ("final"): for portraits from the same answers, at camera scale on sheets of that half, which the
camera-scale script makes from OUT/final.jsonl (stage `final`) into the folder `final` of the sheets.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from training.answers import answer_rows, open_model
from training.build import read_rows, read_set
from training.calibrate import in_second_half
from training.labels import Picture, Row, head_of_face

HEAD_BANDS_PX = ((20, 32), (32, 64), (64, 128), (128, 10_000))
PROFILES = ("fast", "thorough")
MATCH_IOU = 0.4
FINAL_SHEETS = "camera_final"
_HAT_LABEL = {"covered": "food_or_clinical", "bare": "bare", "cannot_judge": "unclear"}
_MASK_LABEL = {"worn": "mask", "incorrect": "incorrect", "none": "none", "cannot_judge": "unseen"}


@dataclass(frozen=True)
class ScoredSet:
    """Pictures in a folder and their truth rows."""

    name: str
    folder: Path
    truth: list[Row]


def load_score(path: Path | None) -> ModuleType | None:
    """The scoring script as a module."""
    if path is None:
        return None
    spec = importlib.util.spec_from_file_location("kitchenvision_score", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"--score {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _truth_row(picture: Picture) -> Row:
    """A rendered picture in the format of annotations.jsonl."""
    boxes = [
        {
            "kind": b.kind,
            "xyxy": list(b.xyxy),
            "hat": None if b.ignore else _HAT_LABEL.get(b.hat or ""),
            "mask": None if b.ignore else _MASK_LABEL.get(b.mask or ""),
        }
        for b in picture.boxes
        if b.kind in ("head", "cigarette")
    ]
    return {
        "file": picture.file,
        "w": picture.width,
        "h": picture.height,
        "source": picture.source,
        "split": picture.split,
        "labelled": ["head", "hat", "mask", "cigarette"],
        "boxes": boxes,
    }


def scored_sets(data: Path, out: Path, sheets: Path | None, every: int) -> list[ScoredSet]:
    """Those of the sets that are there; `every` n-th picture of each."""
    val = [row for row in read_rows(data / "annotations.jsonl") if row["split"] == "val"]
    sets = [ScoredSet("portrait", data / "images", val)]
    if sheets is not None:
        sets.append(ScoredSet("camera", sheets, read_rows(sheets / "truth.jsonl")))
        if (sheets / "final/truth.jsonl").is_file():
            sets.append(ScoredSet(FINAL_SHEETS, sheets / "final", read_rows(sheets / "final/truth.jsonl")))
    dev = [_truth_row(p) for p in read_set(out) if p.split == "dev" and p.family in ("still", "render")]
    sets.append(ScoredSet("rendered", data, dev))
    return [ScoredSet(s.name, s.folder, s.truth[::every]) for s in sets if s.truth]


def final_half(rows: list[Row]) -> list[Row]:
    """Validation rows on which nothing was fitted; rows without a group are left out."""
    return [row for row in rows if "group" in row and in_second_half(row["group"])]


def final(data: Path, out: Path) -> Path:
    """Stage `final`: OUT/final.jsonl, the annotations of that half, for the camera-scale script."""
    rows = [row for row in read_rows(data / "annotations.jsonl") if row["split"] == "val"]
    path = out / "final.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in final_half(rows)), "utf-8")
    return path


def whole_head(box: Row, row: Row) -> list[float]:
    """The head of a true box: a face's grows, a head's stays."""
    return list(head_of_face(box["xyxy"], row["w"], row["h"])) if box["kind"] == "face" else box["xyxy"]


def recall_by_size(truth: list[Row], answers: dict[str, Row]) -> dict[str, dict[str, float]]:
    """Share of true heads that the frame look found at all (score >= 0.05), by height in pixels."""
    found: dict[str, list[bool]] = {f"{low}-{high}": [] for low, high in HEAD_BANDS_PX}
    for row in truth:
        boxes = np.array([h["xyxy"] for h in answers[row["file"]]["heads"]], float).reshape(-1, 4)
        for box in row["boxes"]:
            if box["kind"] not in ("head", "face"):
                continue
            head = np.array(whole_head(box, row), float)
            for low, high in HEAD_BANDS_PX:
                if low <= head[3] - head[1] < high:
                    found[f"{low}-{high}"].append(bool((overlaps(head, boxes) >= MATCH_IOU).any()))
    return {
        band: {"recall": round(float(np.mean(hits)), 4), "heads": len(hits)} for band, hits in found.items() if hits
    }


def overlaps(box: Any, others: Any) -> Any:
    """IoU of one box with (N, 4) boxes."""
    sides = np.clip(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0, None)
    inter = sides.prod(1)
    return inter / (np.prod(box[2:] - box[:2]) + (others[:, 2:] - others[:, :2]).prod(1) - inter + 1e-9)


def only_band(truth: list[Row], low: float, high: float) -> list[Row]:
    """Truth in which heads of other heights are labelled for no question, hence neither hit nor miss."""
    rows = copy.deepcopy(truth)
    for row in rows:
        for box in row["boxes"]:
            if box["kind"] not in ("head", "face"):
                continue
            head = whole_head(box, row)
            if not low <= head[3] - head[1] < high:
                box["hat"] = box["mask"] = None
        row["labelled"] = [name for name in row["labelled"] if name != "cigarette"]
    return rows


def scored(score: ModuleType, truth: list[Row], answers: dict[str, Row]) -> dict[str, Any]:
    """AP and recall at precision 0.95 of every question that the truth answers."""
    found = score.score(truth, answers)
    return {
        name: {
            "ap": round(v["ap"], 4),
            "recall_at_precision_95": round(v["recall_at_precision_95"], 4),
            "positives": v["positives"],
        }
        for name, v in found.items()
        if v["positives"]
    }


def by_source(score: ModuleType, truth: list[Row], answers: dict[str, Row]) -> dict[str, Any]:
    """`scored` for each source alone. On sheets the source is the first word after `cctv_`."""
    groups: dict[str, list[Row]] = {}
    for row in truth:
        groups.setdefault(row.get("source") or row["file"].removeprefix("cctv_").split("_")[0], []).append(row)
    return {name: scored(score, rows, answers) for name, rows in sorted(groups.items())}


def evaluate_set(test: ScoredSet, model: Path, profile: str, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Answer one set with one profile; rows go to OUT/answers/SET_PROFILE.jsonl.

    Options: score (module or None), detail (longer side in pixels beyond which detail is taken away, or None).
    """
    score: ModuleType | None = options["score"]
    eyes = open_model(model, "fast" if profile == "fast" else "thorough")
    rows = list(answer_rows(eyes, test.folder, [row["file"] for row in test.truth], options.get("detail")))
    (out / "answers").mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (out / f"answers/{test.name}_{profile}.jsonl").write_text(text, "utf-8")
    answers = {row["file"]: row for row in rows}
    result: dict[str, Any] = {"pictures": len(rows), "frame_recall": recall_by_size(test.truth, answers)}
    if score is not None:
        result["questions"] = scored(score, test.truth, answers)
        if half := final_half(test.truth):
            result["final"] = {"pictures": len(half), "questions": scored(score, half, answers)}
        result["by_source"] = by_source(score, test.truth, answers)
        result["by_head_px"] = {
            f"{low}-{high}": scored(score, only_band(test.truth, low, high), answers) for low, high in HEAD_BANDS_PX
        }
    return result


def show(name: str, profile: str, result: dict[str, Any]) -> None:
    """Print one set's results."""
    print(f"\n{name}, {profile}: {result['pictures']} pictures")
    for band, row in result["frame_recall"].items():
        print(f"  heads of {band} px found: {row['recall']:.3f} of {row['heads']}")
    for question, row in result.get("questions", {}).items():
        print(
            f"  {question:26} AP {row['ap']:.3f}  R@P95 {row['recall_at_precision_95']:.3f}  of {row['positives']}"
        )
    for title in ("by_source", "by_head_px"):
        for group, questions in result.get(title, {}).items():
            text = ", ".join(f"{q} {row['ap']:.3f} ({row['positives']})" for q, row in questions.items())
            print(f"    {group:18} {text}")


def evaluate(data: Path, out: Path, model: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Run the stage.

    Options: score and sheets (paths or None), every (1), profiles and sets (None for all), detail (None).
    """
    score = load_score(options.get("score"))
    path = out / "evaluation.json"
    results: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    for test in scored_sets(data, out, options.get("sheets"), options.get("every", 1)):
        if test.name not in (options.get("sets") or [test.name]):
            continue
        for profile in options.get("profiles") or PROFILES:
            result = evaluate_set(test, model, profile, out, {**options, "score": score})
            show(test.name, profile, result)
            results.setdefault(test.name, {})[profile] = result
            path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    return results
