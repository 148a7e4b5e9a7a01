"""Stage `sightings`: right and wrong cigarettes that a close look in video sees, at several thresholds.

What `evaluate` scores are answers on single pictures: of the whole picture, tiles and squares around heads, weighed
by a second opinion. In video a person is accused by what the squares around found heads show, and by nothing else:
here is seen what a threshold of that rule costs and saves. Writes OUT/sightings.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from kitchenvision.build import Eyes
from kitchenvision.detect.decode import suppressed
from kitchenvision.geometry import as_xyxy
from kitchenvision.types import CIGARETTE, HEAD, Detections
from training.answers import as_picture, open_model, read_bgr
from training.evaluate import ScoredSet, load_score, scored_sets
from training.labels import Row

THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
_SAME = 0.5  # IoU of one cigarette that was seen beside two heads


def seen(eyes: Eyes, bgr: Any) -> list[Row]:
    """{xyxy, confidence} of each cigarette that close looks around the heads of a picture find."""
    picture = as_picture(bgr)
    heads = eyes.detector.detect(picture).of(HEAD, eyes.card.thresholds.head)
    looks = eyes.looker.look(picture, [as_xyxy(box) for box in heads.xyxy], glance=False)
    found = [one for look in looks for one in look.cigarettes]
    boxes = np.array([one.xyxy for one in found], np.float32).reshape(-1, 4)
    confidence = np.array([one.confidence for one in found], np.float32)
    all_of_them = Detections(boxes, confidence, np.full(len(found), CIGARETTE))
    once = suppressed(all_of_them, _SAME, picture.width, picture.height)
    return [
        {"xyxy": [float(v) for v in box], "confidence": float(c)}
        for box, c in zip(once.xyxy, once.confidence, strict=True)
    ]


def counted(scores: Any, hits: Any) -> dict[str, dict[str, int]]:
    """Threshold -> how many of the answers that reach it are right, and how many wrong."""
    values, right = np.asarray(scores, float), np.asarray(hits, bool)
    return {
        str(least): {
            "right": int((right & (values >= least)).sum()),
            "wrong": int((~right & (values >= least)).sum()),
        }
        for least in THRESHOLDS
    }


def _of_set(eyes: Eyes, score: Any, test: ScoredSet) -> dict[str, Any]:
    truth = [row for row in test.truth if "cigarette" in row["labelled"]]
    answers = {}
    for row in truth:
        answers[row["file"]] = {"cigarettes": seen(eyes, read_bgr(test.folder / row["file"]))}
    scores, hits, labelled = score.cigarette_question(truth, answers)
    return {"pictures": len(truth), "labelled": int(labelled), "at": counted(scores, hits)}


def sightings(data: Path, out: Path, model: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Run the stage. Options: score (needed), sheets, every, profiles, sets.

    Raises:
        FileNotFoundError: no scoring script, or a picture is missing.
    """
    score = load_score(options.get("score"))
    if score is None:
        raise FileNotFoundError("the stage `sightings` needs --score SCRIPT")
    results: dict[str, Any] = {}
    for profile in options.get("profiles") or ("fast",):
        eyes = open_model(model, profile)
        for test in scored_sets(data, out, options.get("sheets"), options.get("every") or 1):
            if test.name not in (options.get("sets") or ("portrait", "camera")):
                continue
            found = results[f"{test.name} {profile}"] = _of_set(eyes, score, test)
            print(f"{test.name}, {profile}: {found['pictures']} pictures, {found['labelled']} cigarettes")
            for least, n in found["at"].items():
                print(f"  from {least:>4}: {n['right']:4d} right {n['wrong']:4d} wrong", flush=True)
    (out / "sightings.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    return results
