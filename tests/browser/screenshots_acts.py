"""What is done on a page before its picture is taken."""

import json
from collections.abc import Callable

from playwright.sync_api import Page

Act = Callable[[Page], None]
TABLE = """食堂编号,名称,街道编号,纬度,经度
new-1,新星小学,east,29.87,121.55
seed-001,重复的食堂,east,,
,没有编号,east,91,121
"""
_WAIT_MS = 15_000


def send(action: str, button: str = "button[type=submit]", **values: str) -> Act:
    """Fill the fields of the form with that action and send it, whatever the browser itself would object to."""

    def act(page: Page) -> None:
        form = page.locator(f'form[action="{action}"]').last
        form.evaluate("form => { form.noValidate = true; }")
        for name, value in values.items():
            form.locator(f"[name={name}]").first.fill(value)
        with page.expect_navigation():
            form.locator(button).first.evaluate("button => button.click()")

    return act


def clicks(selector: str, shown: str) -> Act:
    """Click, and wait for what it shows."""

    def act(page: Page) -> None:
        page.locator(selector).first.click()
        page.locator(shown).first.wait_for(timeout=_WAIT_MS)

    return act


def refused_step(kind: str) -> Act:
    """Rule on a case without a word, or answer one without a photo."""

    def act(page: Page) -> None:
        with page.expect_navigation():
            if kind == "answered":
                page.locator("#answer button[type=submit]").click()
            else:
                page.locator(f"button[name=kind][value={kind}]").click()

    return act


def check_table(page: Page) -> None:
    """A table with flaws, looked through."""
    _upload(page, "t.csv", TABLE.encode())


def check_nonsense(page: Page) -> None:
    """A file that is no table."""
    _upload(page, "t.xlsx", b"no table")


def _upload(page: Page, name: str, data: bytes) -> None:
    page.set_input_files("input[type=file]", {"name": name, "mimeType": "text/csv", "buffer": data})
    with page.expect_navigation():
        page.locator("main form button[type=submit]").first.click()


def another_policy(page: Page) -> None:
    """The district under a stricter policy."""
    policy = json.loads(page.input_value("#text"))
    policy["thresholds"].update(blue=2, yellow=5, red=12)
    page.fill("#text", json.dumps(policy, indent=2, ensure_ascii=False))
    page.click(".policy-form .primary")
    page.wait_for_selector(".changed")


def undeliverable(page: Page) -> None:
    """A decision while the service is gone."""
    page.route("**/decision", lambda route: route.abort())
    page.keyboard.press("y")
    page.locator("#toast").wait_for(timeout=_WAIT_MS)


def service_gone(page: Page) -> None:
    """A wall whose events no longer come."""
    page.route("**/cockpit/events*", lambda route: route.abort())
    page.reload()
    page.locator("#broken").wait_for(timeout=3 * _WAIT_MS)


def crossing_edges(page: Page) -> None:
    """A zone that cannot be, saved."""
    page.locator(".handle").first.focus()
    for _ in range(13):
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(9):
        page.keyboard.press("Shift+ArrowDown")
    page.locator("#save").click()
    page.locator("#wrong").wait_for(timeout=_WAIT_MS)


def zone_chosen(page: Page) -> None:
    """The editor with a picture below the zones."""
    page.locator(".handle").first.wait_for(timeout=_WAIT_MS)
