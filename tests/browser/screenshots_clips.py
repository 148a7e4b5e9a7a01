"""Pictures and violations out of rendered clips that have their truth beside them; no person is real."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from regulator.sample import Sample, jpeg, sample

from kitchenvision.wire import SnapshotBoxes

SMALL = (480, 270)  # of the pictures that edge boxes push
EVERY_FRAMES = 9


def small_frames(clips: Path, size: tuple[int, int] = SMALL) -> list[bytes]:
    """JPEGs of that width and height."""
    found = []
    for file in sorted(clips.glob("*.mp4")):
        video = cv2.VideoCapture(str(file))
        for number in range(100):
            done, picture = video.read()
            if done and number % EVERY_FRAMES == 0:
                found.append(jpeg(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)))
        video.release()
    return found


def real_samples(clips: Path, places: tuple[tuple[str, str], ...], count: int) -> list[Sample]:
    """Violations cut out of the clips at the times and boxes of their truth, some minutes apart up to now.

    Args:
        places: (canteen, camera), taken in turn.
    """
    found: list[Sample] = []
    files = [path for path in sorted(clips.glob("*.mp4")) if _truth(path)["incidents"]]
    for number in range(1, count + 1):
        at = datetime.now(UTC) - timedelta(seconds=40, minutes=3 + 4 * (count - number))
        file = files[number % len(files)]
        found.append(_sample(file, number, number // len(files), at, places[number % len(places)]))
    return found


def _sample(file: Path, number: int, which: int, at: datetime, place: tuple[str, str]) -> Sample:
    truth = _truth(file)
    incident = truth["incidents"][which % len(truth["incidents"])]
    seen = [
        (i, frame, person)
        for i, frame in enumerate(truth["frames"])
        for person in frame["people"]
        if person["id"] == incident["person"] and incident["from"] <= frame["t"] <= incident["to"]
    ]
    index, frame, person = seen[len(seen) * (number % 5 + 1) // 7]
    picture = _frame(file, index)
    shown = SnapshotBoxes(
        media_s=frame["t"],
        captured_at=at,
        width=picture.shape[1],
        height=picture.shape[0],
        person_xyxy=tuple(person["person"]),
        head_xyxy=tuple(person["head"]),
        cigarette_xyxy=person["cigarette"]["box"],
        others_xyxy=tuple(tuple(one["person"]) for one in frame["people"] if one["id"] != person["id"]),
    )
    one = sample(
        number,
        incident["rule"],
        place[0],
        camera_id=place[1],
        picture=jpeg(picture),
        head=jpeg(_head(picture, shown)),
        clip=file.read_bytes(),
        boxes=shown,
        captured_at=at,
    )
    started, end = max(frame["t"] - 2.0, 0.0), truth["frames"][-1]["t"]
    times = {"started_s": started, "confirmed_s": started + 3.2, "video": file.name, "zone": "灶台"}
    one.confirmed = one.confirmed.model_copy(update=times)
    one.clip = one.clip.model_copy(update={"from_s": 0.0, "to_s": end})
    one.ended = one.ended.model_copy(update={"ended_s": min(started + 6.5, end)})
    return one


def _truth(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.with_suffix(".json").read_text("utf-8")))


def _frame(file: Path, index: int) -> np.ndarray:
    video = cv2.VideoCapture(str(file))
    video.set(cv2.CAP_PROP_POS_FRAMES, index)
    done, picture = video.read()
    video.release()
    assert done, file
    return picture


def _head(picture: np.ndarray, shown: SnapshotBoxes) -> np.ndarray:
    x0, y0, x1, y1 = shown.head_xyxy
    half = max(x1 - x0, y1 - y0) * 0.75
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    top, left = max(int(y - half), 0), max(int(x - half), 0)
    crop = picture[top : int(y + half), left : int(x + half)]
    return cv2.resize(crop, (160, 160), interpolation=cv2.INTER_CUBIC)
