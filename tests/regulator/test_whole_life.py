"""The whole life of a case in a real browser: from the edge's report to acceptance and the colour that it leaves,
and to an appeal that wins, which gives the colour back and teaches the detector.
"""

import csv
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from browser.conftest import Open, chromium, deliver, empty, open_page
from playwright.sync_api import Page, expect
from regulator.sample import CANTEEN, boxes_at, drawn, sample

from kitchenvision.commands import feedback
from kitchenvision.regulator import setup
from kitchenvision.regulator.access import Role
from kitchenvision.regulator.messages import CATALOGUE
from kitchenvision.regulator.observed_tables import ObservedDay
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.settings import Language, RegulatorSettings

pytestmark = pytest.mark.browser
__all__ = ["chromium", "empty", "open_page"]  # fixtures of the browser tests, used by name


@dataclass
class Walk:
    """A regulator in which one violation has arrived, and a way to open pages as somebody."""

    settings: RegulatorSettings
    language: Language
    open: Open
    violation_id: str

    def word(self, key: str, **values: object) -> str:
        """A message in the language of this walk."""
        return CATALOGUE[self.language][key].format(**values)

    def page_of(self, username: str, width: int) -> Page:
        """A browser of that person, logged in."""
        page = self.open(self.settings, width, self.language, log_in=False)
        page.goto(setup.one_time_link(self.settings, username))
        return page

    def press(self, page: Page, key: str) -> None:
        """The button with that word."""
        page.get_by_role("button", name=self.word(key), exact=True).click()

    def refused(self, page: Page, key: str) -> None:
        """The page says why not, and the browser logs the 409 that came with it, once."""
        expect(page.get_by_role("alert")).to_contain_text(self.word(key))
        logged: list[str] = self.open.wrong  # type: ignore[attr-defined]
        logged.remove(next(text for text in logged if "409 (Conflict)" in text))

    def confirmed_and_ordered(self) -> str:
        """Wang confirms by keyboard and orders rectification; the address of the case."""
        desk = self.page_of("wang", 1440)
        expect(desk.locator(f'.one[data-id="{self.violation_id}"]')).to_be_visible()
        with desk.expect_response(lambda answer: answer.url.split("?")[0].endswith("/decision")) as answer:
            desk.keyboard.press("y")
        assert answer.value.status == 200
        desk.get_by_role("link", name=self.word("nav.cases")).click()
        expect(desk.get_by_text(self.word("cases.waiting"))).to_be_visible()
        self.press(desk, "cases.open")
        expect(desk.get_by_text(self.word("case.state.notified")).first).to_be_visible()
        expect(desk.get_by_text(self.word("case.next.canteen"))).to_be_visible()
        return desk.url

    def case_on_the_phone(self) -> Page:
        """The chef opens the only thing there is to do."""
        phone = self.page_of("chef", 390)
        expect(phone.get_by_role("heading", name=self.word("cases.mine"))).to_be_visible()
        phone.locator(".case-list .what").click()
        expect(phone.get_by_text(self.word("mine.do.no_hat"))).to_be_visible()
        return phone

    def has_colour(self, colour: str) -> None:
        """Parents see that colour on the public page, as shape and word too."""
        page = self.open(self.settings, 390, self.language, log_in=False)
        page.goto(f"{setup.address(self.settings.host, self.settings.port)}/public/{CANTEEN}")
        expect(page.locator(".verdict-card")).to_have_class(re.compile(rf"\b{colour}\b"))
        expect(page.locator(".verdict-card")).to_contain_text(self.word(f"colour.{colour}"))

    def stored(self) -> dict[str, object]:
        """What the service keeps of the violation."""
        with httpx.Client(trust_env=False, follow_redirects=True) as client:
            client.get(setup.one_time_link(self.settings)).raise_for_status()
            base = setup.address(self.settings.host, self.settings.port)
            return dict(client.get(f"{base}/api/v1/violations/{self.violation_id}").json())


def watch(settings: RegulatorSettings, cameras: int = 4) -> None:
    """Eight hours of each camera on every weekday of the last six weeks, so that there is a colour."""
    today = now().astimezone(ZoneInfo(settings.timezone)).date()
    days = [day for back in range(1, 43) if (day := today - timedelta(days=back)).weekday() < 5]
    with setup.opened(settings) as database, database.writing() as session:
        session.add_all(
            ObservedDay(
                canteen_id=CANTEEN, day=day, camera_id=f"camera-{n}", rule_id="no_hat", observed_s=8 * 3600.0
            )
            for day in days
            for n in range(cameras)
        )


@pytest.fixture(params=["zh", "en"])
def walk(request: pytest.FixtureRequest, empty: RegulatorSettings, open_page: Open) -> Walk:
    """One in each language."""
    token = setup.add_canteen(empty, CANTEEN, "第一食堂")
    for name in ("wang", "li"):
        setup.add_person(empty, name)
    setup.add_person(empty, "chef", Role.CANTEEN, Place(canteen_id=CANTEEN))
    one = sample(1, "no_hat", captured_at=now())
    deliver(empty, token, [one])
    watch(empty)
    return Walk(empty, request.param, open_page, one.violation_id)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """What the phone's camera takes."""
    file = tmp_path / "photo.jpg"
    file.write_bytes(drawn(7, boxes_at(now())))
    return file


def test_from_the_report_to_the_acceptance_and_its_colour(walk: Walk, photo: Path) -> None:
    walk.has_colour("green")
    address = walk.confirmed_and_ordered()
    walk.has_colour("blue")
    phone = walk.case_on_the_phone()
    walk.press(phone, "mine.send")
    walk.refused(phone, "refused.no_words")
    phone.locator("#answer input[type=file]").set_input_files(photo)
    expect(phone.locator("#answer canvas.preview")).to_be_visible()
    phone.locator("#answer textarea").fill("全体人员已戴好工作帽")
    walk.press(phone, "mine.send")
    expect(phone.get_by_role("status")).to_contain_text(walk.word("mine.sent.answered"))

    desk = walk.page_of("wang", 1440)
    desk.goto(address)
    expect(desk.locator(".timeline").get_by_text("全体人员已戴好工作帽")).to_be_visible()
    taken = desk.locator(f'.compare img[alt="{walk.word("case.photo")}"]')
    assert taken.evaluate("image => image.decode().then(() => image.naturalWidth)") == 640
    walk.press(desk, "case.do.accepted")
    expect(desk.locator(".step.closed")).to_have_text(walk.word("case.state.closed"))
    phone.reload()
    expect(phone.get_by_role("status")).to_contain_text(walk.word("mine.sent.closed"))
    assert walk.stored()["state"] == "confirmed"
    walk.has_colour("green")  # rectified in time: half of the points are taken off


def test_an_appeal_that_wins_takes_everything_back_and_teaches(walk: Walk, tmp_path: Path) -> None:
    address = walk.confirmed_and_ordered()
    walk.has_colour("blue")
    phone = walk.case_on_the_phone()
    phone.get_by_text(walk.word("mine.wrong")).click()
    phone.locator("#appeal textarea").fill("画面里的是访客")
    walk.press(phone, "mine.appeal_send")
    expect(phone.get_by_role("status")).to_contain_text(walk.word("mine.sent.appealed"))

    decider = walk.page_of("wang", 1440)
    decider.goto(address)
    expect(decider.get_by_text(walk.word("case.next.same_person"))).to_be_visible()
    assert decider.locator(".actions button").count() == 0

    another = walk.page_of("li", 1440)
    another.goto(address)
    another.locator("textarea").fill("帽子戴着")
    another.locator("select[name=reason]").select_option("1")
    walk.press(another, "case.do.overturned")
    expect(another.locator(".step.overturned")).to_have_text(walk.word("case.state.overturned"))
    phone.reload()
    expect(phone.get_by_role("status")).to_contain_text(walk.word("mine.sent.overturned"))
    assert walk.stored()["state"] == "rejected"
    walk.has_colour("green")
    feedback.export(tmp_path / "taught", 0.0, walk.settings.data_dir)
    with (tmp_path / "taught" / "feedback.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    told = [(row["canteen_id"], row["rule_id"], row["reason"], row["meaning"]) for row in rows]
    assert told == [(CANTEEN, "no_hat", "1", "covered")]
    assert list((tmp_path / "taught").rglob("*.jpg"))


def test_an_answer_that_is_not_enough_comes_back_with_the_reason(walk: Walk, photo: Path) -> None:
    address = walk.confirmed_and_ordered()
    phone = walk.case_on_the_phone()
    phone.locator("#answer input[type=file]").set_input_files(photo)
    phone.locator("#answer textarea").fill("改了")
    walk.press(phone, "mine.send")
    expect(phone.get_by_role("status")).to_be_visible()
    desk = walk.page_of("wang", 1440)
    desk.goto(address)
    walk.press(desk, "case.do.returned")
    walk.refused(desk, "refused.no_words")
    desk.locator("textarea").fill("照片里还有人没戴")
    walk.press(desk, "case.do.returned")
    expect(desk.locator(".step.returned")).to_be_visible()
    phone.reload()
    expect(phone.locator(".note")).to_contain_text("照片里还有人没戴")
    expect(phone.locator("#answer")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
