"""Hats and hair in another colour: what a head's top is made of is dyed, so that shape and weave count, not colour.

White caps and hard hats are plenty in the sources and black ones are few, so dark hats were taken for dark hair.
The dye goes onto covered and bare heads alike: it says nothing of the answer by itself.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

_SEED = (0.35, 0.65, 0.06, 0.24)  # left, right, top, bottom of the head's box: always hat or hair
_REACH = 16.0  # CIE L*a*b* units (L of 0..255 as OpenCV has it halved) within which a pixel is of the same stuff
_DARK = 0.75  # share of dark dyes
_BRIGHTEN = 1.4  # more would show the noise of black


def dyed(picture: Any, box: np.ndarray[Any, Any], rng: np.random.Generator) -> Any:
    """A copy of a picture with the top of the head in `box` (xyxy, px) dyed.

    The picture itself where the head is tiny or bald, or where what is behind it has the same colour.

    Args:
        picture: (H, W, 3) uint8 BGR.
    """
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    left, right = max(0, round(x0 - 0.4 * width)), min(picture.shape[1], round(x1 + 0.4 * width))
    top, bottom = max(0, round(y0 - 0.35 * height)), min(picture.shape[0], round(y1))
    if right - left < 12 or bottom - top < 12:
        return picture
    part = picture[top:bottom, left:right]
    lab = cv2.cvtColor(part, cv2.COLOR_BGR2LAB).astype(np.float32)
    seed = lab[
        max(0, round(y0 + _SEED[2] * height) - top) : round(y0 + _SEED[3] * height) - top + 1,
        max(0, round(x0 + _SEED[0] * width) - left) : round(x0 + _SEED[1] * width) - left + 1,
    ]
    if seed.size == 0:
        return picture
    stuff = np.median(seed.reshape(-1, 3), axis=0)
    if _is_skin(stuff) or _is_behind(lab, stuff, x0 - left, x1 - left):
        return picture
    share = _same_stuff(lab, stuff) * _dome(part.shape[:2], box - np.array([left, top, left, top]))
    target = _dye(rng)
    scale = np.clip(target[0] / max(stuff[0], 12.0), 0.05, _BRIGHTEN)
    new = lab.copy()
    new[..., 0] = np.clip(lab[..., 0] * scale, 0, 255)
    new[..., 1:] = (lab[..., 1:] - stuff[1:]) * min(1.0, scale) + target[1:]
    mixed = share[..., None] * new + (1 - share[..., None]) * lab
    out = picture.copy()
    out[top:bottom, left:right] = cv2.cvtColor(np.clip(mixed, 0, 255).astype(np.uint8), cv2.COLOR_LAB2BGR)
    return out


def _is_skin(stuff: np.ndarray[Any, Any]) -> bool:
    """Whether a colour may be a bald head's: reddish and yellowish, not dark."""
    return bool(stuff[0] > 70 and 6 < stuff[1] - 128 < 36 and 4 < stuff[2] - 128 < 40)


def _is_behind(lab: np.ndarray[Any, Any], stuff: np.ndarray[Any, Any], x0: float, x1: float) -> bool:
    """Whether the colour is also that of what is seen left or right of the head's top."""
    rows = max(3, round(0.45 * lab.shape[0]))
    sides = [lab[:rows, : max(1, round(x0))], lab[:rows, round(x1) :]]
    alike = [
        float((np.sqrt((((side - stuff) * np.array([0.35, 1.0, 1.0])) ** 2).sum(axis=2)) < _REACH).mean())
        for side in sides
        if side.size
    ]
    return bool(alike) and max(alike) > 0.6


def _dye(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """L (0..255), a, b (128 = grey) of a colour that hats and hair have, mostly black."""
    if rng.random() < _DARK:
        return np.array([rng.uniform(14, 62), rng.normal(128, 3), rng.normal(129, 4)])
    return np.array([rng.uniform(60, 215), rng.normal(128, 12), rng.normal(130, 14)])


def _same_stuff(lab: np.ndarray[Any, Any], stuff: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """0..1: how alike each pixel's colour is; shade counts a third of hue."""
    off = (lab - stuff) * np.array([0.35, 1.0, 1.0])
    share = np.exp(-0.5 * (np.sqrt((off**2).sum(axis=2)) / _REACH) ** 2)
    return cv2.GaussianBlur(np.clip(share * 1.5 - 0.25, 0, 1), (0, 0), 0.8)


def _dome(shape: tuple[int, int], box: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """0..1: an ellipse over the head's upper part, wider than the head for what a hat stands out."""
    x0, y0, x1, y1 = box
    columns, rows = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    across = (columns - (x0 + x1) / 2) / (0.8 * (x1 - x0))
    down = (rows - (y0 + 0.15 * (y1 - y0))) / (0.55 * (y1 - y0))
    return np.clip((1.15 - np.sqrt(across**2 + down**2)) / 0.3, 0, 1)
