"""Stage `frame`: train the frame look on partially labelled pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from training.build import read_set
from training.frame_loss import FrameLoss
from training.loop import Batch, Run, train
from training.networks import device_of, frame_net, freeze_leading
from training.pack import Pack
from training.pseudo import read_persons
from training.settings import Settings
from training.sheets import Sheets


class FrameTask:
    """See `loop.Task`."""

    def __init__(self, settings: Settings, sheets: Sheets, init: Path | None) -> None:
        self._settings, self._sheets = settings, sheets
        self._device = device_of(settings.device)
        net = frame_net(settings.architecture, init).to(self._device, memory_format=torch.channels_last)
        freeze_leading(net, settings.frame.freeze)
        self.net = net
        self._loss = FrameLoss(net.stride.to(self._device), net.model[-1].reg_max, settings.frame).to(self._device)

    def train_mode(self) -> None:
        self.net.train()
        freeze_leading(self.net, self._settings.frame.freeze)

    def batch(self, rng: np.random.Generator, progress: float) -> Batch:
        sizes = self._settings.frame.sizes_px
        return self._sheets.batch(rng, self._settings.frame.loop.batch, int(rng.choice(sizes)))

    def loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        device = self._device
        images = batch["images"].to(device).contiguous(memory_format=torch.channels_last).float() / 255
        with torch.autocast(device.type, torch.bfloat16, enabled=self._settings.frame.loop.bfloat16):
            raw = self.net(images)
        return self._loss(raw, batch["targets"].to(device), batch["known"].to(device))


def train_frame(out: Path, settings: Settings, init: Path | None) -> Run:
    """Train or go on training; weights in OUT/frame/checkpoint.pt."""
    sheets = Sheets(Pack(out / "set/frames"), read_set(out), read_persons(out), (settings.data, settings.frame))
    return train(FrameTask(settings, sheets, init), settings.frame.loop, out / "frame")
