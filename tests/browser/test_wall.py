"""The wall and the district in a real browser: old is never live, news without reload, sorting, filters."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from browser.conftest import Open, deliver
from playwright.sync_api import expect
from regulator.sample import CANTEEN, bearer, boxes_at, drawn, sample

from kitchenvision.regulator import setup
from kitchenvision.regulator.seed import RULES, Scene
from kitchenvision.regulator.seed_store import Plan, fill
from kitchenvision.regulator.settings import RegulatorSettings

pytestmark = pytest.mark.browser
BOX = (10.0, 20.0, 60.0, 120.0)


def push(settings: RegulatorSettings, token: str, camera: str, age_s: float = 0.0) -> None:
    """A small picture that was taken so long ago."""
    at = datetime.now(UTC)
    with httpx.Client(base_url=setup.address(settings.host, settings.port), trust_env=False) as client:
        answer = client.put(
            f"/api/v1/live/{camera}",
            params={"captured_at": (at - timedelta(seconds=age_s)).isoformat()},
            content=drawn(1, boxes_at(at)),
            headers=bearer(token),
        )
        assert answer.status_code == 200


def test_a_picture_that_is_not_renewed_turns_visibly_stale_and_what_is_new_appears(
    empty: RegulatorSettings, open_page: Open
) -> None:
    token = setup.add_canteen(empty, CANTEEN, "第一食堂")
    page = open_page(empty, 1920)
    page.goto(setup.address(empty.host, empty.port) + "/cockpit?tiles=4")
    expect(page.locator("#empty")).to_be_visible()
    push(empty, token, "fresh")
    push(empty, token, "late", 12.0)
    fresh, late = (page.locator(".tile", has_text=name) for name in ("fresh", "late"))
    expect(fresh.locator("img")).to_be_visible()
    expect(page.locator("#empty")).to_be_hidden()
    expect(late).to_have_class("tile stale")
    expect(late.locator(".chip")).to_have_text("old picture")
    assert "grayscale" in late.locator("img").evaluate("image => getComputedStyle(image).filter")
    deliver(empty, token, [sample(1, "smoking")])
    expect(page.locator("#fresh li.just")).to_contain_text("Smoking")
    assert page.locator("#broken").is_hidden()


def test_the_number_of_tiles_is_a_key_of_the_address_and_pages_turn(
    empty: RegulatorSettings, open_page: Open
) -> None:
    token = setup.add_canteen(empty, CANTEEN, "第一食堂")
    for i in range(6):
        push(empty, token, f"camera-{i}")
    page = open_page(empty, 1920)
    page.goto(setup.address(empty.host, empty.port) + "/cockpit?tiles=4")
    expect(page.locator(".tile")).to_have_count(4)
    expect(page.locator("#page")).to_have_text("Page 1 / 2")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile")).to_have_count(2)
    page.keyboard.press("Space")
    expect(page.locator("#countdown")).to_have_text("paused")
    page.get_by_role("button", name="36", exact=True).click()
    expect(page.locator(".tile")).to_have_count(6)
    assert "tiles=36" in page.url


def test_the_district_is_sorted_and_filtered_where_it_stands(
    empty: RegulatorSettings, open_page: Open, tmp_path: Path
) -> None:
    picture = drawn(1, boxes_at(datetime.now(UTC)))
    scenes = [Scene(rule, picture, picture, 640, 360, BOX, BOX, None, ()) for rule in RULES]
    fill(empty, Plan(40, 40, 1, datetime.now(UTC)), scenes)
    page = open_page(empty)
    page.goto(setup.address(empty.host, empty.port) + "/district")
    rows = page.locator("#codes tbody tr:visible")
    expect(rows).to_have_count(40)
    # On a wide screen every column stands there with room for its words.
    widths = page.locator("#codes tbody tr:first-child td").evaluate_all("all => all.map(one => one.offsetWidth)")
    assert len(widths) == page.locator("#codes th").count()
    assert min(widths) > 40
    page.get_by_role("button", name="Incidents").click()
    counts = [int(n) for n in page.locator("#codes tbody td:nth-child(8)").all_inner_texts()]
    assert counts == sorted(counts, reverse=True)
    green = page.locator('.code-sift[data-colour="green"]')
    wanted = int(re.sub(r"\D", "", green.inner_text()))
    green.click()
    expect(rows).to_have_count(wanted)
    page.reload()
    expect(rows).to_have_count(wanted)
    page.fill("#search", "no canteen has this name")
    expect(page.locator("#nothing")).to_be_visible()
