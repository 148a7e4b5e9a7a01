"""Small versions of the assets' textures, kept in a cache folder: large ones cost memory and show nothing more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from training.synth.images import read_image

_SIDE = {"colour": 1024, "detail": 512, "normals": 512}


def small(path: Path, mode: str, cache: Path) -> Path:
    """A cached copy: `colour` as it is, `normals` as it is, `detail` grey from 0.5 to 1 for tinting."""
    target = cache / f"{mode}_{path.stem}.png"
    if target.exists():
        return target
    image = read_image(path, cv2.IMREAD_UNCHANGED)
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    side = _SIDE[mode]
    if max(image.shape) > side:
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    solid = image[..., 3] > 128 if image.shape[2] == 4 else np.ones(image.shape[:2], bool)
    picture = detail(image[..., :3], solid) if mode == "detail" else image[..., :3]
    cache.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(target), picture)
    return target


def detail(image: np.ndarray[Any, Any], solid: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Folds and seams without the cloth's own colour: grey, most of it between 0.5 and 1."""
    grey = image.astype(np.float32).mean(2)
    low, high = np.percentile(grey[solid] if solid.any() else grey, [8, 85])
    spread = high - low
    level = np.clip((grey - (low - 0.5 * spread)) / max(1.5 * spread, 8), 0, 1) * 0.5 + 0.5
    return np.repeat((level * 255)[..., None], 3, 2).astype(np.uint8)
