"""Takes the pictures of what offices administer: ``python tests/browser/screenshots_office.py CLIPS OUT``.

Run it from the repository. CLIPS holds rendered clips with their truth beside them (sample_videos); no person is
real. Each page in Chinese at 1440 pixels and in English at 390, whole, as WebP.
"""

import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser.conftest import ARGUMENTS, CHROMIUM, running
from sqlalchemy import select

from kitchenvision.commands.seed_scenes import photos, scenes
from kitchenvision.regulator import (
    api_tokens,
    canteens,
    digest_store,
    kiosk,
    people,
    second_factor,
    setup,
    webhook_store,
)
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.api_tokens import Wish
from kitchenvision.regulator.case_tables import CaseRow
from kitchenvision.regulator.mail_settings import MailSettings
from kitchenvision.regulator.oidc_settings import OidcSettings
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.seed_store import Plan, fill
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.vault import Vault
from kitchenvision.regulator.webhook_store import Event, Happening
from kitchenvision.regulator.webhook_tables import Webhook

CANTEEN = "seed-012"
TABLE = """食堂编号,名称,街道编号,纬度,经度
new-1,新星小学,east,29.87,121.55
seed-001,重复的食堂,east,,
,没有编号,east,91,121
"""
SHOTS = (
    # name, who is logged in (empty = nobody), path
    ("login", "", "/login"),
    ("login-down", "", "/login/oidc"),
    ("account", "admin", "/account"),
    ("people", "admin", "/people"),
    ("person", "admin", "/people/2"),
    ("devices", "admin", "/devices"),
    ("import", "admin", "/devices/import"),
    ("webhooks", "admin", "/webhooks"),
    ("webhook", "admin", "/webhooks/1"),
    ("walls", "admin", "/walls"),
    ("digest", "wang", "/digest"),
    ("policies", "admin", "/policies"),
    ("agreement", "admin", "/agreement"),
    ("cases", "admin", "/cases"),
    ("case", "admin", "/cases/{case}"),
    ("my-cases", "chef", "/cases"),
    ("my-case", "chef", "/cases/{mine}"),
    ("not-there", "admin", "/cases/99999"),
    ("not-allowed", "wang", "/people"),
)
EMPTY = (
    ("webhooks-empty", "/webhooks"),
    ("walls-empty", "/walls"),
    ("cases-empty", "/cases"),
    ("digest-empty", "/digest"),
)


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    width: int
    language: str
    scheme: str = "light"

    @property
    def name(self) -> str:
        """The end of a picture's name."""
        return f"{self.language}-{self.width}"


LOOKS = (Look(1440, "zh"), Look(390, "en"))


def page_for(browser: Browser, settings: RegulatorSettings, look: Look, username: str) -> Page:
    """A page of that person, or of nobody."""
    context = browser.new_context(
        viewport={"width": look.width, "height": 900},
        locale="zh-CN" if look.language == "zh" else "en-GB",
        timezone_id="Asia/Shanghai",
        color_scheme=look.scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    if username:
        page.goto(setup.one_time_link(settings, username))
    return page


def keep(page: Page, out: Path, name: str) -> None:
    """The whole page as WebP; says when it is wider than the window."""
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wide > 0:
        sys.stdout.write(f"{name}: {wide} px too wide\n")
    picture = cv2.imdecode(np.frombuffer(page.screenshot(full_page=True), np.uint8), cv2.IMREAD_COLOR)
    cv2.imwrite(str(out / f"{name}.webp"), picture[:2400], [cv2.IMWRITE_WEBP_QUALITY, 80])
    page.context.close()


def furnish(settings: RegulatorSettings) -> dict[str, int]:
    """People, tokens, webhooks, links and a digest; returns ids of two cases."""
    at = datetime.now(UTC)
    setup.add_person(settings, "wang", Role.INSPECTOR, Place(_towns(settings)[-1:]))
    setup.add_person(settings, "zhao", Role.AUDITOR)
    setup.add_person(settings, "chef", Role.CANTEEN, Place(canteen_id=CANTEEN))
    setup.set_disabled(settings, "zhao", True)
    vault = Vault(settings.data_dir)
    with setup.opened(settings) as database, database.writing() as session:
        logged_in = people.begin_session(session, 1, at, 3600.0)
        session.flush()
        owner = people.visitor_of(session, logged_in, at)
        assert owner is not None
        second_factor.begin(session, vault, owner.person_id, owner.username)
        api_tokens.make(session, EVERYTHING, owner.person_id, Wish("统计局", ("read", "export"), 90), at)
        wish = ("https://events.office.example/kitchens", list(Event))
        webhook_store.add(session, vault, EVERYTHING, owner.person_id, wish, at)
        hook = session.get_one(Webhook, 1)
        told = {"canteen_id": CANTEEN, "canteen": "第七小学", "case_id": 12, "number": "2026-00012"}
        found = [Happening(f"{one}:{n}", one, at, hook.district_id, told) for n, one in enumerate(Event)]
        webhook_store.queue(session, hook, found, at - timedelta(minutes=3))
        for answer in ((204, ""), (503, "Service Unavailable")):
            claimed = webhook_store.claim(session, vault, at)
            assert claimed is not None
            webhook_store.report(session, claimed, answer, at, timedelta(days=5))
        kiosk.make(session, owner, "指挥中心大屏", "", at)
        digest_store.ask(session, owner, "chief@office.example", "zh", at)
        own = select(CaseRow.case_id).where(CaseRow.canteen_id == CANTEEN).order_by(CaseRow.case_id.desc())
        return {
            "case": session.scalars(select(CaseRow.case_id)).first() or 1,
            "mine": session.scalars(own).first() or 1,
        }


def _towns(settings: RegulatorSettings) -> tuple[str, ...]:
    with setup.opened(settings) as database, database.reading() as session:
        return tuple(town.town_id for town in canteens.towns(session, EVERYTHING))


def check_table(page: Page) -> None:
    """A table with flaws, looked through."""
    page.set_input_files("input[type=file]", {"name": "t.csv", "mimeType": "text/csv", "buffer": TABLE.encode()})
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_selector(".list")
    page.wait_for_load_state("networkidle")


def main() -> None:
    """Every shot into the folder."""
    clips, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        oidc = OidcSettings("http://127.0.0.1:9", "kitchen", "-", "http://127.0.0.1:1", name="区教育局")
        mail = MailSettings("127.0.0.1", "kitchen@office.example", "https://regulator.example")
        empty = RegulatorSettings(Path(folder) / "empty", port=0)
        settings = replace(empty, data_dir=Path(folder) / "data", oidc=oidc, mail=mail)
        for one in (empty, settings):
            setup.prepare(one)
        with running(empty) as served:
            for look in LOOKS:
                for name, path in EMPTY:
                    page = page_for(browser, served, look, "admin")
                    page.goto(setup.address(served.host, served.port) + path)
                    keep(page, out, f"{name}-{look.name}")
        fill(settings, Plan(24, 30, 1, datetime.now(UTC)), scenes(clips), photos(clips))
        ids = furnish(settings)
        with running(settings) as served:
            for look in LOOKS:
                for name, username, path in SHOTS:
                    page = page_for(browser, served, look, username)
                    page.goto(setup.address(served.host, served.port) + path.format(**ids))
                    page.wait_for_load_state("networkidle")
                    if name == "import":
                        check_table(page)
                    keep(page, out, f"{name}-{look.name}")
        browser.close()


if __name__ == "__main__":
    main()
