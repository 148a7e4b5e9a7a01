"""The zone editor of the edge's status page: by pointer, by keyboard and on a phone; what is saved is in force."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from browser.accessible import found_on
from playwright.sync_api import Browser, BrowserContext, Page, expect

from kitchenvision.edge.state import CameraState
from kitchenvision.evidence import encode_jpeg

sys.path.append(str(Path(__file__).resolve().parents[1] / "edge"))

from editable import PASSWORD, Box, box

pytestmark = pytest.mark.browser
PICTURE = encode_jpeg(np.full((360, 640, 3), 90, np.uint8))
OpenEditor = Callable[..., Page]


@pytest.fixture
def one(tmp_path: Path) -> Box:
    """A page over one live camera and one that gave no picture yet."""
    live = CameraState(
        "cooking", "热菜间", "rtsp://127.0.0.1:1/live", "live", picture=PICTURE, picture_at=datetime.now(UTC)
    )
    blind = CameraState("serving", "serving", "rtsp://127.0.0.1:1/other", "backing off", "unreachable")
    return box(tmp_path, states=[live, blind])


@pytest.fixture
def open_editor(one: Box, chromium: Browser) -> Iterator[OpenEditor]:
    """Logs in by the page and opens the editor; errors of a script or requests elsewhere fail the test."""
    wrong: list[str] = []
    contexts: list[BrowserContext] = []
    with one.served() as home:

        def open_(width: int = 1440, camera: str = "cooking", language: str = "en", scheme: str = "light") -> Page:
            context = chromium.new_context(
                viewport={"width": width, "height": 900},
                has_touch=width < 760,
                color_scheme=scheme,  # type: ignore[arg-type]
            )
            contexts.append(context)
            page = context.new_page()
            page.set_default_timeout(8000)
            page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda asked: None if asked.url.startswith(home) else wrong.append(asked.url))
            page.goto(f"{home}/?lang={language}")
            page.locator(f"#camera-{camera} nav a").first.click()
            page.locator("input[name=password]").fill(PASSWORD)
            page.locator("button[type=submit]").click()
            expect(page.locator("#add")).to_be_visible()
            return page

        yield open_
        for context in contexts:
            context.close()
    assert [text for text in wrong if "422" not in text] == []


def zones_of(one: Box) -> dict[str, tuple[tuple[float, float], ...]]:
    return {zone.name: zone.polygon for zone in one.board.settings.cameras[0].zones}


def save(page: Page) -> None:
    page.locator("#save").click()
    expect(page.locator("#said")).to_have_text("Saved and in force.")


def click_at(page: Page, x: float, y: float) -> None:
    """Relative to the picture."""
    area = page.locator("#canvas").bounding_box()
    assert area is not None
    page.mouse.click(area["x"] + x * area["width"], area["y"] + y * area["height"])


def test_a_zone_is_drawn_by_clicks_moved_by_dragging_and_in_force_when_saved(
    one: Box, open_editor: OpenEditor
) -> None:
    """Name, rules and hours with it; the zone that was there stays."""
    page = open_editor()
    page.locator("#add").click()
    page.keyboard.type("Door")
    for x, y in ((0.7, 0.3), (0.9, 0.3), (0.9, 0.9)):
        click_at(page, x, y)
    expect(page.locator(".handle")).to_have_count(3)
    page.locator("#rule-smoking").uncheck()
    page.locator("#add-hours").click()
    page.locator("#hours-0-to").fill("20:30")
    area = page.locator("#canvas").bounding_box()
    handle = page.locator(".handle").nth(2).bounding_box()
    assert area is not None
    assert handle is not None
    page.mouse.move(handle["x"] + 22, handle["y"] + 22)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.8 * area["width"], area["y"] + 0.8 * area["height"], steps=4)
    page.mouse.up()
    save(page)
    _, door = one.board.settings.cameras[0].zones
    assert (door.name, door.rules, door.hours) == ("Door", ("no_hat", "no_mask"), ("06:00-20:30",))
    flat = [value for corner in door.polygon for value in corner]
    assert flat == pytest.approx([0.7, 0.3, 0.9, 0.3, 0.8, 0.8], abs=0.01)
    assert "# beside the stove" in one.path.read_text("utf-8")


def test_everything_can_be_done_by_keyboard(one: Box, open_editor: OpenEditor) -> None:
    """A corner is moved, one is added, one is deleted, and undone."""
    page = open_editor()
    corner = page.get_by_role("button", name="Corner 1: 10 % from the left, 10 % from the top")
    corner.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator(".handle").first).to_be_focused()
    page.keyboard.press("+")
    expect(page.locator(".handle")).to_have_count(5)
    expect(page.locator(".handle").nth(1)).to_be_focused()
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    expect(page.locator(".handle")).to_have_count(3)
    page.locator("#undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".handle")).to_have_count(4)
    page.locator("#save").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("Saved and in force.")
    assert zones_of(one)["stove"][0] == pytest.approx((0.11, 0.15))


def test_edges_that_cross_are_told_and_nothing_is_saved(one: Box, open_editor: OpenEditor) -> None:
    """The wrong zone is chosen, and the old one holds."""
    page = open_editor()
    before = zones_of(one)
    page.locator(".handle").first.focus()
    for _ in range(13):
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowDown")
    page.locator("#save").click()
    expect(page.locator("#wrong")).to_contain_text("stove: Its edges cross")
    assert zones_of(one) == before
    expect(page.locator("#save")).to_be_enabled()


def test_on_a_phone_a_tap_adds_a_corner_and_nothing_is_wider_than_the_screen(
    one: Box, open_editor: OpenEditor
) -> None:
    """In Chinese, dark."""
    page = open_editor(390, language="zh", scheme="dark")
    area = page.locator("#canvas").bounding_box()
    assert area is not None
    page.touchscreen.tap(area["x"] + 0.9 * area["width"], area["y"] + 0.5 * area["height"])
    expect(page.locator(".handle")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#save").click()
    expect(page.locator("#said")).to_have_text("已保存并生效。")
    assert len(zones_of(one)["stove"]) == 5


def test_a_camera_without_a_picture_can_have_zones_too(one: Box, open_editor: OpenEditor) -> None:
    """The page says that there is none; a rectangle to begin with comes by a button."""
    page = open_editor(camera="serving")
    expect(page.locator("#blank")).to_have_text("No picture of this camera now")
    expect(page.locator("#none")).to_be_visible()
    page.locator("#add").click()
    page.locator("#add-corner").click()
    expect(page.locator(".handle")).to_have_count(4)
    save(page)
    assert one.board.settings.cameras[1].zones[0].name == "Zone 1"


@pytest.mark.parametrize(("width", "language", "scheme"), [(1440, "en", "light"), (390, "zh", "dark")])
def test_axe_finds_nothing_serious(open_editor: OpenEditor, width: int, language: str, scheme: str) -> None:
    """On the editor, the log-in and the cards."""
    page = open_editor(width, language=language, scheme=scheme)
    expect(page.locator("#live")).to_be_visible()
    assert found_on(page) == []
    page.locator(".bar button").click()
    expect(page.locator("#cards")).to_be_visible()
    assert found_on(page) == []
    page.locator("#camera-cooking nav a").first.click()
    expect(page.locator("input[name=password]")).to_be_visible()
    assert found_on(page) == []


def test_maintenance_and_probation_by_the_pages_alone(one: Box, open_editor: OpenEditor, tmp_path: Path) -> None:
    """Begun and ended without a script; a released camera leaves its probation; axe finds nothing serious."""
    text = one.path.read_text("utf-8")
    one.path.write_text(text.replace('id = "serving"', 'id = "serving"\nprobation = true'), "utf-8")
    one.states = [replace(state, probation=state.camera_id == "serving") for state in one.states]
    folder = tmp_path / "data" / "probation" / "serving" / "2026-11-28" / "no_hat-0123456789"
    folder.mkdir(parents=True)
    facts = {"captured_at": "2026-11-28T04:00:00+00:00", "rule_id": "no_hat", "zone": "stove", "confidence": 0.91}
    (folder / "evidence.json").write_text(json.dumps({"facts": facts}))
    for name in ("head.jpg", "snapshot.jpg"):
        (folder / name).write_bytes(PICTURE)
    page = open_editor(390, camera="serving")
    page.locator(".bar a").first.click()
    page.locator("#camera-serving").get_by_role("link", name="Maintenance").click()
    expect(page.locator("select[name=camera]")).to_have_value("serving")
    page.get_by_label("Reason").fill("new lamp")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".site-row")).to_contain_text("serving")
    assert one.board.settings.mutes[0].reason == "new lamp"
    assert found_on(page) == []
    page.get_by_role("button", name="End now").click()
    expect(page.locator(".site-row")).to_have_count(0)
    page.locator(".bar a").first.click()
    page.locator("#camera-serving").get_by_role("link", name="What it found").click()
    expect(page.locator(".tried img")).to_have_js_property("complete", True)
    assert page.locator(".tried img").evaluate("image => image.naturalWidth") == 640
    assert found_on(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Release").click()
    expect(page.locator("#cards")).to_be_visible()
    assert not one.board.settings.cameras[1].probation
