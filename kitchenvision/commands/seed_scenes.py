"""Pictures for `regulator seed`, cut out of rendered clips at the times and boxes of their truth."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from kitchenvision.regulator.seed import Scene

PER_INCIDENT = 6
_HEAD_PX = 160


def scenes(clips: Path) -> "list[Scene]":
    """Some pictures of each incident of each clip that has its truth (`NAME.json`) beside it."""
    found: list[Scene] = []
    for file in sorted(clips.glob("*.mp4")):
        truth_file = file.with_suffix(".json")
        if truth_file.is_file():
            found += _of_clip(file, json.loads(truth_file.read_text("utf-8")))
    return found


def photos(clips: Path) -> list[bytes]:
    """JPEGs out of clips without any incident: kitchens as they should be."""
    found: list[bytes] = []
    for file in sorted(clips.glob("*.mp4")):
        truth_file = file.with_suffix(".json")
        if truth_file.is_file():
            truth = json.loads(truth_file.read_text("utf-8"))
            if not truth["incidents"]:
                wanted = set(range(0, len(truth["frames"]), max(len(truth["frames"]) // PER_INCIDENT, 1)))
                found += [_jpeg(picture) for _, picture in _frames(file, wanted)]
    return found


def _of_clip(file: Path, truth: dict[str, Any]) -> "list[Scene]":
    from kitchenvision.regulator.seed import Scene

    wanted: dict[int, list[tuple[str, dict[str, Any], dict[str, Any]]]] = {}
    for incident in truth["incidents"]:
        seen = [
            (i, frame, person)
            for i, frame in enumerate(truth["frames"])
            for person in frame["people"]
            if person["id"] == incident["person"] and incident["from"] <= frame["t"] <= incident["to"]
        ]
        for i, frame, person in seen[:: max(len(seen) // PER_INCIDENT, 1)][:PER_INCIDENT]:
            wanted.setdefault(i, []).append((incident["rule"], frame, person))
    found: list[Scene] = []
    for index, picture in _frames(file, set(wanted)):
        for rule_id, frame, person in wanted[index]:
            others = [one["person"] for one in frame["people"] if one["id"] != person["id"]]
            cigarette = person["cigarette"]["box"] if rule_id == "smoking" else None
            found.append(
                Scene(
                    rule_id=rule_id,
                    snapshot=_jpeg(picture),
                    head_crop=_jpeg(_head(picture, person["head"])),
                    width=picture.shape[1],
                    height=picture.shape[0],
                    person=_box(person["person"]),
                    head=_box(person["head"]),
                    cigarette=_box(cigarette) if cigarette else None,
                    others=tuple(_box(box) for box in others),
                )
            )
    return found


def _frames(file: Path, wanted: set[int]) -> list[tuple[int, np.ndarray]]:
    video = cv2.VideoCapture(str(file))
    found, index = [], 0
    try:
        while index <= max(wanted, default=-1):
            done, picture = video.read()
            if not done:
                break
            if index in wanted:
                found.append((index, picture))
            index += 1
    finally:
        video.release()
    return found


def _head(picture: np.ndarray, box: list[float]) -> np.ndarray:
    x0, y0, x1, y1 = box
    half = max(x1 - x0, y1 - y0) * 0.75
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    crop = picture[max(int(y - half), 0) : int(y + half), max(int(x - half), 0) : int(x + half)]
    return cv2.resize(crop, (_HEAD_PX, _HEAD_PX), interpolation=cv2.INTER_CUBIC)


def _jpeg(picture: np.ndarray) -> bytes:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data.tobytes()


def _box(box: list[float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(value) for value in box)
    return x0, y0, x1, y1
