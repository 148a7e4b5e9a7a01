"""Samples of the zoom net: one square around a head, seen through a camera, with what can be asked of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from training.camera_look import camera_look
from training.labels import JUDGED_PX
from training.pack import Pack, Packs
from training.settings import HAT, MASK, ZoomSettings

UNASKED = -1
_SMALLEST_PX, _LARGEST_PX = 13.0, 90.0


@dataclass(frozen=True)
class ZoomSample:
    """`crop` (S, S, 3) RGB; answers are indices, UNASKED where the labels are silent."""

    crop: np.ndarray[Any, np.dtype[np.uint8]]
    is_head: int = UNASKED
    hat: int = UNASKED
    mask: int = UNASKED
    cigarette: int = UNASKED


def as_batch(samples: list[ZoomSample]) -> dict[str, torch.Tensor]:
    """crops (N, 3, S, S) uint8 and (N,) answers."""
    crops = torch.from_numpy(np.stack([s.crop for s in samples])).permute(0, 3, 1, 2)
    asked = ("is_head", "hat", "mask", "cigarette")
    return {"crops": crops, **{k: torch.tensor([getattr(s, k) for s in samples]) for k in asked}}


_FAMILY_WEIGHT = {
    "cook": 7.0,
    "own": 7.0,
    "still": 5.0,
    "render": 1.6,
    "clean": 1.6,
    "helmet": 0.45,
    "taught": 0.5,
    "stray": 1.2,
    "pair": 12.0,
}
_MASK_HAT_WEIGHT = {"food_or_clinical": 6.0, "other": 4.0, "unclear": 0.6, None: 0.7}


def draw_weight(fact: dict[str, Any]) -> float:
    """How often a packed head is drawn, relative to a bare head of a mask picture.

    Cooks and soft caps are what the product meets and what the sources are short of; hard hats and press
    portraits are plenty. Dark caps on dark hair are the most frequent error, and few: other covers of cooks
    and of mask pictures (caps, berets, beanies) are where they are, and rendered pairs show one head with a dark
    cap and, all else equal, with dark hair.
    """
    if fact["kind"] == "not_head":
        return 4.0
    family = fact["family"]
    weight = _FAMILY_WEIGHT.get(family, 1.0)
    if family == "mask":
        weight *= _MASK_HAT_WEIGHT.get(fact["hat_kind"], 1.0)
    if family == "taught" and fact["hat"] == "covered":
        weight *= 6.0
    if family == "cook" and fact["hat"] == "covered":
        weight *= 2.0 if fact["hat_kind"] == "other" else 1.3
    if fact["mask"] == "incorrect" and family != "still":
        weight *= 3.0
    x0, y0, x1, y1 = fact["boxes"][0]
    return weight * (0.3 if max(x1 - x0, y1 - y0) < 16 else 1.0)


def overlap(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """IoU of two xyxy boxes."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    inter = float(np.prod(np.clip(sides, 0, None)))
    return inter / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inter + 1e-9)


def jittered(box: np.ndarray[Any, Any], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """A detector's error: up to a tenth of a head off, a fifth too large or small."""
    centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    centre = centre + np.clip(rng.normal(0, 0.06, 2), -0.14, 0.14) * sides.max()
    sides = sides * np.exp(np.clip(rng.normal(0, 0.1, 2), -0.22, 0.22))
    return np.concatenate((centre - sides / 2, centre + sides / 2))


def misplaced(boxes: np.ndarray[Any, Any], rng: np.random.Generator) -> np.ndarray[Any, Any] | None:
    """A box beside, much larger or much smaller than the head, that hits no known head."""
    centre, sides = (boxes[0, :2] + boxes[0, 2:]) / 2, boxes[0, 2:] - boxes[0, :2]
    for _ in range(8):
        angle = rng.uniform(0, 2 * np.pi)
        kind = rng.random()
        if kind < 0.7:
            scale, distance = np.exp(rng.uniform(-0.4, 0.4)), rng.uniform(0.75, 1.25)
        elif kind < 0.85:
            scale, distance = rng.uniform(1.9, 2.6), rng.uniform(0.0, 0.5)
        else:
            scale, distance = rng.uniform(0.3, 0.5), rng.uniform(0.0, 0.45)
        middle = centre + distance * sides.max() * np.array([np.cos(angle), np.sin(angle)])
        box = np.concatenate((middle - scale * sides / 2, middle + scale * sides / 2))
        if all(overlap(box, other) < 0.25 for other in boxes):
            return box
    return None


def look_at(
    picture: Any, box: np.ndarray[Any, Any], head_px: float, rng: np.random.Generator, size_px: int, heads: float
) -> Any:
    """Cut `heads` head sides around a box out of a packed square as a camera would with the head `head_px` high."""
    side = float((box[2:] - box[:2]).max())
    factor = min(1.0, head_px / side)
    small = picture
    if factor < 0.95:
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    whole = max(8, round(heads * side * factor))
    angle = rng.uniform(-12, 12) if rng.random() < 0.6 else 0.0
    centre = (box[:2] + box[2:]) / 2 * factor
    matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, 1.0)
    matrix[:, 2] += whole / 2 - centre
    crop = cv2.warpAffine(small, matrix, (whole, whole), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.8:
        crop = camera_look(crop, rng, float(rng.uniform(0.3, 1.0)))
    interpolation = cv2.INTER_AREA if whole > size_px else cv2.INTER_LINEAR
    return cv2.resize(crop, (size_px, size_px), interpolation=interpolation)


def occluded(crop: Any, rng: np.random.Generator) -> Any:
    """A flat or noisy patch over a part of the rim: hoods, pans, other shoulders."""
    size = crop.shape[0]
    w, h = rng.integers(size // 8, size // 3, 2)
    x = int(rng.choice([0, size - w])) if rng.random() < 0.7 else int(rng.integers(0, size - w))
    y = int(rng.integers(size // 2, size - h // 2))
    crop[y : y + h, x : x + w] = rng.integers(20, 235, 3)
    return crop


class Drawn:
    """Indices, drawn by their weights."""

    def __init__(self, members: list[int], weights: list[float]) -> None:
        self._members = members
        self._cumulated = np.cumsum(weights) / max(np.sum(weights), 1e-12)

    def __len__(self) -> int:
        return len(self._members)

    def draw(self, rng: np.random.Generator) -> int:
        """One of them."""
        return self._members[int(np.searchsorted(self._cumulated, rng.random()))]


def mirrored(picture: Any, boxes: np.ndarray[Any, Any]) -> tuple[Any, np.ndarray[Any, Any]]:
    """A picture (H, W, 3) and its boxes (N, 4), left and right exchanged."""
    left, top, right, bottom = boxes.T
    width = picture.shape[1]
    return picture[:, ::-1].copy(), np.stack((width - right, top, width - left, bottom), 1)


class HeadCrops:
    """Draws samples from OUT/set/heads (and background boxes from the same squares)."""

    def __init__(
        self,
        pack: Pack | Packs,
        settings: ZoomSettings,
        splits: tuple[str, ...] = ("train",),
        barred: Collection[str] = (),
    ) -> None:
        """`splits` of cooks are drawn, of the rest `train`; cooks of the `barred` groups never are."""
        self._pack, self._settings = pack, settings
        self.members = [
            i
            for i, fact in enumerate(pack.facts)
            if fact["split"] in (splits if fact["family"] == "cook" else ("train",))
            and fact["group"] not in barred
            and fact["family"] not in settings.without
        ]
        self._drawn = Drawn(self.members, [draw_weight(pack.facts[i]) for i in self.members])

    def draw(self, rng: np.random.Generator) -> ZoomSample:
        """One augmented sample."""
        while True:
            i = self._drawn.draw(rng)
            fact = self._pack.facts[i]
            sample = self._sample(i, fact, rng)
            if sample is not None:
                return sample

    def _sample(self, i: int, fact: dict[str, Any], rng: np.random.Generator) -> ZoomSample | None:
        picture = self._pack.picture(i)
        boxes = np.asarray(fact["boxes"], np.float64)
        if rng.random() < 0.5:
            picture, boxes = mirrored(picture, boxes)
        is_head, box = 1, jittered(boxes[0], rng)
        if fact["kind"] == "not_head":
            is_head = 0
        elif fact["kind"] == "stray":
            is_head = UNASKED
        elif fact["exhaustive"] and rng.random() < self._settings.negative:
            wrong = misplaced(boxes, rng)
            if wrong is None:
                return None
            is_head, box = 0, wrong
        native = float((boxes[0, 2:] - boxes[0, :2]).max())
        tiny = rng.random() < self._settings.tiny
        low, high = (5.0, JUDGED_PX - 1) if tiny else (_SMALLEST_PX, _LARGEST_PX)
        head_px = min(native, float(np.exp(rng.uniform(np.log(low), np.log(high)))))
        head_px *= float((box[2:] - box[:2]).max()) / native if is_head == 0 else 1.0
        crop = look_at(picture, box, head_px, rng, self._settings.size_px, self._settings.crop_heads)
        if is_head and rng.random() < 0.12:
            crop = occluded(crop, rng)
        hat, mask = answers(fact, head_px) if is_head else (UNASKED, UNASKED)
        return ZoomSample(crop[..., ::-1], is_head, hat, mask)

    def batch(self, rng: np.random.Generator, size: int) -> dict[str, torch.Tensor]:
        """crops (N, 3, S, S) uint8 and (N,) answers."""
        samples = [self.draw(rng) for _ in range(size)]
        return as_batch(samples)


def answers(fact: dict[str, Any], head_px: float) -> tuple[int, int]:
    """(hat, mask) as indices, UNASKED where unlabelled; a head under JUDGED_PX cannot be judged."""
    if head_px < JUDGED_PX or fact["judged"] == "size":
        return HAT.index("cannot_judge"), MASK.index("cannot_judge")
    hat = HAT.index(fact["hat"]) if fact["hat"] else UNASKED
    return hat, MASK.index(fact["mask"]) if fact["mask"] else UNASKED
