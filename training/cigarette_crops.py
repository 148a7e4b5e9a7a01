"""Samples of the zoom net: squares around cigarettes and around what a detector takes for one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from training.head_crops import Drawn, ZoomSample, as_batch, look_at, mirrored
from training.pack import Pack
from training.settings import ZoomSettings

_SMALLEST_PX, _LARGEST_PX = 4.0, 60.0  # longer side of a cigarette as the camera sees it
_TRUE_SHARE = 0.45  # of the samples
_RENDERED_SHARE = 0.12  # of the true ones and of the mistakes alike, or the net doubts whatever is rendered


def shaken(box: np.ndarray[Any, Any], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """A detector's error: up to a fifth of the longer side off, a third too large or small."""
    centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    centre = centre + np.clip(rng.normal(0, 0.09, 2), -0.2, 0.2) * sides.max()
    sides = sides * np.exp(np.clip(rng.normal(0, 0.15, 2), -0.33, 0.33))
    return np.concatenate((centre - sides / 2, centre + sides / 2))


class CigaretteCrops:
    """Draws samples from OUT/set/suspects: true ones and mistakes, the surer a mistake the more often."""

    def __init__(self, pack: Pack, settings: ZoomSettings) -> None:
        self._pack, self._settings = pack, settings
        own = [i for i, fact in enumerate(pack.facts) if fact["split"] == "train"]
        self._true = _drawn(pack, [i for i in own if pack.facts[i]["kind"] == "cigarette"])
        self._mistakes = _drawn(pack, [i for i in own if pack.facts[i]["kind"] != "cigarette"])
        if not own:
            raise ValueError("no suspects in training pictures: run the stage `suspects` on some with cigarettes")
        # Where one kind lacks, the other fills the batch.
        self._true_share = _TRUE_SHARE if self._true and self._mistakes else float(bool(self._true))

    def draw(self, rng: np.random.Generator) -> ZoomSample:
        """One augmented sample."""
        is_true = bool(rng.random() < self._true_share)
        i = (self._true if is_true else self._mistakes).draw(rng)
        picture = self._pack.picture(i)
        boxes = np.asarray(self._pack.facts[i]["boxes"], np.float64)
        if rng.random() < 0.5:
            picture, boxes = mirrored(picture, boxes)
        box = boxes[0]
        px = min(
            float((box[2:] - box[:2]).max()), float(np.exp(rng.uniform(np.log(_SMALLEST_PX), np.log(_LARGEST_PX))))
        )
        size, sides = self._settings.size_px, self._settings.crop_cigarettes
        crop = look_at(picture, shaken(box, rng), px, rng, size, sides)
        return ZoomSample(crop[..., ::-1], cigarette=int(is_true))

    def batch(self, rng: np.random.Generator, size: int) -> dict[str, torch.Tensor]:
        """See `head_crops.as_batch`."""
        return as_batch([self.draw(rng) for _ in range(size)])


def _drawn(pack: Pack, members: list[int]) -> Drawn:
    """The surer a mistake the oftener; the rendered ones together as often as _RENDERED_SHARE says."""
    facts = [pack.facts[i] for i in members]
    weights = np.sqrt([fact["score"] for fact in facts])
    rendered = np.array([fact["source"] == "rendered" for fact in facts], bool)
    for chosen, share in ((rendered, _RENDERED_SHARE), (~rendered, 1 - _RENDERED_SHARE)):
        weights[chosen] *= share / max(weights[chosen].sum(), 1e-12)
    return Drawn(members, list(weights))
