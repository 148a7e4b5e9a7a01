"""Stage `ceilings`: how good the answers could be if one part of the eyes made no error.

Reads the answers that `evaluate` wrote and scores them three times: as they are; with every found head judged as it
is labelled, so that what lacks is the frame look's; and without answers that match no labelled head, be they no
head at all or one that nobody labelled. Writes OUT/ceilings.json.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np

from training.build import read_rows
from training.evaluate import MATCH_IOU, PROFILES, load_score, overlaps, scored, scored_sets, whole_head
from training.labels import Row

_ANSWER_OF = {
    "hat": {"bare": "bare", "food_or_clinical": "covered", "other": "covered"},
    "mask": {"none": "none", "mask": "worn", "incorrect": "incorrect"},
}
Answers = dict[str, Row]


def ceilings(data: Path, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Run the stage. Options: score (needed), sheets, every, profiles, sets.

    Raises:
        FileNotFoundError: no scoring script, or a set was not evaluated yet.
    """
    score = load_score(options.get("score"))
    if score is None:
        raise FileNotFoundError("the stage `ceilings` needs --score SCRIPT")
    results: dict[str, Any] = {}
    for test in scored_sets(data, out, options.get("sheets"), options.get("every", 1)):
        for profile in options.get("profiles") or PROFILES:
            if test.name not in (options.get("sets") or ("portrait", "camera")):
                continue
            answers = {row["file"]: row for row in read_rows(out / f"answers/{test.name}_{profile}.jsonl")}
            parts = {
                "as it is": answers,
                "judged right": judged_right(test.truth, answers),
                "no strays": without_strays(test.truth, answers),
            }
            found = {name: scored(score, test.truth, rows) for name, rows in parts.items()}
            results[f"{test.name} {profile}"] = found
            print(f"\n{test.name}, {profile}")
            for question in found["as it is"]:
                print(f"  {question:26}", *(f"{name} {found[name][question]['ap']:.3f} " for name in parts))
    (out / "ceilings.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    return results


def judged_right(truth: list[Row], answers: Answers) -> Answers:
    """The answers, each head that matches a labelled one answered as that is labelled."""
    told = copy.deepcopy(answers)
    for row in truth:
        heads = [box for box in row["boxes"] if box["kind"] in ("head", "face")]
        for head in told[row["file"]]["heads"]:
            closeness = _closeness(head, heads, row)
            if closeness.max(initial=0.0) < MATCH_IOU:
                continue
            label = heads[int(closeness.argmax())]
            for question, names in _ANSWER_OF.items():
                if right := names.get(label.get(question) or ""):
                    head[question] = {name: float(name == right) for name in head[question]}
    return told


def without_strays(truth: list[Row], answers: Answers) -> Answers:
    """The answers without the heads that match no true box."""
    kept = copy.deepcopy(answers)
    for row in truth:
        boxes = [box for box in row["boxes"] if box["kind"] != "cigarette"]
        given = kept[row["file"]]
        given["heads"] = [h for h in given["heads"] if _closeness(h, boxes, row).max(initial=0.0) >= MATCH_IOU]
    return kept


def _closeness(head: Row, boxes: list[Row], row: Row) -> Any:
    true = np.array([whole_head(box, row) for box in boxes], float).reshape(-1, 4)
    return overlaps(np.array(head["xyxy"], float), true)
