"""Reads pictures."""

from __future__ import annotations

from pathlib import Path

import cv2

from training.synth.mesh import Array


def read_image(path: Path, flags: int = cv2.IMREAD_COLOR) -> Array:
    """Pixels of a picture (H, W, 3) BGR, or as `flags` of OpenCV say.

    Raises:
        FileNotFoundError: not there, or not a picture.
    """
    image = cv2.imread(str(path), flags)
    if image is None:
        raise FileNotFoundError(f"{path} is not a picture")
    return image
