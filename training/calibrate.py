"""Stage `calibrate`: one temperature a question, so that a probability means what it says.

The validation heads are halved by group. Temperatures are fitted on one half and judged on the other; the
report says what share of heads is judged at a threshold and how many of these answers are wrong.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from training.export import load_zoom
from training.head_crops import UNASKED, answers, jittered, look_at, misplaced
from training.judging import best_point, confusion, curve
from training.networks import crop_logits, split_logits
from training.pack import Pack
from training.settings import HAT, MASK, Settings, ZoomSettings

Array = np.ndarray[Any, np.dtype[Any]]
_LOOKS = 2  # of each head: as it is, and as small as on a camera
_THRESHOLDS = (0.6, 0.7, 0.8, 0.9)
_QUESTIONS = {"hat": HAT, "mask": MASK}


@dataclass(frozen=True)
class Asked:
    """Logits (N, 9), answers (N,) of head, hat and mask, which half each row is in, and how high its head is."""

    logits: torch.Tensor
    answers: dict[str, torch.Tensor]
    second_half: torch.Tensor
    head_px: torch.Tensor


def in_second_half(group: str) -> bool:
    """A fixed coin a group: pictures of one event stay together."""
    return hashlib.sha256(group.encode()).digest()[0] % 2 == 1


def validation_crops(
    pack: Pack, settings: ZoomSettings, seed: int
) -> tuple[Array, dict[str, list[int]], list[bool], list[float]]:
    """Crops (N, S, S, 3) RGB of the validation heads, near and far, and boxes that are not heads.

    With their answers, their half and the height of the head in the crop's own pixels.
    """
    rng = np.random.default_rng(seed)
    crops, halves, heights = [], [], []
    asked: dict[str, list[int]] = {"head": [], "hat": [], "mask": []}
    for i, fact in enumerate(pack.facts):
        if fact["split"] != "val":
            continue
        picture, boxes = pack.picture(i), np.asarray(fact["boxes"], np.float64)
        native = float((boxes[0, 2:] - boxes[0, :2]).max())
        for look in range(_LOOKS):
            head_px = native if look == 0 else min(native, float(rng.uniform(18, 60)))
            box, is_head = jittered(boxes[0], rng), int(fact["kind"] == "head")
            wrong = misplaced(boxes, rng) if is_head and fact["exhaustive"] and rng.random() < 0.2 else None
            if wrong is not None:
                box, is_head = wrong, 0
            crops.append(look_at(picture, box, head_px, rng, settings.size_px, settings.crop_heads)[..., ::-1])
            hat, mask = answers(fact, head_px) if is_head else (UNASKED, UNASKED)
            for name, value in (("head", is_head), ("hat", hat), ("mask", mask)):
                asked[name].append(value)
            halves.append(in_second_half(fact["group"]))
            heights.append(head_px)
    return np.stack(crops), asked, halves, heights


def ask(out: Path, settings: Settings, base: Path | None) -> Asked:
    """The averaged zoom net's logits on the validation heads; `base` as in `export.load_zoom`."""
    seed = settings.zoom.loop.seed
    crops, asked, halves, heights = validation_crops(Pack(out / "set/heads"), settings.zoom, seed)
    net, _ = load_zoom(out, settings, base)
    answers_ = {name: torch.tensor(values) for name, values in asked.items()}
    return Asked(crop_logits(net, crops), answers_, torch.tensor(halves), torch.tensor(heights))


def question(asked: Asked, name: str, half: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(logits, answers, head heights) of one question in one half; `head` becomes two classes."""
    head, hat, mask, _ = split_logits(asked.logits)
    logits = {"head": torch.cat((torch.zeros_like(head), head), 1), "hat": hat, "mask": mask}[name]
    keep = (asked.answers[name] != UNASKED) & (asked.second_half == half)
    return logits[keep], asked.answers[name][keep], asked.head_px[keep]


def fitted_temperature(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """The temperature of least negative log-likelihood, by a grid of 2 % steps (0.3 to 4)."""
    if not len(truth):
        return 1.0
    grid = torch.exp(torch.arange(np.log(0.3), np.log(4.0), 0.02))
    losses = [float(functional.cross_entropy(logits / warmth, truth)) for warmth in grid]
    return round(float(grid[int(np.argmin(losses))]), 3)


def calibration_error(chances: Array, truth: Array, bins: int = 12) -> float:
    """Expected gap between the top probability and the share of right answers (ECE)."""
    top, right = chances.max(1), chances.argmax(1) == truth
    place = np.minimum((top * bins).astype(int), bins - 1)
    gaps = [
        abs(top[place == b].mean() - right[place == b].mean()) * (place == b).mean()
        for b in range(bins)
        if (place == b).any()
    ]
    return round(float(sum(gaps)), 4)


def _share(of: Array) -> float:
    """Share of true values, 0 where there are none."""
    return round(float(of.mean()), 4) if len(of) else 0.0


def coverage(chances: Array, truth: Array, names: tuple[str, ...]) -> list[dict[str, float]]:
    """Per threshold: share of judgeable heads that get an answer, and share of wrong ones among the answers."""
    unknown = names.index("cannot_judge")
    judgeable = truth != unknown
    rows = []
    for threshold in _THRESHOLDS:
        given = (chances.max(1) >= threshold) & (chances.argmax(1) != unknown)
        wrong = (chances.argmax(1) != truth)[given & judgeable]
        rows.append(
            {
                "threshold": threshold,
                "answered": _share(given[judgeable]),
                "wrong": _share(wrong),
                "answered_though_unjudgeable": _share(given[~judgeable]),
            }
        )
    return rows


def report(asked: Asked) -> dict[str, Any]:
    """Temperatures from the first half, and what they give on the second."""
    out: dict[str, Any] = {"temperature": {}, "second_half": {}}
    for name in ("head", "hat", "mask"):
        warmth = fitted_temperature(*question(asked, name, False)[:2])
        out["temperature"][name] = warmth
        logits, truth, head_px = question(asked, name, True)
        if not len(truth):
            continue
        before, after = logits.softmax(1).numpy(), (logits / warmth).softmax(1).numpy()
        row: dict[str, Any] = {
            "heads": len(truth),
            "ece_before": calibration_error(before, truth.numpy()),
            "ece": calibration_error(after, truth.numpy()),
        }
        if name in _QUESTIONS:
            row["coverage"] = coverage(after, truth.numpy(), _QUESTIONS[name])
            row["curve"] = curve(name, after, truth.numpy(), head_px.numpy())
            row["best"] = best_point(row["curve"])
            row["confusion"] = confusion(name, after, truth.numpy(), head_px.numpy())
        out["second_half"][name] = row
    return out


def calibrate(out: Path, settings: Settings, base: Path | None = None) -> dict[str, Any]:
    """Write OUT/calibration.json; returns it. `base` as in `export.load_zoom`."""
    found = report(ask(out, settings, base))
    (out / "calibration.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(json.dumps(found, indent=1))
    return found
