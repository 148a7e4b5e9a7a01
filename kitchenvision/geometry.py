"""Boxes and polygons. Boxes are xyxy; any unit, as long as it is one."""

from dataclasses import dataclass

import numpy as np

from kitchenvision.types import Floats, Ints, Xyxy


@dataclass(frozen=True)
class Placement:
    """Where a part of one picture lies on another: there = here * scale + (left, top), in pixels."""

    scale_x: float
    scale_y: float
    left: float = 0.0
    top: float = 0.0

    def there(self, box: Xyxy) -> Xyxy:
        """A box of the one picture, on the other."""
        x0, y0, x1, y1 = box
        return (
            x0 * self.scale_x + self.left,
            y0 * self.scale_y + self.top,
            x1 * self.scale_x + self.left,
            y1 * self.scale_y + self.top,
        )

    def back(self, box: Xyxy) -> Xyxy:
        """The inverse."""
        x0, y0, x1, y1 = box
        return (
            (x0 - self.left) / self.scale_x,
            (y0 - self.top) / self.scale_y,
            (x1 - self.left) / self.scale_x,
            (y1 - self.top) / self.scale_y,
        )


def iou_matrix(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every pair: (N, 4) and (M, 4) boxes give (N, M)."""
    inter = intersection_matrix(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - inter
    return np.asarray(inter / np.maximum(union, 1e-9), np.float32)


def intersection_matrix(a: Floats, b: Floats) -> Floats:
    """Area shared by every pair: (N, 4) and (M, 4) boxes give (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=2), np.float32)


def areas(boxes: Floats) -> Floats:
    """(N, 4) boxes give (N,) areas; a box turned inside out has none."""
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1), np.float32)


def iou(a: Xyxy, b: Xyxy) -> float:
    """Intersection over union of two boxes."""
    return float(iou_matrix(np.asarray([a], np.float32), np.asarray([b], np.float32))[0, 0])


def as_xyxy(row: Floats) -> Xyxy:
    """One row of an (N, 4) array as a box of plain numbers."""
    x0, y0, x1, y1 = (float(v) for v in row)
    return x0, y0, x1, y1


def centre(box: Xyxy) -> tuple[float, float]:
    """(x, y) of the middle."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def grown(box: Xyxy, factor: float) -> Xyxy:
    """The box with the same middle and `factor` times the sides."""
    x, y = centre(box)
    half_w, half_h = (box[2] - box[0]) * factor / 2, (box[3] - box[1]) * factor / 2
    return x - half_w, y - half_h, x + half_w, y + half_h


def clipped(box: Xyxy, width: float, height: float) -> Xyxy:
    """The part of the box inside a picture of that size."""
    return (
        min(max(box[0], 0.0), width),
        min(max(box[1], 0.0), height),
        min(max(box[2], 0.0), width),
        min(max(box[3], 0.0), height),
    )


def in_polygon(point: tuple[float, float], polygon: tuple[tuple[float, float], ...]) -> bool:
    """Whether the point lies inside (even-odd rule, so that a polygon may be concave)."""
    x, y = point
    inside = False
    for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
    return inside


def nms(boxes: Floats, scores: Floats, threshold: float) -> Ints:
    """Indices of the boxes kept by greedy non-maximum suppression, best first.

    Args:
        boxes: (N, 4). scores: (N,). threshold: boxes that overlap a better one by more IoU are dropped.
    """
    order = np.argsort(-scores, kind="stable")
    keep: list[int] = []
    while len(order):
        best, rest = int(order[0]), order[1:]
        keep.append(best)
        order = rest[iou_matrix(boxes[best : best + 1], boxes[rest])[0] <= threshold]
    return np.asarray(keep, np.int64)
