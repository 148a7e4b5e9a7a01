"""A labelled set of drawn pictures, in the format of the real one: enough to run every stage, not to learn."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

WIDTH, HEIGHT = 160, 120


def _person(image: Any, x: int, hat: bool, mask: bool) -> list[float]:
    """Draw a body with a head of 24x30 px at column x; returns the face box."""
    cv2.rectangle(image, (x - 4, 62), (x + 28, 118), (120, 90, 60), -1)
    cv2.ellipse(image, (x + 12, 47), (12, 15), 0, 0, 360, (150, 180, 220), -1)
    if hat:
        cv2.rectangle(image, (x, 24), (x + 24, 38), (245, 245, 245), -1)
    if mask:
        cv2.rectangle(image, (x + 3, 49), (x + 21, 60), (220, 200, 120), -1)
    return [float(x), 36.0, float(x + 24), 62.0]


def _row(name: str, labelled: list[str], boxes: list[dict[str, Any]], split: str) -> dict[str, Any]:
    return {
        "file": name,
        "w": WIDTH,
        "h": HEIGHT,
        "source": "drawn",
        "licence": "ours",
        "split": split,
        "group": name,
        "labelled": labelled,
        "boxes": boxes,
    }


def _face_picture(i: int, rng: np.random.Generator, split: str) -> tuple[Any, dict[str, Any]]:
    image = rng.integers(90, 140, (HEIGHT, WIDTH, 3), np.uint8)
    hat, mask = bool(i % 2), bool(i % 3)
    face = _person(image, int(rng.integers(10, 60)), hat, mask)
    other = _person(image, int(rng.integers(95, 125)), not hat, not mask)
    boxes = [
        {
            "kind": "face",
            "xyxy": face,
            "hat": "food_or_clinical" if hat else "bare",
            "mask": "mask" if mask else "none",
        },
        {"kind": "face", "xyxy": other, "hat": "bare" if hat else "other", "mask": "incorrect" if mask else "mask"},
    ]
    return image, _row(f"mask_drawn_{i:03d}.webp", ["face", "mask", "hat"], boxes, split)


def _cook_picture(i: int, rng: np.random.Generator, split: str) -> tuple[Any, dict[str, Any]]:
    image = rng.integers(90, 140, (HEIGHT, WIDTH, 3), np.uint8)
    _person(image, 40, True, False)
    boxes = [
        {"kind": "head", "xyxy": [38.0, 22.0, 66.0, 62.0], "hat": "food_or_clinical", "mask": "unseen"},
        {"kind": "not_head", "xyxy": [110.0, 70.0, 140.0, 100.0]},
    ]
    row = _row(f"cook_drawn_{i:03d}.webp", ["head", "hat", "mask"], boxes, split)
    return image, {**row, "exhaustive": False}


def _smoke_picture(i: int, rng: np.random.Generator, split: str) -> tuple[Any, dict[str, Any]]:
    image = rng.integers(90, 140, (HEIGHT, WIDTH, 3), np.uint8)
    face = _person(image, 60, False, False)
    x, y = round(face[2]) - 6, 56
    cv2.rectangle(image, (x, y), (x + 18, y + 3), (250, 250, 250), -1)
    boxes = [{"kind": "cigarette", "xyxy": [float(x), float(y), float(x + 18), float(y + 4)]}]
    return image, _row(f"smoke_drawn_{i:03d}.webp", ["cigarette"], boxes, split)


def write_tiny_set(folder: Path, pictures: int = 24) -> None:
    """annotations.jsonl and images/ of `pictures` pictures, three of eight for validation."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    rows = []
    for i in range(pictures):
        draw = (_face_picture, _cook_picture, _smoke_picture)[i % 3]
        image, row = draw(i, rng, "val" if i % 8 < 3 else "train")
        cv2.imwrite(str(folder / "images" / row["file"]), image)
        rows.append(row)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "annotations.jsonl").write_text(text, "utf-8")


def write_own_footage(folder: Path) -> None:
    """A user's folder: two pictures with YOLO label files and a mapping."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    mapping = (
        'exhaustive = ["cigarette"]\n[classes]\n0 = { kind = "head", hat = "bare" }\n1 = { kind = "cigarette" }\n'
    )
    (folder / "mapping.toml").write_text(mapping, "utf-8")
    for i in range(2):
        image = np.full((100, 200, 3), 90 + i, np.uint8)
        cv2.imwrite(str(folder / f"images/own{i}.png"), image)
        (folder / f"labels/own{i}.txt").write_text("0 0.5 0.5 0.2 0.4\n1 0.25 0.5 0.1 0.05\n", "utf-8")


RECIPE = """
name = "tiny"
version = "0.0.0"
device = "cpu"
[data]
frame_side_px = 160
[frame]
sizes_px = [96]
still = 0.0
[frame.loop]
steps = {steps}
batch = 2
warm_up_steps = 2
checkpoint_s = 0
bfloat16 = false
[cigarette]
int8 = true
int8_sheets = 8
int8_side_px = 96
sizes_px = [64]
camera = 0.0
still = 0.0
tile = 0.3
stretch = 0.2
turned = 0.3
[cigarette.loop]
steps = {steps}
batch = 2
warm_up_steps = 2
checkpoint_s = 0
bfloat16 = false
[zoom]
size_px = 64
[zoom.loop]
steps = {steps}
batch = 4
warm_up_steps = 2
checkpoint_s = 0
bfloat16 = false
[model.frame]
profiles = {{ fast = [160], thorough = [96, 160] }}
[model.cigarette]
profiles = {{ fast = [96], thorough = [96] }}
[model.cigarette_zoom]
size_px = 96
[model.cigarette_tiles]
least_side_px = 48
size_px = 96
"""
