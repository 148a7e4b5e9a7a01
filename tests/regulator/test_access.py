"""Promises of access: every route and every role, walls between towns and districts, and who saw which picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from regulator.asgi import TestClient
from regulator.conftest import Regulator, made
from regulator.matrix import MATRIX, OPEN_TO_ALL, Row, form_for
from regulator.sample import bearer, sample, send
from sqlalchemy import Select, select, text
from sqlalchemy.exc import IntegrityError

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import case_store, history, people, setup, views
from kitchenvision.regulator.access import EVERYTHING, RIGHTS, Right, Role, Shape, scope_of
from kitchenvision.regulator.case_steps import CasePolicy
from kitchenvision.regulator.case_tables import CaseEventRow
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.tables import Canteen, ViolationRow

# Everybody works in the town `east`; `west` is beside it, `far` belongs to another district.
NAMES = {role: f"{role}-east" for role in Role if role is not Role.OWNER} | {Role.OWNER: "admin"}
OF_CANTEENS = [row for row in MATRIX if row.of_canteen]
HERE, BESIDE, FAR = "canteen-1", "canteen-west", "canteen-far"


@dataclass
class World:
    """Two districts with people of every role, and a browser for each."""

    regulator: Regulator
    browsers: dict[Role, TestClient]
    violations: dict[str, str]
    cases: dict[str, int]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One violation in each of three canteens."""
    with made(tmp_path_factory.mktemp("world")) as one:
        settings = one.settings
        setup.add_town(settings, "east")
        setup.add_town(settings, "west")
        setup.add_town(settings, "far-town", district_id="far")
        setup.move_canteen(settings, HERE, "east")
        tokens = {HERE: one.token}
        tokens[BESIDE] = setup.add_canteen(settings, BESIDE, town_id="west")
        tokens[FAR] = setup.add_canteen(settings, FAR, town_id="far-town")
        for role, name in NAMES.items():
            if role is not Role.OWNER:
                setup.add_person(settings, name, role, place_of(role))
        violations = {}
        for number, (canteen_id, token) in enumerate(tokens.items(), 1):
            reported = sample(number, canteen_id=canteen_id)
            send(one.client, token, [reported])
            violations[canteen_id] = reported.violation_id
        browsers = {role: one.logged_in(name) for role, name in NAMES.items()}
        yield World(one, browsers, violations, with_cases(one, list(tokens.items())))


def with_cases(regulator: Regulator, tokens: list[tuple[str, str]]) -> dict[str, int]:
    """A case in each canteen, of a second violation; the service itself opened it for the owner."""
    cases = {}
    for number, (canteen_id, token) in enumerate(tokens, 300):
        reported = sample(number, canteen_id=canteen_id, captured_at=now())
        send(regulator.client, token, [reported])
        with regulator.app.state.parts.database.writing() as session:
            seen = (reported.violation_id, 0)
            history.decide(session, EVERYTHING, seen, Step(Verdict.CONFIRMED), 1, now())
            cases[canteen_id] = case_store.open_case(
                session, EVERYTHING, reported.violation_id, 1, now(), CasePolicy()
            )
    return cases


def place_of(role: Role) -> Place:
    """Where that role works in `world`."""
    return {Role.INSPECTOR: Place(("east",)), Role.CANTEEN: Place(canteen_id=HERE)}.get(role, Place())


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Every method and path that the application answers."""
    found: set[tuple[str, str]] = set()
    waiting = list(app.routes)
    while waiting:
        route = waiting.pop()
        if isinstance(route, APIRoute):
            found |= {(method, route.path) for method in route.methods}
        elif hasattr(route, "original_router"):
            waiting += route.original_router.routes
    return found


def test_every_route_has_its_row_in_the_matrix(world: World) -> None:
    there = routes(world.regulator.app)
    assert len(there) > 15
    assert {(row.method, row.path) for row in MATRIX} | OPEN_TO_ALL == there


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row.method} {row.path}")
def test_a_role_gets_what_its_rights_say_and_nothing_else(world: World, row: Row) -> None:
    for role, browser in world.browsers.items():
        visitor_rights = RIGHTS[role]
        answer = ask(world, browser, row, HERE)
        allowed = row.right is None or row.right in visitor_rights
        assert (answer.status_code not in (401, 403)) == allowed, (role, answer.status_code, answer.text[:300])
        if allowed:
            assert answer.status_code < 500, (role, answer.text[:300])


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row.method} {row.path}")
def test_nobody_who_is_not_logged_in_gets_anything(world: World, row: Row) -> None:
    answer = ask(world, world.regulator.another_client(), row, HERE)
    assert answer.status_code in (303, 401)
    assert answer.headers.get("location", "/login").startswith("/login")


@pytest.mark.parametrize("row", OF_CANTEENS, ids=lambda row: f"{row.method} {row.path}")
def test_nobody_reaches_what_belongs_to_another_tenant(world: World, row: Row) -> None:
    for role, browser in world.browsers.items():
        for canteen_id in (BESIDE, FAR):
            within = canteen_id == BESIDE and role not in (Role.INSPECTOR, Role.CANTEEN)
            if within:
                continue
            before = contents(world)
            answer = ask(world, browser, row, canteen_id)
            assert answer.status_code in (403, 404), (role, canteen_id, answer.status_code)
            assert canteen_id not in answer.text
            assert contents(world) == before


@pytest.mark.parametrize(
    "row", [row for row in MATRIX if row.method == "GET" and not row.of_canteen], ids=lambda row: row.path
)
def test_no_list_shows_what_belongs_to_another_tenant(world: World, row: Row) -> None:
    for role, browser in world.browsers.items():
        told = ask(world, browser, row, HERE).text
        hidden = [FAR, world.violations[FAR]]
        if role in (Role.INSPECTOR, Role.CANTEEN):
            hidden += [BESIDE, world.violations[BESIDE]]
        assert not [word for word in hidden if word in told], (role, row.path)


def ask(world: World, browser: TestClient, row: Row, canteen_id: str) -> object:
    """One request of the matrix about what belongs to that canteen."""
    path = row.path.replace("{violation_id}", world.violations[canteen_id]).replace("{role}", "snapshot")
    path = path.replace("{canteen_id}", canteen_id).replace("{person_id}", "999").replace("{ending}", "pdf")
    path = path.replace("{case_id}", str(world.cases[canteen_id])).replace("{seq}", "1")
    headers = {"accept": "text/html" if row.page else "application/json"}
    query = row.query
    if row.method == "POST":
        token = csrf_of(browser)
        form = {**form_for(row, world.violations[canteen_id]), "csrf_token": token}
        return browser.post(path, data=form, headers=headers, follow_redirects=False)
    return browser.get(path, params=query, headers=headers, follow_redirects=False)


def csrf_of(browser: TestClient) -> str:
    """Of this session, empty when nobody is logged in."""
    page = browser.get("/account", follow_redirects=False).text
    return page.split('name="csrf_token" value="')[1].split('"')[0] if "csrf_token" in page else ""


def contents(world: World) -> list[tuple[object, ...]]:
    """What decisions have been made and what happened in cases."""
    with world.regulator.app.state.parts.database.reading() as session:
        query = select(ViolationRow.violation_id, ViolationRow.state, ViolationRow.decision_id)
        decided = [tuple(row) for row in session.execute(query.order_by(ViolationRow.violation_id))]
        events = select(CaseEventRow.case_id, CaseEventRow.seq, CaseEventRow.kind)
        return decided + [tuple(row) for row in session.execute(events.order_by(CaseEventRow.event_id))]


def test_the_auditor_and_the_admin_change_nothing_that_is_decided() -> None:
    for role in (Role.AUDITOR, Role.ADMIN, Role.CANTEEN):
        assert Right.DECIDE not in RIGHTS[role]
    assert not RIGHTS[Role.AUDITOR] & {Right.DECIDE, Right.ANSWER, Right.POLICY, Right.PEOPLE}
    assert Right.READ not in RIGHTS[Role.ADMIN]


def covered(shape: Shape) -> Select[str]:
    """Canteens of a scope, as a statement that serves every scope of that form."""
    return select(Canteen.canteen_id).where(shape.covers(Canteen.canteen_id))


@pytest.mark.parametrize("role", list(Role))
def test_a_scope_never_covers_a_canteen_of_another_district(world: World, role: Role) -> None:
    scope = scope_of(role, "default", ("east", "far-town"), HERE)
    with world.regulator.app.state.parts.database.reading() as session:
        seen = set(session.scalars(select(Canteen.canteen_id).where(scope.covers(Canteen.canteen_id))))
        assert set(session.scalars(*scope.asks(covered))) == seen
    assert HERE in seen
    assert FAR not in seen
    assert (BESIDE in seen) == (role not in (Role.INSPECTOR, Role.CANTEEN))


@pytest.mark.parametrize(("role", "towns", "canteen"), [(Role.INSPECTOR, (), None), (Role.CANTEEN, (), None)])
def test_somebody_without_a_place_sees_nothing(
    world: World, role: Role, towns: tuple[str, ...], canteen: str | None
) -> None:
    scope = scope_of(role, "default", towns, canteen)
    with world.regulator.app.state.parts.database.reading() as session:
        assert session.scalars(select(Canteen).where(scope.covers(Canteen.canteen_id))).all() == []
        assert session.scalars(*scope.asks(covered)).all() == []


def test_a_disabled_person_is_out_at_once_and_can_be_let_in_again(regulator: Regulator) -> None:
    password = setup.add_person(regulator.settings, "wang")
    browser = regulator.logged_in("wang")
    assert browser.get("/review").status_code == 200
    setup.set_disabled(regulator.settings, "wang", True)
    assert browser.get("/review", follow_redirects=False).status_code in (303, 401)
    with pytest.raises(SettingsError, match="disabled"):
        setup.one_time_link(regulator.settings, "wang")
    form = {"username": "wang", "password": password}
    assert regulator.another_client().post("/login", data=form).status_code == 401
    setup.set_disabled(regulator.settings, "wang", False)
    assert regulator.another_client().post("/login", data=form, follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("role", "place", "problem"),
    [
        ("inspector", Place(("nowhere",)), "nowhere"),
        ("inspector", Place(("east", "far-town")), "one district"),
        ("district", Place(("east",)), "only inspectors"),
        ("canteen", Place(), "need one"),
        ("canteen", Place(canteen_id="nowhere"), "nowhere"),
        ("auditor", Place(canteen_id=HERE), "others have none"),
    ],
)
def test_a_place_that_does_not_fit_the_role_is_refused(world: World, role: str, place: Place, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        setup.add_person(world.regulator.settings, "somebody", role, place)


def test_who_saw_which_picture_is_kept_once_a_look_and_shown_to_auditors(regulator: Regulator) -> None:
    one = sample()
    send(regulator.client, regulator.token, [one])
    setup.add_person(regulator.settings, "wang")
    setup.add_person(regulator.settings, "audit", Role.AUDITOR)
    wang, base = regulator.logged_in("wang"), f"/api/v1/violations/{one.violation_id}"
    for picture in ("snapshot", "snapshot", "trace", "head_crop"):
        assert wang.get(f"{base}/{picture}").status_code == 200
    regulator.client.get(f"{base}/clip", headers=bearer(regulator.token))
    told = regulator.logged_in("audit").get("/api/v1/picture-views").json()["items"]
    assert [(row["picture"], row["username"]) for row in told] == [
        ("clip", None),
        ("head_crop", "wang"),
        ("snapshot", "wang"),
    ]
    assert {row["violation_id"] for row in told} == {one.violation_id}


def test_the_same_look_counts_again_after_a_while(regulator: Regulator) -> None:
    send(regulator.client, regulator.token, [sample()])
    database, at, noted = regulator.app.state.parts.database, now(), views.Views()
    look = (1, sample().violation_id, "snapshot")
    for later in (timedelta(0), views.SAME_LOOK / 2, views.SAME_LOOK):
        noted.note(database, look, at + later)
    with database.reading() as session:
        found = views.newest(session, EVERYTHING, sample().violation_id)
    assert [one.seen_at for one in found] == [at + views.SAME_LOOK, at]


@pytest.mark.parametrize("change", ["UPDATE picture_views SET person_id = NULL", "DELETE FROM picture_views"])
def test_the_database_refuses_to_change_or_delete_who_saw_what(regulator: Regulator, change: str) -> None:
    send(regulator.client, regulator.token, [sample()])
    regulator.logged_in().get(f"/api/v1/violations/{sample().violation_id}/snapshot")
    database = regulator.app.state.parts.database
    with pytest.raises(IntegrityError, match="only added"), database.writing() as session:
        session.execute(text(change))
    with database.reading() as session:
        assert len(views.newest(session, EVERYTHING)) == 1


def test_each_role_lands_where_it_works(world: World) -> None:
    homes = {
        role: browser.get("/", follow_redirects=False).headers["location"]
        for role, browser in world.browsers.items()
    }
    assert (homes[Role.ADMIN], homes[Role.CANTEEN]) == ("/people", "/cases")
    assert homes[Role.INSPECTOR] == homes[Role.OWNER] == "/review"
    for role, browser in world.browsers.items():
        assert browser.get(homes[role]).status_code == 200


def test_names_on_both_languages_pages(world: World) -> None:
    for language, word in (("zh", "监管员"), ("en", "inspector")):
        assert word in world.browsers[Role.ADMIN].get("/people", params={"lang": language}).text


def test_the_roles_and_pages_agree(world: World) -> None:
    for role, right in product(Role, (Right.REVIEW, Right.PEOPLE)):
        page = world.browsers[role].get("/account").text
        address = {Right.REVIEW: 'href="/review"', Right.PEOPLE: 'href="/people"'}[right]
        assert (address in page) == (right in RIGHTS[role])


def test_people_are_listed_with_their_places(tmp_path: Path) -> None:
    with made(tmp_path) as one:
        setup.add_town(one.settings, "east")
        setup.add_person(one.settings, "wang", Role.INSPECTOR, Place(("east", "default")))
        with one.app.state.parts.database.reading() as session:
            listed = {person.username: person for person in people.listed(session, EVERYTHING)}
    assert listed["wang"].towns == ("default", "east")
    assert listed["admin"].role is Role.OWNER
