"""Stage `margins`: what a rule's margin costs and saves, on the validation heads.

A look accuses when the violating answer is surer than a half by the margin (`rules.rule.from_answers`). For each
margin: the share of violating heads whose look accuses, and how many compliant heads it accuses. Heads are given by
nearly true boxes, near and as small as on a camera. The first half of val calibrated the look, and a margin is
chosen on it; the second half says what that choice is worth. Writes OUT/margins.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from training.calibrate import validation_crops
from training.measures import Array
from training.pack import Pack
from training.pairs import MOST_DOUBT
from training.settings import FILES, HAT, MASK, ZoomSettings

MARGINS = (0.4, 0.45, 0.47, 0.48, 0.485, 0.49, 0.495)
LEAST_PX = 22.0
_SEED, _BATCH = 2, 64
_QUESTIONS = {"hat": (HAT, ("bare",), "covered"), "mask": (MASK, ("incorrect", "none"), "worn")}


def margins(out: Path, settings: ZoomSettings, model: Path) -> dict[str, Any]:
    """Run the stage for a model folder.

    Raises:
        FileNotFoundError: the set was not built, or the folder holds no zoom look.
    """
    pack = Pack(out / "set/heads")
    crops, asked, halves, heights = validation_crops(pack, settings, _SEED)
    answers = _answers(model / FILES["zoom"], crops)
    families = [fact["family"] for fact in pack.facts if fact["split"] == "val"]
    cook = np.repeat([family == "cook" for family in families], len(crops) // max(1, len(families)))
    large = (np.array(heights) >= LEAST_PX) & (np.array(asked["head"]) == 1)
    second = np.array(halves)
    found: dict[str, Any] = {}
    for question in _QUESTIONS:
        for half, there in (("first", ~second), ("second", second)):
            for who, those in (("cook", cook), ("all", np.ones_like(cook))):
                kept = large & there & those
                rows = counted(question, answers[question][kept], np.array(asked[question])[kept])
                found[f"{question}, {half} half, {who}"] = rows
                print(f"{question:5}{half:7}{who:5}", json.dumps(rows))
    (out / "margins.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return found


def counted(question: str, answers: Array, truth: Array) -> dict[str, Any]:
    """One row of the table.

    Args:
        answers: (N, answers of the question) probabilities. truth: (N,) indices, -1 where the labels are silent.
    """
    names, violating, compliant = _QUESTIONS[question]
    wrong = np.isin(truth, [names.index(name) for name in violating])
    right = truth == names.index(compliant)
    against = answers[:, [names.index(name) for name in violating]].sum(axis=1)
    sure = against / np.maximum(against + answers[:, names.index(compliant)], 1e-9)
    judged = answers[:, names.index("cannot_judge")] <= MOST_DOUBT
    accused = {margin: judged & (sure - 0.5 >= margin) for margin in MARGINS}
    return {
        "violating": int(wrong.sum()),
        "compliant": int(right.sum()),
        "found": {str(m): round(float((a & wrong).sum() / max(1, wrong.sum())), 3) for m, a in accused.items()},
        "accused_wrongly": {str(m): int((a & right).sum()) for m, a in accused.items()},
    }


def _answers(path: Path, crops: Array) -> dict[str, Array]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    parts = [
        session.run(list(_QUESTIONS), {name: np.ascontiguousarray(crops[i : i + _BATCH])})
        for i in range(0, len(crops), _BATCH)
    ]
    return {question: np.concatenate([part[i] for part in parts]) for i, question in enumerate(_QUESTIONS)}
