"""Stage `zoom`: train the second look. A loss per question, only where the labels answer it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from training.carry import PARTNER, ZOOM, carry
from training.cigarette_crops import CigaretteCrops
from training.head_crops import UNASKED, HeadCrops
from training.loop import Batch, Run, train
from training.networks import ZoomNet, device_of, mixed_precision, split_logits
from training.pack import Pack, Packs
from training.settings import FILES, MASK, Settings
from training.teach import taught_heads

# Wrongly worn masks are one in twenty; without weight they vanish between worn and none.
_MASK_WEIGHT = torch.tensor([1.5 if answer == "incorrect" else 1.0 for answer in MASK])

_STATISTICS_BATCHES = 24


class ZoomTask:
    """See `loop.Task`."""

    def __init__(
        self, settings: Settings, crops: HeadCrops, init: Path | None, suspects: CigaretteCrops | None = None
    ) -> None:
        self._settings, self._crops, self._suspects = settings, crops, suspects
        self._device = device_of(settings.device)
        net = ZoomNet(settings, init, pretrained=True)
        self.net: ZoomNet = net.to(self._device, memory_format=torch.channels_last)

    def train_mode(self) -> None:
        self.net.train()

    def batch(self, rng: np.random.Generator, progress: float) -> Batch:
        zoom = self._settings.zoom
        heads = self._crops.batch(rng, zoom.loop.batch - zoom.suspects)
        if self._suspects is None:
            return heads
        more = self._suspects.batch(rng, zoom.suspects)
        return {name: torch.cat((heads[name], more[name])) for name in heads}

    def loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        device = self._device
        crops = batch["crops"].to(device).contiguous(memory_format=torch.channels_last).float() / 255
        with mixed_precision(device, self._settings.zoom.loop.bfloat16):
            logits = self.net(crops)
        head, hat, mask, cigarette = split_logits(logits.float())
        parts = {
            "head": _yes_or_no(head[:, 0], batch["is_head"].to(device)),
            "hat": _masked(hat, batch["hat"].to(device), None),
            "mask": _masked(mask, batch["mask"].to(device), _MASK_WEIGHT.to(device)),
        }
        loss = 0.7 * parts["head"] + parts["hat"] + parts["mask"]
        if cigarette.shape[1]:
            parts["cigarette"] = _yes_or_no(cigarette[:, 0], batch["cigarette"].to(device))
            loss = loss + 2.0 * parts["cigarette"]
        return loss, {name: float(value.detach()) for name, value in parts.items()}


def _yes_or_no(logits: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the asked, divided by the batch, as in `_masked`."""
    asked = answers != UNASKED
    total = functional.binary_cross_entropy_with_logits(logits[asked], answers[asked].float(), reduction="sum")
    return total / max(1, len(answers))


def _masked(logits: torch.Tensor, answers: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Mean cross-entropy over the asked; the sum is divided by the batch so that rare questions stay small."""
    total = functional.cross_entropy(
        logits, answers, weight, ignore_index=UNASKED, reduction="sum", label_smoothing=0.02
    )
    return total / max(1, len(answers))


def train_zoom(out: Path, settings: Settings, init: Path | None) -> Run:
    """Train or go on training; weights in OUT/zoom/checkpoint.pt. `init` is a checkpoint or a model folder."""
    return _train(out, settings, init, ("zoom", ZOOM))


def train_partner(out: Path, settings: Settings, init: Path | None) -> Run | None:
    """As `train_zoom`, for the second net, if the recipe has one; weights in OUT/partner/checkpoint.pt."""
    if settings.partner is None:
        return None
    return _train(out, replace(settings, zoom=settings.partner), init, ("partner", PARTNER))


def _train(out: Path, settings: Settings, init: Path | None, place: tuple[str, str]) -> Run:
    """`place`: its folder under OUT, and where in `zoom.onnx` it is."""
    folder, part = place
    onward = init is not None and init.is_dir()
    heads = HeadCrops(Packs(taught_heads(out)), settings.zoom)
    suspects = CigaretteCrops(Pack(out / "set/suspects"), settings.zoom) if settings.zoom.suspects else None
    task = ZoomTask(settings, heads, None if onward else init, suspects)
    if onward and init is not None:
        rng = np.random.default_rng([settings.zoom.loop.seed, 9])
        drawn = (task.batch(rng, 0.0)["crops"].float() / 255 for _ in range(_STATISTICS_BATCHES))
        carry(task.net, init / FILES["zoom"], drawn, part)
    return train(task, settings.zoom.loop, out / folder)
