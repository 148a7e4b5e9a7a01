"""A user's own footage: pictures with YOLO label files, beside a mapping of what the labels mean.

own/mapping.toml
    split = "train"                       # or val
    exhaustive = ["head", "cigarette"]    # classes whose absence is certain in every picture
    [classes]                             # class number of the label files -> what it is
    0 = { kind = "head", hat = "covered", mask = "worn" }
    1 = { kind = "head", hat = "bare" }
    2 = { kind = "cigarette" }
own/images/*.jpg|png|webp,  own/labels/NAME.txt  (class cx cy w h, relative to the picture)
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from training.labels import Box, Picture
from training.settings import CLASSES, HAT, MASK, SettingsError

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def _classes(mapping: Path, table: dict[str, Any]) -> dict[int, dict[str, Any]]:
    allowed = {"kind": (*CLASSES, "not_head"), "hat": HAT, "mask": MASK}
    for number, meaning in table.items():
        for key, value in meaning.items():
            if key not in allowed or value not in allowed[key]:
                raise SettingsError(f"{mapping} [classes] {number}: {key} = {value!r} is not known")
    return {int(number): meaning for number, meaning in table.items()}


def _boxes(path: Path, classes: dict[int, dict[str, Any]], width: int, height: int) -> list[Box]:
    boxes = []
    for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
        number, cx, cy, w, h = line.split()[:5]
        x, y, half_w, half_h = float(cx) * width, float(cy) * height, float(w) * width / 2, float(h) * height / 2
        meaning = classes[int(number)]
        xyxy = (x - half_w, y - half_h, x + half_w, y + half_h)
        boxes.append(Box(meaning["kind"], xyxy, meaning.get("hat"), meaning.get("mask"), meaning.get("hat")))
    return boxes


def own_pictures(folder: Path) -> Iterator[Picture]:
    """Pictures of one folder; none if it is not there."""
    mapping = folder / "mapping.toml"
    if not mapping.is_file():
        return
    table = tomllib.loads(mapping.read_text("utf-8"))
    classes = _classes(mapping, table["classes"])
    exhaustive = set(table.get("exhaustive", []))
    known = {name: "all" if name in exhaustive else "none" for name in CLASSES}
    if known["head"] == "none" and any(one["kind"] == "head" for one in classes.values()):
        known["head"] = "boxes"
    for path in sorted((folder / "images").iterdir()):
        if path.suffix.lower() not in _SUFFIXES:
            continue
        image = cv2.imread(str(path))
        if image is None:
            raise SettingsError(f"{path} cannot be read")
        height, width = image.shape[:2]
        boxes = _boxes(folder / "labels" / f"{path.stem}.txt", classes, width, height)
        split = table.get("split", "train")
        yield Picture(f"own/images/{path.name}", width, height, "own", "own", split, path.stem, known, boxes)
