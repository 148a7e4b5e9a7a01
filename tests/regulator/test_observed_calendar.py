"""Promises of the calendar's page: who may change it, what a period does to colours, and how periods are listed."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from regulator.asgi import TestClient
from regulator.conftest import Regulator, made
from regulator.sample import CANTEEN
from sqlalchemy import func, select

from kitchenvision.regulator import setup
from kitchenvision.regulator.observed import calendars
from kitchenvision.regulator.observed_tables import ObservedDay
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.policy_tables import ColourRow
from kitchenvision.regulator.scoring import Colour
from kitchenvision.regulator.scoring_calendar import Calendar
from kitchenvision.regulator.scoring_store import strips

MONDAY = date(2026, 11, 16)
AT = datetime(2026, 11, 24, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Regulator]:
    """One canteen in the district, one in another."""
    with made(tmp_path) as regulator:
        setup.add_town(regulator.settings, "far", district_id="far")
        setup.add_canteen(regulator.settings, "far-1", town_id="far")
        setup.add_person(regulator.settings, "wang", "inspector", Place(("default",)))
        yield regulator


def send(browser: TestClient, path: str = "/calendar", **form: object) -> httpx.Response:
    """A form of this session."""
    page = browser.get("/account").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    return browser.post(path, data={**form, "csrf_token": token}, follow_redirects=False)


def known(one: Regulator) -> Calendar:
    """Of the canteen."""
    with one.app.state.parts.database.reading() as session:
        return calendars(session, "default", [CANTEEN])[CANTEEN]


def test_a_week_of_holiday_is_closed_and_can_be_opened_again(one: Regulator) -> None:
    browser = one.logged_in()
    week = {"first": MONDAY.isoformat(), "last": (MONDAY + timedelta(days=4)).isoformat()}
    assert send(browser, **week, what="closed", note="秋假").status_code == 303
    assert list(known(one).between(MONDAY, MONDAY + timedelta(days=6))) == []
    page = browser.get("/calendar").text
    assert page.count("秋假") == 1
    assert '<td class="when">2026-11-20</td>' in page
    assert send(browser, first="2026-11-18", last="2026-11-18", what="normal").status_code == 303
    assert list(known(one).between(MONDAY, MONDAY + timedelta(days=6))) == [date(2026, 11, 18)]
    assert browser.get("/calendar").text.count("秋假") == 2


def test_a_worked_sunday_of_one_canteen_is_its_own(one: Regulator) -> None:
    setup.add_canteen(one.settings, "other")
    sunday = "2026-11-15"
    send(one.logged_in(), first=sunday, last=sunday, what="open", canteen_id=CANTEEN)
    assert known(one).is_open(date(2026, 11, 15))
    with one.app.state.parts.database.reading() as session:
        assert not calendars(session, "default", ["other"])["other"].is_open(date(2026, 11, 15))


def test_a_seven_day_week_for_all(one: Regulator) -> None:
    assert send(one.logged_in(), "/calendar/week", weekdays=[0, 1, 2, 3, 4, 5, 6]).status_code == 303
    assert known(one).is_open(date(2026, 11, 15))
    assert "checked" in one.logged_in().get("/calendar").text


def test_closing_days_that_nobody_watched_makes_the_grey_of_them_go_away(one: Regulator) -> None:
    database = one.app.state.parts.database
    with database.writing() as session:
        for i in range(60):
            day = date(2026, 11, 23) - timedelta(days=i)
            if day.weekday() < 5 and not date(2026, 11, 2) <= day <= date(2026, 11, 18):
                told = {"camera_id": "a", "rule_id": "no_hat", "observed_s": 8 * 3600.0}
                session.add(ObservedDay(canteen_id=CANTEEN, day=day, **told))
    before = strips(database, "default", [CANTEEN], AT, 5)[CANTEEN]
    assert {day.colour for day in before} == {Colour.GREY}
    send(one.logged_in(), first="2026-11-02", last="2026-11-18", what="closed")
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ColourRow)) == 0
    after = strips(database, "default", [CANTEEN], AT, 5)[CANTEEN]
    assert {day.colour for day in after} == {Colour.GREEN}


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"first": "2026-11-02", "last": "2026-11-01", "what": "closed"}, 422),
        ({"first": "2026-01-01", "last": "2026-12-31", "what": "closed"}, 422),
        ({"first": "2026-11-02", "last": "2026-11-02", "what": "sometimes"}, 422),
        ({"first": "soon", "last": "2026-11-02", "what": "closed"}, 422),
        ({"first": "2026-11-02", "last": "2026-11-02", "what": "closed", "canteen_id": "far-1"}, 404),
    ],
)
def test_a_period_that_cannot_be_is_refused(one: Regulator, form: dict[str, str], status: int) -> None:
    assert send(one.logged_in(), **form).status_code == status
    assert known(one) == Calendar()


@pytest.mark.parametrize("weekdays", [[], [7], [-1, 2]])
def test_a_week_that_cannot_be_is_refused(one: Regulator, weekdays: list[int]) -> None:
    assert send(one.logged_in(), "/calendar/week", weekdays=weekdays).status_code == 422


def test_an_inspector_reads_the_calendar_and_cannot_change_it(one: Regulator) -> None:
    wang = one.logged_in("wang")
    assert wang.get("/calendar").status_code == 200
    assert '<form class="take"' not in wang.get("/calendar").text
    assert send(wang, first="2026-11-02", last="2026-11-02", what="closed").status_code == 403
