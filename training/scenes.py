"""What is labelled on a picture, at any scale, and a square sheet on which pictures are laid with their labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.labels import Box, Picture
from training.settings import CLASSES, DataSettings

CELL_PX = 8  # the finest stride of the net: one known/unknown answer a cell
PERSON, HEAD, CIGARETTE = range(3)
_LEAST_PX = {
    PERSON: 8.0,
    HEAD: 5.0,
    CIGARETTE: 3.0,
}  # of the longer side; smaller ones are neither there nor absent
_LEAST_VISIBLE = 0.45
_PORTRAIT_HEAD = 0.55  # a portrait's head is about this share of its height, where no head is labelled

Array = np.ndarray[Any, np.dtype[Any]]
Found = Mapping[int, list[list[float]]]  # class -> rows of x0, y0, x1, y1, confidence that a model gave


@dataclass
class Sheet:
    """`image` (S, S, 3) BGR; `targets` rows of class, x0, y0, x1, y1; `known` (3, S/8, S/8): absence is known."""

    image: Array
    known: Array
    targets: list[tuple[float, ...]] = field(default_factory=list)

    @staticmethod
    def empty(side: int, rng: np.random.Generator) -> Sheet:
        """A sheet of one colour, on which nothing is, for certain."""
        image = np.full((side, side, 3), rng.integers(40, 210, 3), np.uint8)
        return Sheet(image, np.ones((len(CLASSES), side // CELL_PX, side // CELL_PX), np.uint8))

    def paste(self, patch: Array, scene: Scene, at: tuple[int, int], rect: tuple[int, int, int, int]) -> None:
        """Lay `patch` with its upper left corner at `at` (x, y); only what falls into `rect` shows."""
        x0, y0, x1, y1 = (
            max(rect[0], at[0]),
            max(rect[1], at[1]),
            min(rect[2], at[0] + patch.shape[1]),
            min(rect[3], at[1] + patch.shape[0]),
        )
        if x1 <= x0 or y1 <= y0:
            return
        self.image[y0:y1, x0:x1] = patch[y0 - at[1] : y1 - at[1], x0 - at[0] : x1 - at[0]]
        area = (x0, y0, x1, y1)
        shift = np.array([at[0], at[1], at[0], at[1]], float)
        for kind in range(len(CLASSES)):
            self._mark(kind, area, int(scene.known[kind] == "all"))
        for kind, box in scene.asked:
            self._mark(kind, _inside(box + shift, area), 1)
        for kind, box in scene.ignored:
            self._mark(kind, _inside(box + shift, area), 0)
        for kind, box in scene.boxes:
            self._target(kind, box + shift, area)

    def turned(self, quarters: int) -> Sheet:
        """The sheet, turned counter-clockwise by quarters."""
        side, targets = float(len(self.image)), self.targets
        for _ in range(quarters):
            targets = [(kind, y0, side - x1, y1, side - x0) for kind, x0, y0, x1, y1 in targets]
        image = np.ascontiguousarray(np.rot90(self.image, quarters))
        return Sheet(image, np.ascontiguousarray(np.rot90(self.known, quarters, (1, 2))), targets)

    def _target(self, kind: int, box: Array, area: tuple[int, int, int, int]) -> None:
        seen = _inside(box, area)
        if seen is None:
            return
        sides, whole = np.array([seen[2] - seen[0], seen[3] - seen[1]]), box[2:] - box[:2]
        visible = sides.prod() / max(whole.prod(), 1e-6)
        if sides.max() < _LEAST_PX[kind] or (visible < _LEAST_VISIBLE and kind != PERSON) or visible < 0.15:
            self._mark(kind, seen, 0)
        else:
            self.targets.append((float(kind), *(float(v) for v in seen)))

    def _mark(self, kind: int, area: Any, value: int) -> None:
        if area is None:
            return
        x0, y0 = int(area[0] // CELL_PX), int(area[1] // CELL_PX)
        x1, y1 = -int(-area[2] // CELL_PX), -int(-area[3] // CELL_PX)
        self.known[kind, y0:y1, x0:x1] = value


def _inside(box: Any, area: tuple[int, int, int, int]) -> Any:
    x0, y0, x1, y1 = max(box[0], area[0]), max(box[1], area[1]), min(box[2], area[2]), min(box[3], area[3])
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


@dataclass(frozen=True)
class Scene:
    """Labels of one picture at some scale: (class, xyxy) lists, and what silence means per class."""

    known: tuple[str, ...]
    boxes: list[tuple[int, Array]]
    ignored: list[tuple[int, Array]]
    asked: list[tuple[int, Array]]  # regions where absence is known although it is not everywhere

    def moved(
        self,
        factor: float | tuple[float, float],
        mirror_width: float | None = None,
        left: float = 0.0,
        top: float = 0.0,
    ) -> Scene:
        """Shift by (-left, -top), then scale (x, y), then mirror within `mirror_width` (of the scaled picture)."""
        factors = np.broadcast_to(np.asarray(factor, float), 2)

        def move(pairs: list[tuple[int, Array]]) -> list[tuple[int, Array]]:
            out = []
            for kind, box in pairs:
                b = (box - np.array([left, top, left, top])) * np.tile(factors, 2)
                if mirror_width is not None:
                    b = np.array([mirror_width - b[2], b[1], mirror_width - b[0], b[3]])
                out.append((kind, b))
            return out

        return Scene(self.known, move(self.boxes), move(self.ignored), move(self.asked))

    def head_px(self, height: float) -> float:
        """Height of the largest head, or a guess for a portrait."""
        heads = [b[3] - b[1] for kind, b in self.boxes if kind == HEAD]
        return float(max(heads)) if heads else _PORTRAIT_HEAD * height


def scene_of(picture: Picture, found: Found, data: DataSettings) -> Scene:
    """Labels of a picture in its own pixels, with what a model found of the classes that nobody labelled."""
    known = [picture.known[name] for name in CLASSES]
    boxes: list[tuple[int, Array]] = []
    ignored: list[tuple[int, Array]] = []
    asked: list[tuple[int, Array]] = []
    for box in picture.boxes:
        _sort(box, known, boxes, ignored, asked)
    positive = {PERSON: data.pseudo_positive, HEAD: data.heads_positive}
    for kind, rows in found.items():
        if known[kind] == "none":
            known[kind] = "all"
            for row in rows:
                target = boxes if row[4] >= positive[kind] else ignored
                target.append((kind, np.array(row[:4], float)))
    if picture.family in ("mask", "own"):
        ignored += _heads_from_behind(found.get(PERSON, []), [b for kind, b in boxes if kind == HEAD])
    return Scene(tuple(known), boxes, ignored, asked)


def _sort(box: Box, known: list[str], boxes: list[Any], ignored: list[Any], asked: list[Any]) -> None:
    where = np.array(box.xyxy, float)
    if box.kind == "not_head":
        asked.append((HEAD, where))
        return
    kind = CLASSES.index(box.kind)
    (ignored if box.ignore else boxes).append((kind, where))
    if known[kind] == "boxes" and not box.ignore:
        asked.append((kind, where))


def _heads_from_behind(persons: list[list[float]], heads: list[Array]) -> list[tuple[int, Array]]:
    """Face sets box faces only: a person without one may have a head from behind, so nothing is known there."""
    regions = []
    for x0, y0, x1, y1, _ in persons:
        middles = [((h[0] + h[2]) / 2, (h[1] + h[3]) / 2) for h in heads]
        if not any(x0 <= x <= x1 and y0 <= y <= y1 for x, y in middles):
            regions.append((HEAD, np.array([x0, y0, x1, y0 + 0.45 * (y1 - y0)])))
    return regions
