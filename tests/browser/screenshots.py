"""Takes the pictures of docs/screenshots: ``python tests/browser/screenshots.py CLIPS OUT`` from the repository.

CLIPS holds rendered clips with their truth beside them (sample_videos); no person is real.
"""

import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser.conftest import ARGUMENTS, CHROMIUM, deliver, running
from regulator.sample import Sample, jpeg, sample

from kitchenvision.regulator import setup
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.wire import SnapshotBoxes

PLACES = (("school-3", "第三中学食堂", "serving-1"), ("hospital-1", "市一医院食堂", "kitchen-2"))
SHOTS = (
    # name, width, height, language, scheme, path
    ("review-zh", 1440, 900, "zh", "light", "/review"),
    ("review-en-dark", 1440, 900, "en", "dark", "/review?state="),
    ("review-zh-390", 390, 844, "zh", "light", "/review"),
    ("review-en-390", 390, 844, "en", "light", "/review"),
    ("error-en", 1440, 900, "en", "light", "/review/0123456789abcdef"),
)


def real_samples(clips: Path, count: int) -> list[Sample]:
    """Violations cut out of the clips at the times and boxes of their truth."""
    found: list[Sample] = []
    now = datetime.now(UTC)
    files = [path for path in sorted(clips.glob("*.mp4")) if truth_of(path)["incidents"]]
    for number in range(1, count + 1):
        file = files[number % len(files)]
        truth = truth_of(file)
        incident = truth["incidents"][number // len(files) % len(truth["incidents"])]
        seen = [
            (i, frame, person)
            for i, frame in enumerate(truth["frames"])
            for person in frame["people"]
            if person["id"] == incident["person"] and incident["from"] <= frame["t"] <= incident["to"]
        ]
        index, frame, person = seen[len(seen) * (number % 5 + 1) // 7]
        at = now - timedelta(seconds=40, minutes=3 + 17 * (count - number))
        place = PLACES[number % 2]
        picture = frame_of(file, index)
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
            camera_id=place[2],
            picture=jpeg(picture),
            head=jpeg(head_of(picture, shown)),
            clip=file.read_bytes(),
            boxes=shown,
            captured_at=at,
        )
        started = max(frame["t"] - 2.0, 0.0)
        times = {"started_s": started, "confirmed_s": started + 3.2, "video": file.name}
        one.confirmed = one.confirmed.model_copy(update=times)
        end = truth["frames"][-1]["t"]
        one.clip = one.clip.model_copy(update={"from_s": 0.0, "to_s": end})
        one.ended = one.ended.model_copy(update={"ended_s": min(started + 6.5, end)})
        found.append(one)
    return found


def truth_of(file: Path) -> dict[str, Any]:
    """What the clip truly shows."""
    return dict(json.loads(file.with_suffix(".json").read_text("utf-8")))


def frame_of(file: Path, index: int) -> np.ndarray:
    """One frame."""
    video = cv2.VideoCapture(str(file))
    video.set(cv2.CAP_PROP_POS_FRAMES, index)
    done, picture = video.read()
    video.release()
    assert done, file
    return picture


def head_of(picture: np.ndarray, shown: SnapshotBoxes) -> np.ndarray:
    """The head with some room."""
    x0, y0, x1, y1 = shown.head_xyxy
    half = max(x1 - x0, y1 - y0) * 0.75
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    top, left = max(int(y - half), 0), max(int(x - half), 0)
    crop = picture[top : int(y + half), left : int(x + half)]
    return cv2.resize(crop, (160, 160), interpolation=cv2.INTER_CUBIC)


def take(
    browser: Browser, settings: RegulatorSettings, shot: tuple[str, int, int, str, str, str], out: Path
) -> None:
    """One screenshot of a person who is logged in."""
    name, width, height, language, scheme, path = shot
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale="zh-CN" if language == "zh" else "en-GB",
        color_scheme=scheme,
    )
    page = context.new_page()
    page.goto(setup.one_time_link(settings))
    page.goto(setup.address(settings.host, settings.port) + path)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    page.screenshot(path=str(out / f"{name}.png"))
    context.close()


def main() -> None:
    """Every shot into the folder."""
    clips, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        settings = RegulatorSettings(Path(folder) / "data", port=0)
        setup.prepare(settings)
        with running(settings) as served:
            take(browser, served, ("empty-zh", 1440, 900, "zh", "light", "/review"), out)
            tokens = {place[0]: setup.add_canteen(served, place[0], place[1]) for place in PLACES}
            samples = real_samples(clips, 30)
            for canteen, token in tokens.items():
                deliver(served, token, [one for one in samples if one.confirmed.canteen_id == canteen])
            for shot in SHOTS:
                take(browser, served, shot, out)
            page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="zh-CN")
            page.goto(setup.address(served.host, served.port))
            page.screenshot(path=str(out / "login-zh.png"))
        browser.close()


if __name__ == "__main__":
    main()
