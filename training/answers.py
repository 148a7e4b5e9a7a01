"""Answers of an exported model on pictures: the very rows that `kitchenvision detect` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kitchenvision.build import Eyes, open_eyes
from kitchenvision.detect.model_card import Profile
from kitchenvision.single_pictures import row_of
from kitchenvision.types import Pixels


class LoadedPicture:
    """A decoded picture for the package's looks: see `kitchenvision.types.Picture`."""

    def __init__(self, bgr: Any) -> None:
        self._rgb: Pixels = np.ascontiguousarray(bgr[..., ::-1])
        self.height, self.width = self._rgb.shape[:2]

    def rgb(self) -> Pixels:
        """See `kitchenvision.types.Picture`."""
        return self._rgb

    def scaled(self, width: int, height: int) -> Pixels:
        """See `kitchenvision.types.Picture`."""
        how = cv2.INTER_AREA if width < self.width else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(self._rgb, (width, height), interpolation=how), np.uint8)


def open_model(folder: Path, profile: Profile, threads: int = 1) -> Eyes:
    """Open OUT/export or models/NAME. Raises kitchenvision.errors.ModelError if it does not fit its card."""
    return open_eyes(folder.parent, folder.name, profile, "cpu", threads)


def answer_rows(eyes: Eyes, folder: Path, files: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Rows for pictures of a folder. Raises FileNotFoundError for one that cannot be read."""
    for file in files:
        bgr = cv2.imread(str(folder / file), cv2.IMREAD_COLOR)
        if bgr is None:
            raise FileNotFoundError(f"{folder / file} cannot be read")
        yield row_of(file, LoadedPicture(bgr), eyes)
