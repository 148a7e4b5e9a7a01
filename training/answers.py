"""Answers of an exported model on pictures, through the package's own two looks.

Rows are as `kitchenvision detect` prints them, with the two parts of a head's confidence beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kitchenvision.detect.model_card import ModelCard, Profile, load_card
from kitchenvision.detect.onnx import OnnxDetector, OnnxHeadLooker, open_session
from kitchenvision.geometry import nms
from kitchenvision.types import CIGARETTE, HEAD, PERSON, Detections, HeadLook, Pixels

_SAME_CIGARETTE_IOU = 0.4


class LoadedPicture:
    """A decoded picture for the package's looks: see `kitchenvision.types.Picture`."""

    def __init__(self, bgr: Any) -> None:
        self._rgb: Pixels = np.ascontiguousarray(bgr[..., ::-1])
        self.height, self.width = self._rgb.shape[:2]

    def rgb(self) -> Pixels:
        return self._rgb

    def scaled(self, width: int, height: int) -> Pixels:
        shrinks = width < self.width
        return cv2.resize(self._rgb, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Looks:
    """An exported model, opened."""

    card: ModelCard
    detector: OnnxDetector
    looker: OnnxHeadLooker


def open_model(folder: Path, profile: Profile, threads: int = 1) -> Looks:
    """Open OUT/export or models/NAME. Raises kitchenvision.errors.ModelError if it does not fit its card."""
    card = load_card(folder.parent, folder.name)
    frame = open_session(str(card.path(card.frame.file)), "cpu", threads)
    detector = OnnxDetector(card, frame, profile)
    return Looks(
        card, detector, OnnxHeadLooker(card, open_session(str(card.path(card.zoom.file)), "cpu", threads), detector)
    )


def row_of(looks: Looks, file: str, picture: LoadedPicture) -> dict[str, Any]:
    """One row of answers for one picture."""
    found = looks.detector.detect(picture)
    heads = found.of(HEAD)
    boxes = [(float(b[0]), float(b[1]), float(b[2]), float(b[3])) for b in heads.xyxy]
    seen = looks.looker.look(picture, boxes)
    return {
        "file": file,
        "width": picture.width,
        "height": picture.height,
        "heads": [_head(box, float(c), look) for box, c, look in zip(boxes, heads.confidence, seen, strict=True)],
        "cigarettes": merged_cigarettes(found.of(CIGARETTE), seen),
        "persons": [
            {"xyxy": _numbers(b), "confidence": round(float(c), 4)}
            for b, c in zip(found.of(PERSON).xyxy, found.of(PERSON).confidence, strict=True)
        ],
    }


def _numbers(values: Iterable[float]) -> list[float]:
    return [round(float(v), 2) for v in values]


def _head(box: Iterable[float], confidence: float, look: HeadLook) -> dict[str, Any]:
    return {
        "xyxy": _numbers(box),
        "confidence": round(float(np.sqrt(confidence * look.head)), 4),
        "frame": round(confidence, 4),
        "zoom": round(look.head, 4),
        "hat": {k: round(v, 4) for k, v in vars(look.hat).items()},
        "mask": {k: round(v, 4) for k, v in vars(look.mask).items()},
    }


def merged_cigarettes(frame: Detections, looks: Iterable[HeadLook]) -> list[dict[str, Any]]:
    """Cigarettes of the whole frame and of the crops around heads, one row a thing, the surest box of each."""
    rows = [(tuple(b), float(c), "frame") for b, c in zip(frame.xyxy.tolist(), frame.confidence, strict=True)]
    rows += [(c.xyxy, c.confidence, "zoom") for look in looks for c in look.cigarettes]
    if not rows:
        return []
    boxes = np.array([r[0] for r in rows], np.float32)
    kept = nms(boxes, np.array([r[1] for r in rows], np.float32), _SAME_CIGARETTE_IOU)
    return [{"xyxy": _numbers(rows[i][0]), "confidence": round(rows[i][1], 4), "by": rows[i][2]} for i in kept]


def answer_rows(looks: Looks, folder: Path, files: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Rows for pictures of a folder. Raises FileNotFoundError for one that cannot be read."""
    for file in files:
        bgr = cv2.imread(str(folder / file), cv2.IMREAD_COLOR)
        if bgr is None:
            raise FileNotFoundError(f"{folder / file} cannot be read")
        yield row_of(looks, file, LoadedPicture(bgr))
