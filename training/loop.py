"""One training loop for both nets: AdamW, warm-up and cosine, averaged weights, checkpoints, resume.

Batches are drawn from a generator seeded by (seed, step), so a run that was killed goes on with the batches it
would have seen. Metrics go to metrics.jsonl beside the weights.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from torch import nn

from training.networks import Averaged
from training.settings import LoopSettings

Batch = dict[str, torch.Tensor]
_REPORT_STEPS = 50


class Task(Protocol):
    """What differs between the two nets."""

    net: nn.Module

    def batch(self, rng: np.random.Generator, progress: float) -> Batch: ...

    def loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]: ...

    def train_mode(self) -> None: ...


def learning_rate(settings: LoopSettings, step: int, progress: float) -> float:
    """Linear warm-up, then a half cosine over `progress` 0..1."""
    floor = settings.final_rate
    cosine = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return settings.learning_rate * cosine * min(1.0, (step + 1) / max(1, settings.warm_up_steps))


def parameter_groups(net: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay matrices and kernels, not biases and norms."""
    trained = [p for p in net.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


class Run:
    """The state of one training: net, average, optimizer, step, seconds spent."""

    def __init__(self, task: Task, settings: LoopSettings, folder: Path) -> None:
        self.task, self.settings, self.folder = task, settings, folder
        self.average = Averaged(task.net, settings.ema_steps)
        groups = parameter_groups(task.net, settings.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate)
        self.step, self.elapsed_s = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "checkpoint.pt"
        if self._path.is_file():
            self._load()

    def _load(self) -> None:
        state = torch.load(self._path, map_location="cpu", weights_only=True)
        self.task.net.load_state_dict(state["net"])
        self.average.net.load_state_dict(state["average"])
        self.average.updates = state["updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]
        print(f"resumed at step {self.step}", flush=True)

    def save(self) -> None:
        """Write the checkpoint by replacing it, so that a kill leaves the old one whole."""
        state = {
            "net": self.task.net.state_dict(),
            "average": self.average.net.state_dict(),
            "updates": self.average.updates,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
        }
        part = self._path.with_suffix(".part")
        torch.save(state, part)
        part.replace(self._path)

    @property
    def progress(self) -> float:
        """0..1, by steps or by minutes, whichever is further."""
        by_time = self.elapsed_s / (60 * self.settings.minutes) if self.settings.minutes else 0.0
        return max(self.step / self.settings.steps, by_time)

    def one_step(self) -> dict[str, float]:
        """Draw, forward, backward, update."""
        settings = self.settings
        rate = learning_rate(settings, self.step, self.progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = self.task.batch(np.random.default_rng([settings.seed, self.step]), self.progress)
        loss, parts = self.task.loss(batch)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"step {self.step}: the loss is {float(loss)}: {parts}")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.task.net.parameters(), settings.clip_norm)
        self.optimizer.step()
        self.average.update(self.task.net)
        self.step += 1
        return {"loss": float(loss.detach()), "rate": rate, **parts}


def train(task: Task, settings: LoopSettings, folder: Path) -> Run:
    """Train to the end of the schedule, going on from a checkpoint if there is one."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    cv2.setNumThreads(settings.threads)
    run = Run(task, settings, folder)
    task.train_mode()
    saved = reported = time.monotonic()
    sums: dict[str, float] = defaultdict(float)
    seen = 0
    while run.progress < 1:
        started = time.monotonic()
        for name, value in run.one_step().items():
            sums[name] += value
        seen += 1
        now = time.monotonic()
        run.elapsed_s += now - started
        if seen == _REPORT_STEPS or run.progress >= 1:
            means = {name: round(value / seen, 5) for name, value in sums.items()}
            _report(run, means, seen * settings.batch / max(now - reported, 1e-9))
            sums.clear()
            seen, reported = 0, now
        if now - saved > settings.checkpoint_s:
            run.save()
            saved = now
    run.save()
    return run


def _report(run: Run, means: dict[str, float], pictures_per_s: float) -> None:
    left_s = run.elapsed_s * (1 - run.progress) / max(run.progress, 1e-6)
    row = {"step": run.step, "progress": round(run.progress, 4), "elapsed_s": round(run.elapsed_s, 1), **means}
    with (run.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    shown = " ".join(f"{name} {value:.4g}" for name, value in means.items())
    print(
        f"{run.step:6d} {100 * run.progress:5.1f} % {shown} {pictures_per_s:.1f}/s, "
        f"{max(left_s, 0) / 60:.1f} min left",
        flush=True,
    )


def averaged_weights(folder: Path) -> dict[str, Any]:
    """The averaged weights of a run and how far it came. Raises FileNotFoundError before the first checkpoint."""
    path = folder / "checkpoint.pt"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run the training stage first")
    return torch.load(path, map_location="cpu", weights_only=True)
