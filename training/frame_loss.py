"""The loss of the frame net where labels are partial: absence only counts where it is known."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from training import torchvision_shim  # noqa: F401  ultralytics needs a torchvision that imports
from training.networks import box_predictions
from training.settings import CLASSES, FrameSettings

# isort: split
from ultralytics.utils.loss import BboxLoss
from ultralytics.utils.tal import TaskAlignedAssigner


class FrameLoss(nn.Module):
    """Box, class and distribution losses of YOLO11 (ultralytics' parts), the class loss masked by `known`."""

    def __init__(self, stride: torch.Tensor, bins: int, settings: FrameSettings) -> None:
        super().__init__()
        self._stride, self._settings = stride, settings
        self._assign = TaskAlignedAssigner(
            topk=10, num_classes=len(CLASSES), alpha=0.5, beta=6.0, stride=[int(s) for s in stride]
        )
        self._box = BboxLoss(bins)

    def forward(
        self, raw: dict[str, Any], targets: torch.Tensor, known: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Raw outputs, targets (M, 6) of sample, class, xyxy in pixels, known (N, 3, S/8, S/8) -> loss, parts."""
        raw = {"feats": raw["feats"], "boxes": raw["boxes"].float(), "scores": raw["scores"].float()}
        boxes, points, strides = box_predictions(raw, self._stride)
        scores = raw["scores"].transpose(1, 2)
        labels, true_boxes, there = _padded(targets, len(scores))
        _, goal_boxes, goal_scores, chosen, _ = self._assign(
            scores.detach().sigmoid(), boxes.detach() * strides, points * strides, labels, true_boxes, there
        )
        total = goal_scores.sum().clamp(min=1)
        weight = torch.maximum(_by_anchor(known), (goal_scores > 0).float())
        weight = weight * torch.tensor([1.0, 1.0, self._settings.cigarette_weight], device=weight.device)
        entropy = functional.binary_cross_entropy_with_logits(scores, goal_scores, reduction="none")
        parts = {"class": self._settings.class_gain * (entropy * weight).sum() / total}
        side = torch.tensor([float(known.shape[2] * 8)] * 2, device=scores.device)
        box, dfl = self._box(
            raw["boxes"].transpose(1, 2),
            boxes,
            points,
            goal_boxes / strides,
            goal_scores,
            total,
            chosen,
            side,
            strides,
        )
        parts["box"], parts["dfl"] = self._settings.box_gain * box, self._settings.dfl_gain * dfl
        return torch.stack(list(parts.values())).sum(), {name: float(v.detach()) for name, v in parts.items()}


def _padded(targets: torch.Tensor, samples: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(M, 6) rows -> labels (N, K, 1), boxes (N, K, 4), there (N, K, 1)."""
    counts = torch.bincount(targets[:, 0].long(), minlength=samples)
    most = int(counts.max()) if len(targets) else 0
    padded = torch.zeros(samples, most, 6, device=targets.device)
    for sample in range(samples):
        rows = targets[targets[:, 0] == sample]
        padded[sample, : len(rows), 0] = 1
        padded[sample, : len(rows), 1:] = rows[:, 1:]
    return padded[..., 1:2].long(), padded[..., 2:], padded[..., :1].bool()


def _by_anchor(known: torch.Tensor) -> torch.Tensor:
    """(N, 3, H/8, W/8) -> (N, A, 3): a coarser cell is known where all of its finer cells are."""
    unknown = 1 - known.float()
    levels = [unknown, functional.max_pool2d(unknown, 2), functional.max_pool2d(unknown, 4)]
    return 1 - torch.cat([level.flatten(2) for level in levels], 2).transpose(1, 2)
