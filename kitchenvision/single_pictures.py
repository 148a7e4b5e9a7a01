"""What both looks say of single pictures: the rows of `kitchenvision detect` (docs: INTERFACES, detect rows)."""

import math
from typing import Any

import numpy as np

from kitchenvision.build import Eyes
from kitchenvision.detect.cigarette_check import CigaretteCheck
from kitchenvision.detect.decode import joined, suppressed
from kitchenvision.detect.onnx import LEAST_SCORE
from kitchenvision.detect.tiles import cigarettes_on_tiles
from kitchenvision.geometry import as_xyxy
from kitchenvision.types import CIGARETTE, HEAD, PERSON, Detections, HeadLook, Picture, Xyxy

MOST_HEADS = 150  # a crowd beyond this is not a kitchen; keeps the zoom look's cost bounded
LEAST_HEAD_FOR_CIGARETTES = 0.25
_CIGARETTE_IOU = 0.3


def row_of(name: str, picture: Picture, eyes: Eyes) -> dict[str, Any]:
    """One row: heads with the answers on each, cigarettes, persons. Boxes are pixels, scores 0..1.

    A head's confidence is sqrt(frame look) x zoom look's "real head". Cigarettes are those of the whole picture, of
    its tiles where the model has them, and of the crops around heads; two sightings of one become their mean,
    which the model's second opinion then weighs.
    """
    found = eyes.detector.detect(picture)
    heads = found.of(HEAD)
    heads = heads[np.argsort(-heads.confidence, kind="stable")[:MOST_HEADS]]
    boxes = [as_xyxy(box) for box in heads.xyxy]
    sure = int((heads.confidence >= LEAST_HEAD_FOR_CIGARETTES).sum())
    looker = eyes.looker.with_one_square()
    looks = looker.look(picture, boxes[:sure]) + looker.look(picture, boxes[sure:], cigarettes=False)
    return {
        "file": name,
        "width": picture.width,
        "height": picture.height,
        "heads": [
            _head_row(box, math.sqrt(float(confidence)) * look.head, look)
            for box, confidence, look in zip(boxes, heads.confidence, looks, strict=True)
        ],
        "cigarettes": _box_rows(_cigarettes(_whole_picture(picture, found, eyes), looks, picture, eyes.check)),
        "persons": _box_rows(found.of(PERSON)),
    }


def _head_row(box: Xyxy, confidence: float, look: HeadLook) -> dict[str, Any]:
    hat, mask = look.hat, look.mask
    return {
        "xyxy": _rounded(box),
        "confidence": round(confidence, 4),
        "hat": {
            "covered": round(hat.covered, 4),
            "bare": round(hat.bare, 4),
            "cannot_judge": round(hat.cannot_judge, 4),
        },
        "mask": {
            "worn": round(mask.worn, 4),
            "incorrect": round(mask.incorrect, 4),
            "none": round(mask.none, 4),
            "cannot_judge": round(mask.cannot_judge, 4),
        },
    }


def _whole_picture(picture: Picture, found: Detections, eyes: Eyes) -> Detections:
    if eyes.cigarettes is None:
        return found.of(CIGARETTE)
    whole = found if eyes.cigarettes is eyes.detector else eyes.cigarettes.detect(picture)
    tiles = eyes.card.cigarette_tiles
    if tiles is None:
        return whole.of(CIGARETTE)
    return joined([whole.of(CIGARETTE), cigarettes_on_tiles(eyes.cigarettes, picture, found, tiles)])


def _cigarettes(
    whole: Detections, looks: list[HeadLook], picture: Picture, check: CigaretteCheck | None
) -> Detections:
    near = [cigarette for look in looks for cigarette in look.cigarettes]
    boxes = np.asarray([*whole.xyxy, *(c.xyxy for c in near)], np.float32).reshape(-1, 4)
    scores = np.asarray([*whole.confidence, *(c.confidence for c in near)], np.float32)
    seen = Detections(boxes, scores, np.full(len(scores), CIGARETTE, np.int64))
    kept = suppressed(seen, _CIGARETTE_IOU, picture.width, picture.height, averaged=True)
    return kept if check is None else check.weighed(picture.rgb(), kept, LEAST_SCORE)


def _box_rows(found: Detections) -> list[dict[str, Any]]:
    order = np.argsort(-found.confidence, kind="stable")
    return [
        {"xyxy": _rounded(as_xyxy(found.xyxy[i])), "confidence": round(float(found.confidence[i]), 4)}
        for i in order
    ]


def _rounded(box: Xyxy) -> list[float]:
    return [round(v, 1) for v in box]
