"""Answers of an exported model on pictures: the very rows that `kitchenvision detect` prints."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kitchenvision.build import Eyes, open_eyes
from kitchenvision.detect.model_card import Profile
from kitchenvision.frames.picture import ArrayPicture
from kitchenvision.geometry import as_xyxy
from kitchenvision.single_pictures import row_of
from kitchenvision.types import HEAD, HeadLook, Xyxy


def as_picture(bgr: Any) -> ArrayPicture:
    """What OpenCV read, for the package's looks."""
    return ArrayPicture(np.ascontiguousarray(bgr[..., ::-1]))


def read_bgr(path: Path) -> Any:
    """A picture (H, W, 3) uint8 BGR. Raises FileNotFoundError if it cannot be read."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FileNotFoundError(f"{path} cannot be read")
    return bgr


def open_model(folder: Path, profile: Profile, threads: int = 1) -> Eyes:
    """Open OUT/export or models/NAME. Raises kitchenvision.errors.ModelError if it does not fit its card."""
    return open_eyes(folder.parent, folder.name, profile, "cpu", threads)


def heads_of(eyes: Eyes, picture: ArrayPicture) -> Iterator[tuple[Xyxy, float, HeadLook]]:
    """Box, confidence (that of both looks, as in `kitchenvision detect`) and look of each head; no cigarettes."""
    heads = eyes.detector.detect(picture).of(HEAD)
    boxes = [as_xyxy(box) for box in heads.xyxy]
    looks = eyes.looker.look(picture, boxes, cigarettes=False)
    for box, confidence, look in zip(boxes, heads.confidence, looks, strict=True):
        yield box, math.sqrt(float(confidence) * look.head), look


def without_detail(bgr: Any, longer_px: int) -> Any:
    """The picture, as large as before, with no more detail than one with that longer side has."""
    height, width = bgr.shape[:2]
    if max(height, width) <= longer_px:
        return bgr
    scale = longer_px / max(height, width)
    small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def answer_rows(
    eyes: Eyes, folder: Path, files: Iterable[str], detail_px: int | None = None
) -> Iterator[dict[str, Any]]:
    """Rows for pictures of a folder, optionally without the detail beyond a size.

    Raises:
        FileNotFoundError: a picture cannot be read.
    """
    for file in files:
        bgr = read_bgr(folder / file)
        if detail_px is not None:
            bgr = without_detail(bgr, detail_px)
        yield row_of(file, as_picture(bgr), eyes)
