"""A second opinion on suspected cigarettes: the zoom net looks at each of them closely, with what is around it.

The cigarette look finds thin bright things; whether one is held like a cigarette, or is a chopstick, a pen or a
finger, shows in its surroundings at a size that a classifier was trained on.
"""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort

from kitchenvision.detect.model_card import CigaretteCheckSettings
from kitchenvision.detect.preprocess import square_crop
from kitchenvision.geometry import as_xyxy, centre
from kitchenvision.types import CIGARETTE, Detections, Floats, Pixels

_BATCH = 16


class CigaretteCheck:
    """Weighs what the cigarette look suspects by what the zoom net says of it."""

    def __init__(self, settings: CigaretteCheckSettings, size_px: int, session: ort.InferenceSession) -> None:
        """`session`: the zoom net, with an output ``cigarette``; `size_px`: the side of its crops."""
        self._settings, self._size_px, self._session = settings, size_px, session

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
        return Detections(found.xyxy, confidence, np.full(len(found), CIGARETTE, np.int64))[confidence >= least]

    def _crop(self, image: Pixels, box: Floats) -> Pixels:
        side = float((box[2:] - box[:2]).max()) * self._settings.sides
        return square_crop(image, centre(as_xyxy(box)), side, self._size_px).pixels

    def _chances(self, crops: Sequence[Pixels]) -> Floats:
        name = self._session.get_inputs()[0].name
        parts = [
            np.asarray(self._session.run(["cigarette"], {name: np.stack(crops[i : i + _BATCH])})[0], np.float32)
            for i in range(0, len(crops), _BATCH)
        ]
        return np.concatenate(parts)[:, 0]
