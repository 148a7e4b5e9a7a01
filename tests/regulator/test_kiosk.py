"""Promises of links to walls: one wall, nothing else, until it is revoked."""

import re

import pytest
from regulator.asgi import TestClient
from regulator.conftest import Regulator
from regulator.matrix import MATRIX
from regulator.sample import CANTEEN, sample, send
from regulator.test_account import form_of

from kitchenvision.regulator import kiosk, setup
from kitchenvision.regulator.access import Role
from kitchenvision.regulator.parts import now

JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


@pytest.fixture
def world(regulator: Regulator) -> Regulator:
    """A canteen in each of two towns and one in another district, each with a live picture and an open finding."""
    settings = regulator.settings
    setup.add_town(settings, "west", "西街")
    setup.add_town(settings, "far-town", district_id="far")
    tokens = {CANTEEN: regulator.token}
    tokens["west-1"] = setup.add_canteen(settings, "west-1", "西一", town_id="west")
    tokens["far-1"] = setup.add_canteen(settings, "far-1", "远一", town_id="far-town")
    for number, (canteen, token) in enumerate(tokens.items()):
        send(regulator.client, token, [sample(number + 1, canteen_id=canteen)])
        regulator.app.state.parts.wall.put((canteen, "c1"), JPEG, now(), now())
    return regulator


def link(regulator: Regulator, town: str = "", name: str = "大厅") -> str:
    """A link made on the page; its path."""
    browser = regulator.logged_in()
    page = browser.post("/walls", data=form_of(browser, name=name, town_id=town)).text
    found = re.search(r"http://regulator\.test(/wall/[\w-]+)", page)
    assert found, page[-1500:]
    assert found.group(1) not in browser.get("/walls").text
    return found.group(1)


def screen(regulator: Regulator, path: str) -> TestClient:
    """A screen on which the link was opened."""
    browser = regulator.another_client(("192.0.2.7", 5000))
    answer = browser.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/cockpit")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "Path=/cockpit" in answer.headers["set-cookie"]
    return browser


def test_a_link_opens_the_wall_of_its_district_without_an_account(world: Regulator) -> None:
    wall = screen(world, link(world))
    assert wall.get("/cockpit").status_code == 200
    told = wall.get("/cockpit/events", params={"once": "true"}).text
    assert CANTEEN in told
    assert "west-1" in told
    assert "far-1" not in told
    assert "远一" not in told
    assert wall.get(f"/cockpit/pictures/{CANTEEN}/c1").content == JPEG
    assert wall.get("/cockpit/pictures/far-1/c1").status_code == 404
    assert wall.get("/cockpit/map").status_code == 200


def test_a_link_of_a_town_shows_that_town_alone(world: Regulator) -> None:
    wall = screen(world, link(world, "west"))
    told = wall.get("/cockpit/events", params={"once": "true"}).text
    assert "west-1" in told
    assert CANTEEN not in told
    assert wall.get(f"/cockpit/pictures/{CANTEEN}/c1").status_code == 404
    assert wall.get("/cockpit/pictures/west-1/c1").status_code == 200


@pytest.mark.parametrize(
    "row", [row for row in MATRIX if not row.path.startswith("/cockpit")], ids=lambda r: r.path
)
def test_a_wall_opens_nothing_else(wall: TestClient, row: object) -> None:
    path = re.sub(r"\{\w+\}", "1", row.path)  # type: ignore[attr-defined]
    method = row.method  # type: ignore[attr-defined]
    # Whatever a screen may send, not only what its browser would.
    cookie = {"cookie": f"{kiosk.COOKIE}={wall.cookies[kiosk.COOKIE]}"}
    answer = wall.request(method, path, headers=cookie, follow_redirects=False)
    assert answer.status_code in (303, 401), answer.text[:200]
    assert answer.headers.get("location", "/login").startswith("/login")


@pytest.fixture(scope="module")
def wall(library: Regulator) -> TestClient:
    """A screen of a regulator that others only read."""
    return screen(library, link(library))


def test_a_revoked_link_ends_the_wall(world: Regulator) -> None:
    path = link(world)
    wall, browser = screen(world, path), world.logged_in()
    revoke = re.search(r"/walls/\d+/revoke", browser.get("/walls").text)
    assert revoke
    assert browser.post(revoke.group(0), data=form_of(browser), follow_redirects=False).status_code == 303
    assert wall.get("/cockpit", headers={"accept": "text/html"}, follow_redirects=False).status_code == 303
    assert wall.get("/cockpit/events", params={"once": "true"}).status_code == 401
    assert wall.get(f"/cockpit/pictures/{CANTEEN}/c1").status_code == 401
    assert world.another_client().get(path).status_code == 404
    assert revoke.group(0) not in browser.get("/walls").text


def test_a_screen_that_is_shown_events_goes_dark_once_its_link_is_revoked(world: Regulator) -> None:
    class Asking:
        """A request of that screen."""

        cookies = {kiosk.COOKIE: link(world).removeprefix("/wall/")}  # noqa: RUF012

    parts = world.app.state.parts
    assert kiosk.still_open(parts, Asking())  # type: ignore[arg-type]
    with parts.database.writing() as session:
        session.get_one(kiosk.WallLink, 1).revoked_at = now()
    assert not kiosk.still_open(parts, Asking())  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/wall/guessed", "/wall/", "/wall/" + "x" * 500])
def test_a_guessed_link_opens_nothing(regulator: Regulator, path: str) -> None:
    assert regulator.another_client().get(path, follow_redirects=False).status_code == 404


def test_somebody_who_may_not_see_the_wall_does_not_by_being_logged_in_beside_it(world: Regulator) -> None:
    setup.add_person(world.settings, "boss", Role.ADMIN)
    browser = world.logged_in("boss")
    browser.get(link(world), follow_redirects=False)
    assert browser.get("/cockpit", follow_redirects=False).status_code == 403


def test_wrong_wishes_are_refused_and_nobody_ends_a_link_elsewhere(world: Regulator) -> None:
    browser = world.logged_in()
    for fields in ({"name": ""}, {"name": "x", "town_id": "far-town"}, {"name": "x", "town_id": "nowhere"}):
        assert browser.post("/walls", data=form_of(browser, **fields)).status_code == 422
    link(world)
    with world.app.state.parts.database.writing() as session:
        session.get_one(kiosk.WallLink, 1).district_id = "far"
    assert "大厅" not in browser.get("/walls").text
    assert browser.post("/walls/1/revoke", data=form_of(browser), follow_redirects=False).status_code == 404


def test_the_links_token_is_kept_as_a_hash_and_when_it_was_opened_last(world: Regulator) -> None:
    path = link(world)
    screen(world, path)
    kept = b"".join(one.read_bytes() for one in world.settings.data_dir.glob("regulator.sqlite3*"))
    assert path.removeprefix("/wall/").encode() not in kept
    with world.app.state.parts.database.reading() as session:
        assert session.get_one(kiosk.WallLink, 1).opened_at is not None
