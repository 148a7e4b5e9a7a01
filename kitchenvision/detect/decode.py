"""From a YOLO head's raw numbers to detections in source pixels."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kitchenvision.detect.preprocess import Placed
from kitchenvision.geometry import areas, intersection_matrix, iou_matrix, nms
from kitchenvision.types import CIGARETTE, HEAD, Detections, Floats

MOST_PER_CLASS = 300
_SAME_SIGHTING = 0.5
_SAME_HEAD = 0.75  # share of the smaller head's area that lies inside the better one


def decode(predictions: Floats, placed: Placed, roles: Sequence[int | None], least: float) -> Detections:
    """Boxes and classes of one input, before NMS.

    Args:
        predictions: (4 + classes, A) float32: centre x, y, width, height in input pixels, then class scores.
        placed: the input, for the way back to source pixels.
        roles: for each of the network's classes the index into `types.CLASSES`, or None to ignore it.
        least: scores below it are dropped.

    Raises:
        ValueError: when the shape does not fit the classes.
    """
    if predictions.ndim != 2 or predictions.shape[0] != 4 + len(roles):
        raise ValueError(f"expected predictions ({4 + len(roles)}, A), got {predictions.shape}")
    parts = []
    for channel, role in enumerate(roles):
        if role is None:
            continue
        scores = predictions[4 + channel]
        keep = np.flatnonzero(scores >= least)
        if len(keep) > MOST_PER_CLASS:
            keep = keep[np.argsort(-scores[keep], kind="stable")[:MOST_PER_CLASS]]
        centre, half = predictions[:2, keep].T, predictions[2:4, keep].T / 2
        boxes = placed.back(np.concatenate([centre - half, centre + half], axis=1))
        parts.append(Detections(boxes, scores[keep].astype(np.float32), np.full(len(keep), role, np.int64)))
    return joined(parts)


def joined(parts: Sequence[Detections]) -> Detections:
    """All detections of several answers in one."""
    if not parts:
        return Detections.none()
    return Detections(
        np.concatenate([p.xyxy for p in parts]),
        np.concatenate([p.confidence for p in parts]),
        np.concatenate([p.class_id for p in parts]),
    )


def without_small_heads(found: Detections, least_px: float) -> Detections:
    """All but the heads whose longer side is under `least_px` source pixels."""
    longer = (found.xyxy[:, 2:] - found.xyxy[:, :2]).max(axis=1, initial=0)
    return found[(found.class_id != HEAD) | (longer >= least_px)]


def suppressed(found: Detections, iou: float, width: int, height: int, averaged: bool = False) -> Detections:
    """One detection per thing: NMS within each class, best first, clipped to the picture.

    Args:
        found: of one or several looks. iou: boxes that overlap a better one by more are the same thing.
        width, height: of the picture.
        averaged: where several looks see a cigarette, keep the mean of their boxes, weighted by confidence: it is
            a few pixels thin, and one pixel decides how well a box fits (Solovyev, Wang and Gabruseva, Weighted
            boxes fusion, 2021).
    """
    limits = np.asarray([width, height, width, height], np.float32)
    boxes = np.clip(found.xyxy, 0, limits).astype(np.float32)
    found = Detections(boxes, found.confidence, found.class_id)
    found = found[(boxes[:, 2] - boxes[:, 0] >= 1e-3) & (boxes[:, 3] - boxes[:, 1] >= 1e-3)]
    parts = []
    for class_id in np.unique(found.class_id):
        of_class = found[found.class_id == class_id]
        kept = of_class[nms(of_class.xyxy, of_class.confidence, iou)]
        if class_id == HEAD:
            kept = _without_parts(kept)
        elif class_id == CIGARETTE and averaged:
            kept = _averaged(kept, of_class)
        parts.append(kept)
    return joined(parts)


def agreed(looks: Sequence[Detections], iou: float) -> Detections:
    """What several looks at one thing say together: of each box the mean of their confidences.

    Args:
        looks: answers of each look after NMS, all of one class. One that does not see a thing counts as 0 for it.
        iou: boxes of two looks that overlap by as much are the same thing.

    Returns:
        The surest box of each thing, with the mean confidence over all looks.
    """
    if len(looks) == 1:
        return looks[0]
    every = joined(looks)
    kept = every[nms(every.xyxy, every.confidence, iou)]
    total = np.zeros(len(kept), np.float32)
    for look in looks:
        same = iou_matrix(kept.xyxy, look.xyxy) >= iou
        total += (same * look.confidence[None, :]).max(axis=1, initial=0)
    return replace(kept, confidence=(total / len(looks)).astype(np.float32))


def _averaged(kept: Detections, found: Detections) -> Detections:
    """The kept ones, each with the mean box of all sightings of it."""
    weights = (iou_matrix(kept.xyxy, found.xyxy) >= _SAME_SIGHTING) * found.confidence[None, :]
    boxes = weights @ found.xyxy / np.maximum(weights.sum(1, keepdims=True), 1e-9)
    return Detections(boxes.astype(np.float32), kept.confidence, kept.class_id)


def _without_parts(heads: Detections) -> Detections:
    """Heads (best first) without those that are mostly the same head as a better one: a face under its toque.

    Their IoU is small where a toque doubles the box, so NMS lets both pass.
    """
    shared = intersection_matrix(heads.xyxy, heads.xyxy)
    size = areas(heads.xyxy)
    nested = shared / np.maximum(np.minimum(size[:, None], size[None, :]), 1e-6) > _SAME_HEAD
    keep: list[int] = []
    for i in range(len(heads)):
        if not nested[i, keep].any():
            keep.append(i)
    return heads[np.asarray(keep, np.int64)]
