"""Contact sheets of crops with their truth, for looking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from training.synth.images import read_image


def write_sheet(crops: Path, picture: Path, columns: int = 10, count: int = 60) -> int:
    """The last `count` crops of a folder as one picture; returns how many there are in it."""
    rows = [json.loads(line) for line in (crops / "crops.jsonl").read_text("utf-8").splitlines()][-count:]
    tiles = [tile(read_image(crops / row["file"]), row) for row in rows]
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % columns)
    lines = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    cv2.imwrite(str(picture), np.vstack(lines))
    return len(rows)


def tile(image: np.ndarray[Any, Any], row: dict[str, Any]) -> np.ndarray[Any, Any]:
    """A crop with its boxes and two lines of truth."""
    image = image.copy()
    for box, colour in ((row["head"], (0, 255, 255)), (row["cigarette"]["box"], (0, 0, 255))):
        if box:
            x0, y0, x1, y1 = (round(v) for v in box)
            cv2.rectangle(image, (x0 - 1, y0 - 1), (x1, y1), colour, 1)
    smoke = row["cigarette"]["where"]
    above = f"{row['seed']} {row['hat']} {row['mask']}" + (f" {smoke}" if smoke != "none" else "")
    face = "face" if row["face_visible"] else "-"
    below = f"{row['hair'][:8]} y{row['yaw_deg']:.0f} {face} {row['effective_head_px']:.0f}px"
    for line, text in enumerate((above, below)):
        for colour, width in (((0, 0, 0), 3), ((0, 255, 255), 1)):
            cv2.putText(image, text, (2, 172 + 15 * line), 0, 0.37, colour, width, cv2.LINE_AA)
    return image
