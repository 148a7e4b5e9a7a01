"""A second opinion on suspected cigarettes: the zoom net looks at each of them closely, with what is around it.

The cigarette look finds thin bright things; whether one is held like a cigarette, or is a chopstick, a pen or a
finger, shows in its surroundings at a size that a classifier was trained on.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from kitchenvision.detect.model_card import CigaretteCheckSettings
from kitchenvision.detect.preprocess import square_crop
from kitchenvision.geometry import as_xyxy, centre
from kitchenvision.types import Detections, Floats, Pixels

_BATCH = 16


class CigaretteCheck:
    """Weighs what the cigarette look suspects by what the zoom net says of it."""

    def __init__(self, settings: CigaretteCheckSettings, size_px: int, ask: Callable[[Pixels], Floats]) -> None:
        """`ask`: the zoom net's probabilities (N, 1) for crops (N, S, S, 3) RGB; `size_px`: their side S."""
        self._settings, self._size_px, self._ask = settings, size_px, ask

    def weighed(self, image: Pixels, found: Detections, least: float) -> Detections:
        """The same detections; a cigarette's confidence c becomes c^(1-w) p^w, with the zoom net's probability p.

        Args:
            image: (H, W, 3) uint8 RGB, the whole picture. found: boxes in its pixels, all of cigarettes.
            least: what falls below is dropped.
        """
        if not len(found):
            return found
        weight = self._settings.weight
        chances = self._chances([self._crop(image, box) for box in found.xyxy])
        confidence = (found.confidence ** (1 - weight) * chances**weight).astype(np.float32)
        return replace(found, confidence=confidence)[confidence >= least]

    def _crop(self, image: Pixels, box: Floats) -> Pixels:
        side = float((box[2:] - box[:2]).max()) * self._settings.sides
        return square_crop(image, centre(as_xyxy(box)), side, self._size_px).pixels

    def _chances(self, crops: Sequence[Pixels]) -> Floats:
        parts = [self._both_ways(np.stack(crops[i : i + _BATCH])) for i in range(0, len(crops), _BATCH)]
        return np.concatenate(parts)[:, 0]

    def _both_ways(self, crops: Pixels) -> Floats:
        """The mean over each crop and its mirror image: left and right mean nothing."""
        mirrored = np.ascontiguousarray(crops[:, :, ::-1])
        return np.asarray((self._ask(crops) + self._ask(mirrored)) / 2, np.float32)
