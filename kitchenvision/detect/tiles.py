"""Cigarettes on a whole camera picture, tile by tile: on its few pixels each is found only when it is enlarged.

Slicing-aided inference (Akyon, Altinuc and Temizel, 2022), with the tile measured by the heads of the picture:
cigarettes are as small as the people are. Where heads are large the whole picture shows cigarettes well enough.
What lies at nobody is no cigarette that anybody smokes, and is left out: a bright edge or a car's trim looks so.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from kitchenvision.detect.decode import joined
from kitchenvision.detect.model_card import CigaretteTiles
from kitchenvision.detect.onnx import OnnxDetector
from kitchenvision.detect.preprocess import Placed, square_crop
from kitchenvision.types import HEAD, PERSON, Detections, Floats, Picture

Flags = np.ndarray[Any, np.dtype[np.bool_]]

_USUAL_HEAD = 0.9  # the quantile of the head sizes by which tiles are measured: one poster must not decide
_CUT_PX = 2.0  # of the enlarged tile: what comes nearer to an inner border is cut off by it
_SIZED = 0.3  # score of the heads by which tiles are measured
_SOMEBODY = 0.2  # of persons and heads, from which on somebody may be there
# How far hands reach beyond a box, to the left, up, right and down.
_PERSON_REACH = np.asarray([-0.1, 0.0, 0.1, 0.0], np.float32)  # in widths of the person
_HEAD_REACH = np.asarray([-2.0, -0.5, 2.0, 3.0], np.float32)  # in heights of the head


@dataclass(frozen=True)
class Tiling:
    """Where tiles of `side` pixels lie: their middles (x, y), rows first."""

    side: float
    middles: tuple[tuple[float, float], ...]


def tiling(width: int, height: int, heads: Floats, settings: CigaretteTiles) -> Tiling | None:
    """Tiles for a picture with these heads (N, 4); None without heads, or where they are too large for tiles."""
    if not len(heads):
        return None
    side = max(
        settings.heads * float(np.quantile((heads[:, 2:] - heads[:, :2]).max(axis=1), _USUAL_HEAD, method="lower")),
        settings.least_side_px,
        max(width, height) / settings.most_across,
    )
    if side > min(width, height) * settings.most_share:
        return None
    rows, columns = (_middles(length, side, settings.overlap) for length in (height, width))
    return Tiling(side, tuple((x, y) for y in rows for x in columns))


def _middles(length: int, side: float, overlap: float) -> list[float]:
    count = math.ceil((length - side) / (side * (1 - overlap))) + 1
    return [side / 2 + i * (length - side) / max(1, count - 1) for i in range(count)]


def cigarettes_on_tiles(
    detector: OnnxDetector, picture: Picture, found: Detections, settings: CigaretteTiles
) -> Detections:
    """What the cigarette look finds at the people of a picture on its tiles, before NMS.

    Args:
        detector: the cigarette look. picture: the whole picture. settings: of the model.
        found: persons and heads on it.

    Returns:
        Boxes in pixels of the picture, without what a tile cuts off.
    """
    where = tiling(picture.width, picture.height, found.of(HEAD, _SIZED).xyxy, settings)
    if where is None:
        return Detections.none()
    people = _surroundings(found)
    half = where.side / 2
    image = picture.rgb()
    placed = [
        square_crop(image, (x, y), where.side, settings.size_px)
        for x, y in where.middles
        if _touch(np.asarray([[x - half, y - half, x + half, y + half]], np.float32), people)[0]
    ]
    answers = detector.cigarettes_near(placed)
    whole = joined([_not_cut(some, tile, picture) for some, tile in zip(answers, placed, strict=True)])
    middles = np.tile((whole.xyxy[:, :2] + whole.xyxy[:, 2:]) / 2, 2).astype(np.float32)
    return whole[_touch(middles, people)]


def _surroundings(found: Detections) -> Floats:
    """(N, 4) where somebody's mouth and hands can be: each person, and around each head."""
    persons, heads = found.of(PERSON, _SOMEBODY).xyxy, found.of(HEAD, _SOMEBODY).xyxy
    widths, heights = (persons[:, 2] - persons[:, 0])[:, None], (heads[:, 3] - heads[:, 1])[:, None]
    reached = np.concatenate([persons + widths * _PERSON_REACH, heads + heights * _HEAD_REACH])
    return reached.astype(np.float32)


def _touch(boxes: Floats, others: Floats) -> Flags:
    """For each of (N, 4) boxes, which may be points, whether it shares anything with one of the (M, 4) others."""
    a, b = boxes[:, None], others[None]
    apart = np.any((a[..., :2] > b[..., 2:]) | (a[..., 2:] < b[..., :2]), axis=2)
    return np.asarray(np.any(~apart, axis=1))


def _not_cut(found: Detections, tile: Placed, picture: Picture) -> Detections:
    height, width = tile.pixels.shape[:2]
    right, bottom = tile.left + width / tile.scale_x, tile.top + height / tile.scale_y
    near_x, near_y = _CUT_PX / tile.scale_x, _CUT_PX / tile.scale_y
    box = found.xyxy
    return found[
        ((tile.left <= 0) | (box[:, 0] > tile.left + near_x))
        & ((tile.top <= 0) | (box[:, 1] > tile.top + near_y))
        & ((right >= picture.width) | (box[:, 2] < right - near_x))
        & ((bottom >= picture.height) | (box[:, 3] < bottom - near_y))
    ]
