"""Log-in by an office's provider in a real browser: its button, and a lost session renewed in another tab."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser.conftest import Open, deliver, running
from browser.test_desk import end_sessions, forgive
from browser.test_review import saved, shows
from playwright.sync_api import expect
from regulator.providers import CLIENT_ID, CLIENT_SECRET, RealProvider, real_provider
from regulator.sample import CANTEEN, sample
from regulator.servers import free_ports

from kitchenvision.regulator import setup
from kitchenvision.regulator.oidc_settings import OidcSettings
from kitchenvision.regulator.settings import RegulatorSettings

pytestmark = pytest.mark.browser


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[RealProvider]:
    """One that knows wang."""
    with real_provider(tmp_path) as one:
        one.knows("17", preferred_username="wang")
        yield one


@pytest.fixture
def office(tmp_path: Path, provider: RealProvider) -> Iterator[RegulatorSettings]:
    """A regulator whose people log in there."""
    (port,) = free_ports(1)
    settings = RegulatorSettings(tmp_path / "data", port=port, language="en")
    oidc = OidcSettings(provider.issuer, CLIENT_ID, CLIENT_SECRET, setup.address(settings.host, port))
    settings = replace(settings, oidc=oidc)
    setup.prepare(settings)
    setup.add_person(settings, "wang")
    token = setup.add_canteen(settings, CANTEEN, "第一食堂")
    with running(settings) as served:
        deliver(served, token, [sample(n) for n in (1, 2)])
        yield served


def test_somebody_without_a_password_logs_in_and_loses_no_work_with_their_session(
    office: RegulatorSettings, provider: RealProvider, open_page: Open
) -> None:
    page = open_page(office, log_in=False)
    page.context.route("https://**", lambda route: route.abort())
    page.goto(setup.address(office.host, office.port) + "/review")
    page.get_by_role("link", name="Log in with your office's account").click()
    page.locator("input[name=sub]").first.fill("17")
    page.keyboard.press("Enter")
    first = shows(page, 0)
    page.wait_for_load_state("networkidle")
    end_sessions(office)
    page.keyboard.press("y")
    dialog = page.get_by_role("dialog", name="You are logged out")
    with page.expect_popup() as opened:
        dialog.get_by_role("link", name="Log in with your office's account").click()
    tab = opened.value
    tab.locator("input[name=sub]").first.fill("17")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="wang")).to_be_visible()
    tab.close()
    page.bring_to_front()
    page.evaluate("window.dispatchEvent(new Event('focus'))")  # a headless browser moves no focus between tabs
    expect(dialog).to_be_hidden()
    assert saved(office, first, 1)["decisions"][0]["username"] == "wang"
    # What the provider's own page asks for, and does not get.
    for expected in ("401", provider.issuer, "cdn.jsdelivr.net", "net::ERR", "404"):
        forgive(open_page, expected)
