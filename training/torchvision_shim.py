"""Lets ultralytics run on a CPU-only torch whose torchvision wheel was built for CUDA.

Such a wheel cannot load its compiled operators, and importing it fails because `torchvision::nms` is not
registered. We register the two operators that are looked up at import, with a plain-torch NMS. Where the
compiled operators load, nothing is changed. Import this module before ultralytics.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import torch

os.environ.setdefault("YOLO_OFFLINE", "true")

_KEEP_ALIVE: list[torch.library.Library] = []


def greedy_nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Indices of the boxes kept, best first. `boxes` is (N, 4) xyxy, `scores` is (N,)."""
    order = scores.argsort(descending=True)
    ranked = boxes[order]
    sides = (ranked[:, 2:] - ranked[:, :2]).clamp(min=0)
    areas = sides[:, 0] * sides[:, 1]
    alive = torch.ones(len(ranked), dtype=torch.bool)
    kept: list[int] = []
    for i in range(len(ranked)):
        if not alive[i]:
            continue
        kept.append(i)
        low = torch.maximum(ranked[i, :2], ranked[:, :2])
        high = torch.minimum(ranked[i, 2:], ranked[:, 2:])
        overlap = (high - low).clamp(min=0).prod(dim=1)
        alive &= overlap <= iou_threshold * (areas + areas[i] - overlap)
        alive[i] = False
    return order[torch.tensor(kept, dtype=torch.long)]


def _register() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", greedy_nms, "CPU")
    _KEEP_ALIVE.append(library)


def load_torchvision() -> ModuleType:
    """The torchvision module, repaired if its compiled part is missing."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError:
        _register()
    module = importlib.import_module("torchvision")
    extension = importlib.import_module("torchvision.extension")
    extension._has_ops = lambda: True  # ultralytics asks before it calls nms
    return module


load_torchvision()
