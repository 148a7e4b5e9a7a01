"""Every page of the people's side, in both languages, wide and on a phone: axe-core finds nothing serious."""

from datetime import timedelta

import pytest
from browser.accessible import found_on
from browser.conftest import Open, deliver
from regulator.sample import CANTEEN, sample

from kitchenvision.regulator import setup, webhook_store
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.vault import Vault
from kitchenvision.regulator.webhook_store import Event

pytestmark = pytest.mark.browser
PAGES = (
    *("/review", "/review?state=", "/review?state=second", "/review/0123", "/agreement", "/cases", "/cases/1"),
    *("/district", f"/canteens/{CANTEEN}", "/policies", "/calendar", f"/public/{CANTEEN}"),
    *("/people", "/people/2", "/devices", "/devices/import", "/account", "/login/code", "/webhooks", "/webhooks/1"),
    *("/cockpit/map", "/walls", "/digest"),
)


@pytest.mark.parametrize(("language", "width"), [("zh", 1440), ("en", 390)])
def test_nothing_serious_is_found_on_any_page(
    empty: RegulatorSettings, open_page: Open, language: str, width: int
) -> None:
    token = setup.add_canteen(empty, CANTEEN, "第一食堂")
    setup.add_person(empty, "chef", Role.CANTEEN, Place(canteen_id=CANTEEN))
    with setup.opened(empty) as database, database.writing() as session:
        wish = ("https://office.example/hook", list(Event))
        webhook_store.add(session, Vault(empty.data_dir), EVERYTHING, 1, wish, now())
    at = now() - timedelta(minutes=9)
    several = [sample(n, captured_at=at + timedelta(minutes=n), camera_id=f"serving-{n}") for n in (1, 2)]
    deliver(empty, token, [*several, sample(3, "smoking", captured_at=at)])
    page = open_page(empty, width=width, language=language)
    page.locator(".one").wait_for()
    with page.expect_response(lambda answer: answer.url.split("?")[0].endswith("/decision")):
        page.keyboard.press("y")
    home = setup.address(empty.host, empty.port)
    page.goto(f"{home}/cases")
    page.locator(".waiting .button.primary").click()
    page.locator(".timeline").wait_for()
    wrong = {}
    for path in PAGES:
        page.goto(home + path)
        wrong[path] = found_on(page)
    page.goto(setup.one_time_link(empty, "chef"))
    for path in ("/cases", "/cases/1"):
        page.goto(home + path)
        wrong[f"chef {path}"] = found_on(page)
    assert {path: found for path, found in wrong.items() if found} == {}
    logged: list[str] = open_page.wrong  # type: ignore[attr-defined]
    logged[:] = [text for text in logged if "404 (Not Found)" not in text]  # of /review/0123, asked on purpose
