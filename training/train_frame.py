"""Stage `frame`: train the frame look on partially labelled pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from training.build import DataError
from training.carry import carry
from training.frame_loss import FrameLoss
from training.loop import Batch, Run, averaged_weights, train
from training.networks import device_of, frame_net, freeze_leading, mixed_precision
from training.pseudo import read_persons
from training.settings import FILES, FrameSettings, Settings
from training.sheets import Sheets, open_sheets

# isort: split
from ultralytics.nn.tasks import DetectionModel

_STATISTICS_BATCHES = 12


class FrameTask:
    """See `loop.Task`."""

    def __init__(self, device: str, settings: FrameSettings, sheets: Sheets, net: DetectionModel) -> None:
        self._settings, self._sheets = settings, sheets
        self._device = device_of(device)
        self.net = net.to(self._device, memory_format=torch.channels_last)
        freeze_leading(self.net, settings.freeze)
        self._loss = FrameLoss(net.stride.to(self._device), net.model[-1].reg_max, settings).to(self._device)

    def train_mode(self) -> None:
        self.net.train()
        freeze_leading(self.net, self._settings.freeze)

    def batch(self, rng: np.random.Generator, progress: float) -> Batch:
        return self._sheets.batch(rng, self._settings.loop.batch, int(rng.choice(self._settings.sizes_px)))

    def loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        device = self._device
        images = batch["images"].to(device).contiguous(memory_format=torch.channels_last).float() / 255
        with mixed_precision(device, self._settings.loop.bfloat16):
            raw = self.net(images)
        known = batch["known"].to(device)
        return self._loss(
            raw, batch["targets"].to(device), known if self._settings.masked else torch.ones_like(known)
        )


def train_frame(out: Path, settings: Settings, init: Path | None) -> Run:
    """Train the frame look or go on training; weights in OUT/frame/checkpoint.pt.

    `init` is a YOLO checkpoint, or a model folder whose frame look is trained on.
    """
    return _train(out, settings, init, "frame", None if init is not None and init.is_dir() else init)


def train_cigarette(out: Path, settings: Settings, init: Path | None) -> Run:
    """Train the cigarette look; weights in OUT/cigarette/checkpoint.pt.

    It goes on from a model folder's if `init` is one, else from the frame look's weights.
    """
    return _train(out, settings, init, "cigarette", None)


def _train(out: Path, settings: Settings, init: Path | None, name: str, checkpoint: Path | None) -> Run:
    look: FrameSettings = getattr(settings, name)
    if name == "frame" and not read_persons(out):
        raise DataError(f"{out / 'set/persons.jsonl'} is missing: run the stage `pseudo`, or persons are forgotten")
    sheets = open_sheets(out, settings.data, look)
    net = frame_net(settings.architecture, checkpoint, settings.activation)
    if init is not None and init.is_dir():
        rng = np.random.default_rng([look.loop.seed, 9])
        drawn = (
            sheets.batch(rng, 8, look.sizes_px[-1])["images"].float() / 255 for _ in range(_STATISTICS_BATCHES)
        )
        carry(net, init / (FILES[name]), drawn)
    elif name == "cigarette":
        net.load_state_dict(averaged_weights(out / "frame")["average"])
    return train(FrameTask(settings.device, look, sheets, net), look.loop, out / name)
