"""Stage `pseudo`: boxes of persons by the COCO weights, since no source labels persons.

Confident boxes become positives, doubtful ones regions that are neither; everything else is background. So the
frame net keeps what it knew of persons while it learns heads and cigarettes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from training.build import read_rows, read_set, rows_before_a_kill, shrunk
from training.networks import coco_net, device_of, mixed_precision, predictions
from training.pack import Pack
from training.settings import Settings
from training.torchvision_shim import greedy_nms

BATCH = 8


def _square_batch(images: list[Any], side: int) -> torch.Tensor:
    batch = np.full((len(images), side, side, 3), 114, np.uint8)
    for i, image in enumerate(images):
        batch[i, : image.shape[0], : image.shape[1]] = image[..., ::-1]
    return torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255


def _persons(output: torch.Tensor, lowest: float) -> list[list[float]]:
    """(84, A) predictions of one picture -> rows of x0, y0, x1, y1, confidence."""
    scores = output[4]
    keep = scores > lowest
    centre, sides, scores = output[:2, keep].T, output[2:4, keep].T, scores[keep]
    boxes = torch.cat((centre - sides / 2, centre + sides / 2), 1)
    order = greedy_nms(boxes, scores, 0.6)
    return torch.cat((boxes[order], scores[order, None]), 1).tolist()


def pseudo(out: Path, settings: Settings, init: Path | None) -> None:
    """Write OUT/set/persons.jsonl: per training picture its person boxes, in pixels of the original.

    What a killed run had written (persons.jsonl.part) is gone on with; the file has its name once it is whole.
    """
    whole, part = out / "set/persons.jsonl", out / "set/persons.jsonl.part"
    done = {row["file"] for row in rows_before_a_kill(part)}
    pictures = [
        p
        for p in read_set(out)
        if p.split == "train"
        and p.known["person"] == "none"
        and p.family not in ("render", "clean")
        and p.file not in done
    ]
    pack = Pack(out / "set/frames")
    places = {fact["file"]: i for i, fact in enumerate(pack.facts)}
    device = device_of(settings.device)
    net = coco_net(settings.architecture, init).to(device).eval()
    side = settings.data.pseudo_side_px
    with part.open("a", encoding="utf-8") as file, torch.inference_mode():
        for start in range(0, len(pictures), BATCH):
            some = pictures[start : start + BATCH]
            images = [shrunk(pack.picture(places[p.file]), side) for p in some]
            with mixed_precision(device, settings.frame.loop.bfloat16):
                raw = net(_square_batch(images, side).to(device).contiguous(memory_format=torch.channels_last))
            # In evaluation mode the net returns (decoded, raw outputs); the raw ones are decoded in float32.
            found = predictions({k: _float(v) for k, v in raw[1].items()}, net.stride).cpu()
            for picture, image, output in zip(some, images, found, strict=True):
                scale = picture.width / image.shape[1]
                rows = [
                    [round(v * scale, 1) for v in b[:4]] + [round(b[4], 3)]
                    for b in _persons(output, settings.data.pseudo_ignore)
                ]
                file.write(json.dumps({"file": picture.file, "persons": rows}) + "\n")
            if start % 800 == 0:
                print(f"pseudo {len(done) + start}/{len(done) + len(pictures)}", flush=True)
    part.replace(whole)


def _float(value: Any) -> Any:
    return [v.float() for v in value] if isinstance(value, list) else value.float()


def read_persons(out: Path) -> dict[str, list[list[float]]]:
    """File -> rows of x0, y0, x1, y1, confidence. Empty if the stage did not run."""
    return {row["file"]: row["persons"] for row in read_rows(out / "set/persons.jsonl")}


def show(image: Any, rows: list[list[float]]) -> Any:
    """The picture with its person boxes drawn, to look at."""
    for x0, y0, x1, y1, confidence in rows:
        colour = (0, 200, 0) if confidence >= 0.5 else (0, 160, 255)
        cv2.rectangle(image, (int(x0), int(y0)), (int(x1), int(y1)), colour, 2)
    return image
