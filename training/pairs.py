"""Stage `pairs`: what a model says of rendered heads that differ in their hat alone.

The folder is what `training.synth heads --recipe dark-caps` made, of seeds that no look was trained on: the same
cook twice, once with a dark cap and once with dark hair. A cap that is called bare for sure is the error that would
accuse somebody. Heads are given by their true boxes. Writes OUT/pairs.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kitchenvision.geometry import as_xyxy
from training.answers import as_picture, open_model
from training.build import DataError, read_rows
from training.labels import rendered_head
from training.measures import Array, average_precision

SURE = 0.95  # of an answer that is given at all
MOST_DOUBT = 0.5


def pairs(folder: Path, out: Path, model: Path, first_seed: int = 0) -> dict[str, Any]:
    """Counts over the heads of a folder from that seed on whose hat can be told.

    Raises:
        DataError: none is there, or a picture that cannot be read.
    """
    eyes = open_model(model, "thorough")
    bare, doubt, covered = [], [], []
    for row in read_rows(folder / "crops.jsonl"):
        picture = rendered_head(row, "pair", row["file"], "effective_head_px", "val")
        head = picture.boxes[0]
        if (
            row["seed"] < first_seed
            or head.ignore
            or head.hat not in ("covered", "bare")
            or picture.judged != "all"
        ):
            continue
        image = cv2.imread(str(folder / row["file"]), cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(f"{folder / row['file']} cannot be read")
        (look,) = eyes.looker.look(as_picture(image), [as_xyxy(head.xyxy)], cigarettes=False)
        bare.append(look.hat.bare / max(1e-6, look.hat.bare + look.hat.covered))
        doubt.append(look.hat.cannot_judge)
        covered.append(head.hat == "covered")
    if not bare:
        raise DataError(f"{folder}/crops.jsonl holds no head from seed {first_seed} on whose hat can be told")
    found = counted(np.array(bare), np.array(doubt), np.array(covered))
    (out / "pairs.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(json.dumps(found))
    return found


def counted(bare: Array, doubt: Array, covered: Array) -> dict[str, Any]:
    """bare: probability of bare hair if it can be judged. doubt: that it cannot. covered: the truth. Each (N,)."""
    sure = (bare > SURE) & (doubt < MOST_DOUBT)
    return {
        "caps": int(covered.sum()),
        "caps_called_bare": int((sure & covered).sum()),
        "bare": int((~covered).sum()),
        "bare_called_bare": int((sure & ~covered).sum()),
        "ap_covered": round(average_precision(1 - bare, covered), 4),
        "ap_bare": round(average_precision(bare, ~covered), 4),
    }
