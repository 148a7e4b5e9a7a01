"""The review page as a person uses it, in a real browser: keys, boxes, language, phone, nothing from elsewhere."""

import re
import time
from typing import Any

import httpx
import pytest
from browser.conftest import VIOLATIONS, Open
from playwright.sync_api import Page, expect

from kitchenvision.regulator import setup
from kitchenvision.regulator.settings import RegulatorSettings

pytestmark = pytest.mark.browser


def current(page: Page) -> str:
    """Id of the violation that is shown."""
    return page.locator(".one").get_attribute("data-id") or ""


def row(page: Page, number: int) -> Any:
    """A row of the queue, from 0."""
    return page.locator("#queue .item").nth(number)


def shows(page: Page, number: int) -> str:
    """Wait until that row is the one on the desk; its id."""
    violation_id = row(page, number).get_attribute("data-id") or ""
    expect(page.locator(f'.one[data-id="{violation_id}"]')).to_be_visible()
    expect(row(page, number)).to_have_attribute("aria-current", "true")
    return violation_id


def stored(settings: RegulatorSettings, violation_id: str) -> dict[str, Any]:
    """What the server keeps of it."""
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        client.get(setup.one_time_link(settings)).raise_for_status()
        base = setup.address(settings.host, settings.port)
        return dict(client.get(f"{base}/api/v1/violations/{violation_id}").json())


def saved(settings: RegulatorSettings, violation_id: str, decisions: int) -> dict[str, Any]:
    """What the server keeps, once it has that many decisions: the page goes on before the answer."""
    until = time.monotonic() + 10
    while len((kept := stored(settings, violation_id))["decisions"]) < decisions:
        assert time.monotonic() < until, kept
        time.sleep(0.1)
    return kept


def wait_for_state(page: Page, violation_id: str, state: str) -> None:
    """Wait until the queue says so."""
    expect(page.locator(f'.item[data-id="{violation_id}"]')).to_have_attribute("data-state", state)


def test_a_whole_queue_is_reviewed_by_keyboard_alone(full: RegulatorSettings, open_page: Open) -> None:
    page = open_page(full)
    shows(page, 0)
    expect(page.locator(".count")).to_have_text(f"1 / {VIOLATIONS}")
    page.keyboard.press("j")
    shows(page, 1)
    expect(page.locator("#position")).to_have_text("2")
    page.keyboard.press("ArrowUp")
    first = shows(page, 0)
    page.keyboard.press("y")
    second = shows(page, 1)
    wait_for_state(page, first, "confirmed")
    page.keyboard.press("n")
    expect(page.locator("#reasons")).to_be_visible()
    page.keyboard.press("2")
    third = shows(page, 2)
    page.keyboard.press("u")
    shows(page, 3)
    assert saved(full, first, 1)["state"] == "confirmed"
    rejected = saved(full, second, 1)
    assert (rejected["state"], rejected["decisions"][0]["reason"]) == ("rejected", 2)
    assert saved(full, third, 1)["state"] == "cannot_tell"


def test_undo_brings_the_decision_back_and_keeps_both_rows(full: RegulatorSettings, open_page: Open) -> None:
    page = open_page(full)
    first = shows(page, 0)
    page.keyboard.press("y")
    shows(page, 1)
    page.keyboard.press("z")
    shows(page, 0)
    wait_for_state(page, first, "open")
    expect(page.locator("#toast")).to_have_text("Undone")
    page.keyboard.press("u")
    shows(page, 1)
    kept = saved(full, first, 3)
    assert [one["verdict"] for one in kept["decisions"]] == ["confirmed", "withdrawn", "cannot_tell"]


def test_undo_takes_back_the_decision_that_is_shown_not_a_later_one(
    full: RegulatorSettings, open_page: Open
) -> None:
    page = open_page(full)
    first = shows(page, 0)
    page.keyboard.press("y")
    second = shows(page, 1)
    page.keyboard.press("u")
    shows(page, 2)
    saved(full, first, 1)
    row(page, 0).click()
    shows(page, 0)
    page.keyboard.press("z")
    wait_for_state(page, first, "open")
    assert saved(full, first, 2)["state"] == "open"
    assert saved(full, second, 1)["state"] == "cannot_tell"


def test_another_reason_needs_a_note_which_is_typed_without_deciding(
    full: RegulatorSettings, open_page: Open
) -> None:
    page = open_page(full)
    first = shows(page, 0)
    page.keyboard.press("n")
    page.keyboard.press("6")
    expect(page.locator("#note input")).to_be_focused()
    page.keyboard.type("yes, a mannequin")  # y, n, u and z are letters here
    page.keyboard.press("Enter")
    shows(page, 1)
    (decision,) = saved(full, first, 1)["decisions"]
    assert (decision["reason"], decision["note"]) == (6, "yes, a mannequin")


def test_the_reasons_close_without_deciding(full: RegulatorSettings, open_page: Open) -> None:
    page = open_page(full)
    first = shows(page, 0)
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    expect(page.locator("#reasons")).to_be_hidden()
    page.keyboard.press("1")
    shows(page, 0)
    assert stored(full, first)["state"] == "open"


def test_when_the_last_one_is_decided_the_page_says_so_and_undo_still_works(
    full: RegulatorSettings, open_page: Open
) -> None:
    page = open_page(full)
    for number in range(VIOLATIONS):
        shows(page, number)
        page.keyboard.press("y")
    expect(page.locator(".empty h1")).to_have_text("Nothing waits for a decision")
    page.keyboard.press("z")
    shows(page, VIOLATIONS - 1)


def test_a_decision_that_is_not_saved_brings_the_item_back_with_a_word(
    full: RegulatorSettings, open_page: Open
) -> None:
    page = open_page(full)
    first = shows(page, 0)

    # The network is taken from the page itself: a request that is stopped outside of it has got through before.
    page.evaluate(
        """() => {
          window.network = window.fetch;
          window.fetch = (url, more) =>
            String(url).endsWith("/decision") ? Promise.reject(new TypeError("lost")) : window.network(url, more);
        }"""
    )
    page.keyboard.press("y")
    expect(page.locator("#toast")).to_contain_text("Not saved")
    shows(page, 0)
    wait_for_state(page, first, "open")
    page.evaluate("() => { window.fetch = window.network; }")
    page.keyboard.press("y")
    wait_for_state(page, first, "confirmed")


def test_two_inspectors_do_not_overwrite_each_other(full: RegulatorSettings, open_page: Open) -> None:
    setup.add_person(full, "wang")
    here, there = open_page(full), open_page(full)
    first = shows(here, 0)
    shows(there, 0)
    here.keyboard.press("y")
    shows(here, 1)
    saved(full, first, 1)
    there.keyboard.press("u")
    expect(there.locator("#toast")).to_contain_text("admin decided 'confirmed'")
    expect(there.locator(f'.one[data-id="{first}"]')).to_be_visible()
    expect(there.locator(".decided")).to_contain_text("confirmed")
    assert len(stored(full, first)["decisions"]) == 1
    forgive(open_page, "409")


def test_boxes_are_switched_by_their_key_and_stay_so(full: RegulatorSettings, open_page: Open) -> None:
    page = open_page(full)
    shows(page, 0)
    boxes = page.locator("svg.boxes")
    expect(boxes).to_be_visible()
    assert boxes.locator("rect.head").count() == 1
    assert boxes.locator("rect.other").count() == 1
    page.keyboard.press("b")
    expect(boxes).to_be_hidden()
    page.keyboard.press("j")
    shows(page, 1)
    expect(boxes).to_be_hidden()
    page.keyboard.press("b")
    expect(boxes).to_be_visible()


def test_boxes_lie_on_the_picture_where_the_report_says(full: RegulatorSettings, open_page: Open) -> None:
    page = open_page(full)
    shows(page, 0)
    place = page.evaluate(
        """() => {
          const picture = document.querySelector("[data-picture]").getBoundingClientRect();
          const head = document.querySelector("rect.head").getBoundingClientRect();
          const scale = Math.min(picture.width / 640, picture.height / 360);
          const left = picture.left + (picture.width - 640 * scale) / 2;
          const top = picture.top + (picture.height - 360 * scale) / 2;
          return [(head.left - left) / scale, (head.top - top) / scale, (head.right - left) / scale];
        }"""
    )
    assert place == pytest.approx([250, 80, 310], abs=3)


def test_the_accused_is_the_only_coloured_box(full: RegulatorSettings, open_page: Open) -> None:
    page = open_page(full)
    shows(page, 0)
    colours = {
        kind: page.locator(f"rect.{kind}").first.evaluate("box => getComputedStyle(box).stroke")
        for kind in ("head", "person", "other")
    }
    assert colours["other"] == "rgb(255, 255, 255)"
    assert colours["head"] == colours["person"] != colours["other"]


def test_the_language_follows_the_browser_and_its_key(full: RegulatorSettings, open_page: Open) -> None:
    page = open_page(full, language="zh")
    expect(page.locator(".facts h1")).to_have_text("未戴工作帽")
    page.keyboard.press("l")
    expect(page.locator(".facts h1")).to_have_text("No hat")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto(setup.address(full.host, full.port) + "/review")
    expect(page.locator(".facts h1")).to_have_text("No hat")


def test_help_lists_the_keys(full: RegulatorSettings, open_page: Open) -> None:
    page = open_page(full)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("y")  # no decision behind the help
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    shows(page, 0)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_phone_has_one_column_a_fixed_bar_and_nothing_to_scroll_sideways(
    full: RegulatorSettings, open_page: Open, language: str
) -> None:
    page = open_page(full, width=390, language=language)
    shows(page, 0)
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1] == 390
    bar = page.locator("#bar").bounding_box()
    assert bar is not None
    assert bar["y"] + bar["height"] == pytest.approx(844, abs=1)
    page.mouse.wheel(0, 3000)
    page.wait_for_timeout(200)
    assert page.locator("#bar").bounding_box() == bar
    for button in page.locator(".acts > .button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] + box["width"] <= 390
    page.locator("#bar button[value=confirmed]").click()
    shows(page, 1)


def test_the_decision_buttons_do_not_move_from_one_item_to_the_next(
    full: RegulatorSettings, open_page: Open
) -> None:
    page = open_page(full)
    shows(page, 0)
    button = page.locator("#bar button[value=confirmed]")
    before = button.bounding_box()
    for _ in range(3):
        button.click()
    shows(page, 3)
    assert button.bounding_box() == before


def test_an_empty_regulator_teaches_what_will_be_here(empty: RegulatorSettings, open_page: Open) -> None:
    page = open_page(empty)
    expect(page.locator(".empty")).to_contain_text("No report has arrived yet")
    expect(page.locator(".empty pre")).to_contain_text("kitchenvision regulator add-canteen")
    for key in "jkynuzb":
        page.keyboard.press(key)
    expect(page.locator(".empty")).to_be_visible()


def test_a_filter_narrows_the_queue_and_survives_decisions(full: RegulatorSettings, open_page: Open) -> None:
    page = open_page(full)
    page.locator("select[name=rule]").select_option("smoking")
    page.wait_for_url(re.compile("rule=smoking"))  # loaded, its script too: a key pressed before that is lost
    expect(page.locator("#total")).to_have_text("2")
    expect(page.locator(".facts h1")).to_have_text("Smoking")
    page.keyboard.press("y")
    shows(page, 1)
    assert "rule=smoking" in page.url


def test_a_person_logs_in_with_the_form(full: RegulatorSettings, open_page: Open) -> None:
    password = setup.add_person(full, "wang")
    page = open_page(full, log_in=False)
    expect(page.locator("h1")).to_have_text("Kitchen review")
    page.locator("input[name=username]").fill("wang")
    page.locator("input[name=password]").fill(password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/review"))
    shows(page, 0)


def test_dark_and_light_differ_only_in_colour(full: RegulatorSettings, open_page: Open) -> None:
    places = []
    for scheme in ("light", "dark"):
        page = open_page(full, color_scheme=scheme)
        shows(page, 0)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        places.append((page.locator("#bar").bounding_box(), background))
    assert places[0][0] == places[1][0]
    assert places[0][1] != places[1][1]


def test_without_scripts_one_can_still_decide(full: RegulatorSettings, open_page: Open) -> None:
    page = open_page(full, java_script_enabled=False)
    first = current(page)
    page.locator("#bar button[value=confirmed]").click()
    expect(page.locator(".count")).to_have_text(f"1 / {VIOLATIONS - 1}")
    assert current(page) != first
    assert stored(full, first)["state"] == "confirmed"


def forgive(open_page: Open, word: str) -> None:
    """A failed request that the test caused is written to the console by the browser itself."""
    wrong: list[str] = open_page.wrong  # type: ignore[attr-defined]
    wrong[:] = [text for text in wrong if word not in text]
