"""The desk beyond one decision, in a real browser: incidents, claims, many at once, close looks, lost sessions."""

import re
from datetime import timedelta

import pytest
from browser.conftest import Open, deliver
from browser.test_review import current, row, saved, shows, wait_for_state
from playwright.sync_api import Page, expect
from regulator.sample import CANTEEN, Sample, sample

from kitchenvision.regulator import setup
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.tables import LoginSession

pytestmark = pytest.mark.browser


@pytest.fixture
def kitchen(empty: RegulatorSettings) -> tuple[RegulatorSettings, list[Sample]]:
    """Three cameras saw one incident; three other incidents lie before it."""
    token = setup.add_canteen(empty, CANTEEN, "第一食堂")
    at = now() - timedelta(minutes=9)
    several = [sample(n, captured_at=at + timedelta(minutes=n), camera_id=f"serving-{n}") for n in (1, 2, 3)]
    rules = ("no_mask", "smoking", "no_hat")
    others = [sample(n, rules[n % 3], captured_at=at - timedelta(hours=n)) for n in (4, 5, 6)]
    deliver(empty, token, [*several, *others])
    return empty, several


def page_of(open_page: Open, settings: RegulatorSettings, username: str, **more: object) -> Page:
    """A browser of that person."""
    page = open_page(settings, log_in=False, **more)
    page.goto(setup.one_time_link(settings, username))
    return page


def forgive(open_page: Open, word: str) -> None:
    """A refusal that the test caused is written to the console by the browser itself."""
    wrong: list[str] = open_page.wrong  # type: ignore[attr-defined]
    wrong[:] = [text for text in wrong if word not in text]


def end_sessions(settings: RegulatorSettings) -> None:
    """As if their time were over."""
    database = Database(settings.url)
    with database.writing() as session:
        session.query(LoginSession).delete()
    database.close()


def test_three_cameras_are_one_entry_which_one_key_decides_and_undoes(
    kitchen: tuple[RegulatorSettings, list[Sample]], open_page: Open
) -> None:
    settings, several = kitchen
    page = open_page(settings)
    expect(page.locator("#total")).to_have_text("4")
    shows(page, 0)
    expect(row(page, 0).locator(".many")).to_contain_text("3")
    expect(page.locator(".incident")).to_contain_text("3 findings · 3 cameras")
    page.locator(".member").first.click()
    expect(page.locator(f'.one[data-id="{several[0].violation_id}"]')).to_be_visible()
    expect(row(page, 0)).to_have_attribute("aria-current", "true")
    page.keyboard.press("y")
    shows(page, 1)
    for one in several:
        assert saved(settings, one.violation_id, 1)["state"] == "confirmed"
    page.keyboard.press("z")
    expect(row(page, 0)).to_have_attribute("data-state", "open")
    for one in several:
        assert saved(settings, one.violation_id, 2)["state"] == "open"


def test_one_of_an_incident_is_decided_alone_or_split_off_for_good(
    kitchen: tuple[RegulatorSettings, list[Sample]], open_page: Open
) -> None:
    settings, several = kitchen
    page = open_page(settings)
    shows(page, 0)
    page.locator("#together").uncheck()
    page.keyboard.press("n")
    page.keyboard.press("1")
    expect(page.locator(f'.one[data-id="{several[2].violation_id}"]')).to_have_count(0)
    assert saved(settings, several[2].violation_id, 1)["state"] == "rejected"
    assert saved(settings, several[0].violation_id, 0)["state"] == "open"
    page.locator(".facts summary", has_text="Split or merge").click()
    page.locator(".change input[name=words]").first.fill("another cook")
    page.get_by_role("button", name="Split this one off").click()
    expect(page.locator("#total")).to_have_text("5")
    expect(page.locator(".facts")).to_contain_text("another cook")


def test_two_inspectors_see_each_other_and_one_takes_over_knowingly(
    kitchen: tuple[RegulatorSettings, list[Sample]], open_page: Open
) -> None:
    settings, _ = kitchen
    for name in ("wang", "li"):
        setup.add_person(settings, name)
    wang = page_of(open_page, settings, "wang")
    with wang.expect_response(lambda answer: answer.url.endswith("/claim")):
        wang.reload()
    li = page_of(open_page, settings, "li")
    expect(li.locator("#claim")).to_contain_text("wang is looking at this one")
    expect(row(li, 0).locator(".claimed")).to_have_text("wang is looking")
    li.keyboard.press("y")
    expect(li.locator("#toast")).to_contain_text("wang is looking at this one")
    first = current(li)
    assert saved(settings, first, 0)["state"] == "open"
    li.locator("#take-over").click()
    expect(li.locator("#claim")).to_be_hidden()
    li.keyboard.press("u")
    shows(li, 1)
    assert saved(settings, first, 1)["decisions"][0]["username"] == "li"
    wang.keyboard.press("y")  # wang has not been told yet, and is now
    expect(wang.locator("#toast")).to_contain_text("li decided 'cannot tell'")
    forgive(open_page, "409")


def test_several_are_selected_by_key_and_decided_at_once(
    kitchen: tuple[RegulatorSettings, list[Sample]], open_page: Open
) -> None:
    settings, several = kitchen
    page = open_page(settings)
    shows(page, 0)
    page.keyboard.press("x")
    page.keyboard.press("j")
    second = shows(page, 1)
    page.keyboard.press("x")
    expect(page.locator("#picked")).to_have_text("2 selected")
    page.locator("#bulk select").select_option("rejected:6")
    page.locator("#bulk input[name=note]").fill("a doll")
    page.locator("#bulk button[type=submit]").click()
    expect(page.locator("#toast")).to_have_text("2 decided")
    shows(page, 2)
    for violation_id in (second, *(one.violation_id for one in several)):
        (made,) = saved(settings, violation_id, 1)["decisions"]
        assert (made["verdict"], made["reason"], made["note"]) == ("rejected", 6, "a doll")
    page.keyboard.press("z")
    wait_for_state(page, second, "open")
    assert saved(settings, several[1].violation_id, 2)["state"] == "open"


def test_a_lost_session_asks_to_log_in_again_and_the_decision_goes_on(
    kitchen: tuple[RegulatorSettings, list[Sample]], open_page: Open
) -> None:
    settings, several = kitchen
    password = setup.add_person(settings, "wang")
    page = page_of(open_page, settings, "wang")
    shows(page, 0)
    page.wait_for_load_state("networkidle")
    end_sessions(settings)
    page.keyboard.press("y")
    dialog = page.get_by_role("dialog", name="You are logged out")
    expect(dialog).to_be_visible()
    dialog.locator("[name=password]").fill("wrong")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("is wrong")
    assert saved(settings, several[0].violation_id, 0)["state"] == "open"
    dialog.locator("[name=password]").fill(password)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert saved(settings, several[0].violation_id, 1)["decisions"][0]["username"] == "wang"
    # A plain form, with words in it, asks before it leaves the page.
    page.goto(f"{setup.address(settings.host, settings.port)}/cases")
    end_sessions(settings)
    page.get_by_role("button", name=re.compile("rder rectification")).click()
    dialog.locator("[name=password]").fill(password)
    page.keyboard.press("Enter")
    expect(page.locator(".timeline")).to_be_visible()
    forgive(open_page, "401")


def test_the_picture_is_looked_at_closely_by_two_fingers_and_made_brighter(
    kitchen: tuple[RegulatorSettings, list[Sample]], open_page: Open
) -> None:
    settings, _ = kitchen
    page = open_page(settings, width=390)
    first = shows(page, 0)
    box = page.locator(".picture").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    devtools = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": at[0], "y": at[1], "id": number} for number, at in enumerate(points)]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    touch("touchStart", (x - 20, y), (x + 20, y))
    for far in (30, 45, 60):
        touch("touchMove", (x - far, y), (x + far, y))
    touch("touchEnd")
    scale = page.locator(".zoomed").evaluate("stage => new DOMMatrix(stage.style.transform).a")
    assert scale == pytest.approx(3, abs=0.1)
    touch("touchStart", (x + 100, y))
    touch("touchMove", (x - 100, y))
    touch("touchEnd")
    assert current(page) == first  # a drag looks around, it does not go on
    page.locator("#brightness").fill("160")
    expect(page.locator("[data-picture]")).to_have_attribute("style", "filter: brightness(1.6);")


def test_keys_work_with_a_chinese_input_method_on(
    kitchen: tuple[RegulatorSettings, list[Sample]], open_page: Open
) -> None:
    settings, _ = kitchen
    page = open_page(settings, language="zh")
    first = shows(page, 0)
    page.evaluate(
        """() => document.body.dispatchEvent(
          new KeyboardEvent("keydown", { key: "Process", code: "KeyY", isComposing: true, bubbles: true }))"""
    )
    shows(page, 1)
    assert saved(settings, first, 1)["state"] == "confirmed"
