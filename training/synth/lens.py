"""A wide lens bends straight lines outwards; pictures and truth go through the same bend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from training.synth.mesh import Array


@dataclass(frozen=True)
class Lens:
    """Barrel distortion r -> r (1 + k r^2) / (1 + k), r in half widths: the sides stay in the picture."""

    width: int
    height: int
    k: float

    def bent(self, image: Array, nearest: bool = False) -> Array:
        """The picture (H, W, ...) as the lens shows it; indices need `nearest`."""
        x, y = np.meshgrid(np.arange(self.width), np.arange(self.height))
        source = self._straight(np.stack([x, y], -1).astype(float)).astype(np.float32)
        method = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
        return np.asarray(cv2.remap(image, source[..., 0], source[..., 1], method, borderMode=cv2.BORDER_REPLICATE))

    def _centred(self, points: Array) -> Array:
        return (points - [self.width / 2, self.height / 2]) / (self.width / 2)

    def _pixels(self, centred: Array) -> Array:
        return centred * (self.width / 2) + [self.width / 2, self.height / 2]

    def _straight(self, points: Array) -> Array:
        """Where a pixel of the bent picture comes from."""
        q = self._centred(points)
        return self._pixels(q * (1 + self.k * (q**2).sum(-1, keepdims=True)) / (1 + self.k))

    def points(self, points: Array) -> Array:
        """Where pixels (..., 2) of the straight picture go; by fixed-point iteration."""
        q = self._centred(np.asarray(points, float)) * (1 + self.k)
        p = q.copy()
        for _ in range(12):
            p = q / (1 + self.k * (p**2).sum(-1, keepdims=True))
        return self._pixels(p)

    def box(self, box: Sequence[float]) -> list[float]:
        """Bounds of a box's bent border."""
        x0, y0, x1, y1 = box
        t = np.linspace(0, 1, 9)
        across, along = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
        border = [np.stack([across, np.full(9, y)], -1) for y in (y0, y1)]
        border += [np.stack([np.full(9, x), along], -1) for x in (x0, x1)]
        bent = self.points(np.concatenate(border))
        return [*bent.min(0).tolist(), *bent.max(0).tolist()]
