"""Takes the pictures of a full district: ``python tests/browser/screenshots_district.py CLIPS OUT``.

Run it from the repository. CLIPS holds rendered clips with their truth beside them (sample_videos); no person is
real. WebP, to keep them small.
"""

import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import httpx
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser.conftest import ARGUMENTS, CHROMIUM, running
from regulator.sample import bearer

from kitchenvision.commands.seed_scenes import photos, scenes
from kitchenvision.regulator import setup
from kitchenvision.regulator.seed_store import Plan, fill
from kitchenvision.regulator.settings import RegulatorSettings

RED, GREY = "seed-012", "seed-010"  # of seed 1
CAMERAS = ("烹饪区-1", "备餐间-2")
SHOTS = (
    # name, width, height, language, scheme, path
    ("district-zh", 1440, 900, "zh", "light", "/district"),
    ("district-en-dark", 1440, 900, "en", "dark", "/district"),
    ("district-en-390", 390, 844, "en", "light", "/district"),
    ("canteen-zh", 1440, 1400, "zh", "light", f"/canteens/{RED}"),
    ("canteen-grey-en", 1440, 900, "en", "light", f"/canteens/{GREY}"),
    ("canteen-zh-390", 390, 844, "zh", "dark", f"/canteens/{RED}"),
    ("public-zh-390", 390, 844, "zh", "light", f"/public/{RED}"),
    ("calendar-en", 1440, 700, "en", "light", "/calendar"),
    ("wall-9-zh", 1920, 1080, "zh", "dark", "/cockpit?tiles=9"),
    ("map-zh", 1920, 1080, "zh", "dark", "/cockpit/map"),
    ("wall-36-en", 1920, 1080, "en", "dark", "/cockpit?tiles=36"),
)


def small_frames(clips: Path) -> list[bytes]:
    """JPEGs of the size that edge boxes push."""
    found = []
    for file in sorted(clips.glob("*.mp4")):
        video = cv2.VideoCapture(str(file))
        for number in range(100):
            done, picture = video.read()
            if done and number % 9 == 0:
                small = cv2.resize(picture, (480, 270), interpolation=cv2.INTER_AREA)
                found.append(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes())
        video.release()
    return found


def push(settings: RegulatorSettings, tokens: list[str], frames: list[bytes]) -> None:
    """One picture of each camera; three cameras are late, stale and off line, one is blind."""
    now = datetime.now(UTC)
    ages = {5: 9.0, 6: 30.0, 7: 200.0}
    with httpx.Client(base_url=setup.address(settings.host, settings.port), trust_env=False) as client:
        for number in range(len(tokens) * len(CAMERAS)):
            camera, headers = CAMERAS[number % len(CAMERAS)], bearer(tokens[number // len(CAMERAS)])
            if number == 3:
                told = {"since": (now - timedelta(minutes=12)).isoformat(), "reason": "镜头被遮挡"}
                client.put(f"/api/v1/live/{camera}/state", json=told, headers=headers).raise_for_status()
                continue
            at = now - timedelta(seconds=ages.get(number, 0.0))
            frame = frames[number * 5 % len(frames)]
            asked = {"captured_at": at.isoformat()}
            client.put(f"/api/v1/live/{camera}", params=asked, content=frame, headers=headers).raise_for_status()


def page_for(browser: Browser, settings: RegulatorSettings, shot: tuple[str, int, int, str, str, str]) -> Page:
    """A page of a person who is logged in."""
    _, width, height, language, scheme, _ = shot
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale="zh-CN" if language == "zh" else "en-GB",
        timezone_id="Asia/Shanghai",
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(setup.one_time_link(settings))
    return page


def keep(page: Page, out: Path, name: str) -> None:
    """The visible part as WebP."""
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    cv2.imwrite(str(out / f"{name}.webp"), picture, [cv2.IMWRITE_WEBP_QUALITY, 80])
    page.context.close()


def trial(browser: Browser, settings: RegulatorSettings, out: Path) -> None:
    """The district under a stricter policy."""
    page = page_for(browser, settings, ("", 1440, 900, "zh", "light", ""))
    page.goto(setup.address(settings.host, settings.port) + "/policies")
    policy = json.loads(page.input_value("#text"))
    policy["thresholds"].update(blue=2, yellow=5, red=12)
    page.fill("#text", json.dumps(policy, indent=2, ensure_ascii=False))
    page.click(".policy-form .primary")
    page.wait_for_selector(".changed")
    keep(page, out, "what-if-zh")


def main() -> None:
    """Every shot into the folder."""
    clips, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        settings = RegulatorSettings(Path(folder) / "data", port=0)
        setup.prepare(settings)
        fill(settings, Plan(159, 60, 1, datetime.now(UTC)), scenes(clips), photos(clips))
        tokens = [setup.rotate_token(settings, f"seed-{number:03d}") for number in range(1, 21)]
        with running(settings) as served:
            frames = small_frames(clips)
            for shot in SHOTS:
                page = page_for(browser, served, shot)
                push(served, tokens, frames)
                page.goto(setup.address(served.host, served.port) + shot[5])
                page.wait_for_timeout(3000 if "cockpit" in shot[5] else 500)
                keep(page, out, shot[0])
            trial(browser, served, out)
        browser.close()


if __name__ == "__main__":
    main()
