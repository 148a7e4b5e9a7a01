"""Promises of administration: people and edge boxes of one's own district alone, secrets once, every deed kept."""

import re
from datetime import timedelta
from typing import Any

import pytest
from regulator.asgi import TestClient
from regulator.conftest import Regulator
from regulator.sample import CANTEEN, bearer, sample, send, send_report
from regulator.test_account import form_of, turned_on
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from kitchenvision.regulator import admin_log, canteens, setup
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Listed, Place, Visitor

SECRET = re.compile(r"<pre tabindex=\"0\">([^<]+)</pre>")


@pytest.fixture
def admin(regulator: Regulator) -> TestClient:
    """An administrator who is no owner, in a district with the town `east`; `far-li` is of another one."""
    settings = regulator.settings
    setup.add_town(settings, "east", "东街")
    setup.add_town(settings, "far-town", district_id="far")
    setup.add_canteen(settings, "canteen-far", town_id="far-town")
    setup.add_person(settings, "far-li", Role.INSPECTOR, Place(("far-town",)))
    setup.add_person(settings, "boss", Role.ADMIN)
    setup.add_person(settings, "wang", Role.INSPECTOR, Place(("east",)))
    return regulator.logged_in("boss")


def post(browser: TestClient, path: str, **fields: Any) -> Any:
    """Send a form, with a file or without."""
    files = {"table": fields.pop("table")} if "table" in fields else None
    return browser.post(path, data=form_of(browser, **fields), files=files, follow_redirects=False)


def person(regulator: Regulator, name: str) -> Listed:
    """One of them."""
    return next(one for one in setup.listed_people(regulator.settings) if one.username == name)


def logs_in(regulator: Regulator, username: str, password: str) -> bool:
    """Whether that password lets them in."""
    form = {"username": username, "password": password}
    return regulator.another_client().post("/login", data=form, follow_redirects=False).status_code == 303


def test_somebody_is_added_with_a_password_that_is_shown_once(regulator: Regulator, admin: TestClient) -> None:
    page = post(admin, "/people", username="li", role="inspector", town=["east", "default"], canteen_id=CANTEEN)
    found = SECRET.search(page.text)
    assert found
    assert logs_in(regulator, "li", found.group(1))
    assert person(regulator, "li").towns == ("default", "east")
    assert found.group(1) not in admin.get("/people").text


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "", "role": "inspector", "town": ["east"]},
        {"username": "wang", "role": "inspector", "town": ["east"]},
        {"username": "li", "role": "inspector"},
        {"username": "li", "role": "inspector", "town": ["far-town"]},
        {"username": "li", "role": "canteen", "canteen_id": "canteen-far"},
        {"username": "li", "role": "canteen"},
        {"username": "li", "role": "owner"},
        {"username": "li", "role": "king"},
    ],
)
def test_what_does_not_fit_or_is_not_his_to_give_is_refused(
    regulator: Regulator, admin: TestClient, fields: dict[str, Any]
) -> None:
    before = setup.listed_people(regulator.settings)
    assert post(admin, "/people", **fields).status_code == 422
    assert setup.listed_people(regulator.settings) == before


def test_people_added_by_an_administrator_are_of_his_district(regulator: Regulator, admin: TestClient) -> None:
    setup.add_person(regulator.settings, "far-boss", Role.ADMIN)
    with regulator.app.state.parts.database.writing() as session:
        session.execute(text("UPDATE people SET district_id = 'far' WHERE username = 'far-boss'"))
    far = regulator.logged_in("far-boss")
    assert post(far, "/people", username="far-chief", role="district").status_code == 200
    assert "far-chief" not in admin.get("/people").text
    assert "far-chief" in far.get("/people").text
    assert post(far, f"/people/{person(regulator, 'wang').person_id}/password").status_code == 404
    assert far.get(f"/people/{person(regulator, 'wang').person_id}").status_code == 404


STEPS = ("place", "password", "second-factor", "sessions", "disabled")


@pytest.mark.parametrize("step", STEPS)
def test_an_administrator_changes_neither_himself_nor_an_owner_nor_anybody_elsewhere(
    regulator: Regulator, admin: TestClient, step: str
) -> None:
    before = setup.listed_people(regulator.settings)
    fields = {"role": "auditor", "disabled": "true"}
    status = {
        name: post(admin, f"/people/{person(regulator, name).person_id}/{step}", **fields).status_code
        for name in ("boss", "admin", "far-li")
    }
    assert status == {"boss": 422, "admin": 403, "far-li": 404}
    assert post(admin, f"/people/999/{step}", **fields).status_code == 404
    assert setup.listed_people(regulator.settings) == before
    assert logs_in(regulator, "admin", regulator.password)


def test_an_owner_may_change_another_owner(regulator: Regulator, admin: TestClient) -> None:
    setup.add_person(regulator.settings, "second", Role.OWNER)
    owner = regulator.logged_in()
    path = f"/people/{person(regulator, 'second').person_id}"
    assert 'value="owner"' in owner.get(path).text
    assert 'value="owner"' not in admin.get("/people").text
    assert post(owner, f"{path}/place", role="auditor").status_code == 200
    assert person(regulator, "second").role is Role.AUDITOR


def test_another_role_counts_at_once_and_ends_the_sessions(regulator: Regulator, admin: TestClient) -> None:
    wang = regulator.logged_in("wang")
    path = f"/people/{person(regulator, 'wang').person_id}/place"
    assert post(admin, path, role="canteen", canteen_id=CANTEEN, town=["east"]).status_code == 200
    assert wang.get("/session").status_code == 401
    assert person(regulator, "wang").canteen_id == CANTEEN
    assert person(regulator, "wang").towns == ()
    assert regulator.logged_in("wang").get("/review").status_code == 403
    assert post(admin, path, role="inspector", town=["east", "default"]).status_code == 200
    assert person(regulator, "wang").towns == ("default", "east")


def test_a_password_is_reset_and_sessions_end(regulator: Regulator, admin: TestClient) -> None:
    wang, path = regulator.logged_in("wang"), f"/people/{person(regulator, 'wang').person_id}"
    page = post(admin, f"{path}/password")
    found = SECRET.search(page.text)
    assert found
    assert wang.get("/session").status_code == 401
    assert logs_in(regulator, "wang", found.group(1))
    again = regulator.logged_in("wang")
    assert post(admin, f"{path}/sessions").status_code == 200
    assert again.get("/session").status_code == 401


def test_a_lost_phone_is_helped_by_the_administrator(regulator: Regulator, admin: TestClient) -> None:
    turned_on(regulator.logged_in("wang"))
    path = f"/people/{person(regulator, 'wang').person_id}"
    password = SECRET.search(post(admin, f"{path}/password").text)
    assert password
    form = {"username": "wang", "password": password.group(1)}
    answer = regulator.another_client().post("/login", data=form, follow_redirects=False)
    assert answer.headers["location"].startswith("/login/code")
    assert post(admin, f"{path}/second-factor").status_code == 200
    answer = regulator.another_client().post("/login", data=form, follow_redirects=False)
    assert not answer.headers["location"].startswith("/login/code")


def test_somebody_is_kept_out_and_let_in_again(regulator: Regulator, admin: TestClient) -> None:
    wang, path = regulator.logged_in("wang"), f"/people/{person(regulator, 'wang').person_id}/disabled"
    assert post(admin, path, disabled="true").status_code == 303
    assert wang.get("/session").status_code == 401
    assert person(regulator, "wang").disabled_at is not None
    assert post(admin, path, disabled="false").status_code == 303
    assert person(regulator, "wang").disabled_at is None


def test_every_deed_is_kept_with_who_did_it_and_no_secret(regulator: Regulator, admin: TestClient) -> None:
    made = post(admin, "/people", username="li", role="auditor")
    path = f"/people/{person(regulator, 'li').person_id}"
    for step in ("password", "sessions"):
        post(admin, f"{path}/{step}")
    token = post(admin, f"/devices/{CANTEEN}/token")
    database = regulator.app.state.parts.database
    boss = Visitor(person(regulator, "boss").person_id, "boss", Role.ADMIN, "", EVERYTHING)
    with database.reading() as session:
        kept = session.execute(text("SELECT what, about FROM admin_log ORDER BY entry_id")).all()
        assert admin_log.newest(session, boss) == []  # a district's own alone
    assert kept == [
        ("person_added", "li"),
        ("password_reset", "li"),
        ("sessions_ended", "li"),
        ("token_made", CANTEEN),
    ]
    page = admin.get("/people", params={"lang": "en"}).text
    assert "boss reset the password of li" in page
    for secret in (SECRET.search(made.text), SECRET.search(token.text)):
        assert secret
        assert secret.group(1) not in page
    for change in ("UPDATE admin_log SET about = 'x'", "DELETE FROM admin_log"):
        with pytest.raises(IntegrityError, match="only added"), database.writing() as session:
            session.execute(text(change))


def test_a_canteen_is_registered_and_its_box_can_send(regulator: Regulator, admin: TestClient) -> None:
    page = post(admin, "/devices", canteen_id="new-1", name="新食堂", town_id="east").text
    found = SECRET.search(page)
    assert found
    token = found.group(1).strip().removeprefix("new-1,")
    send(regulator.client, token, [sample(canteen_id="new-1")])
    assert token not in admin.get("/devices").text
    assert post(admin, "/devices", canteen_id="new-1", town_id="east").status_code == 422
    assert post(admin, "/devices", canteen_id="new-2", town_id="far-town").status_code == 422


def test_a_box_is_kept_out_let_in_and_given_another_token(regulator: Regulator, admin: TestClient) -> None:
    one = sample()
    send(regulator.client, regulator.token, [one])
    tokens = regulator.app.state.parts.edge_tokens
    for disabled, status in (("true", 401), ("false", 200)):
        assert post(admin, f"/devices/{CANTEEN}/disabled", disabled=disabled).status_code == 303
        tokens._known.clear()  # as two seconds later
        assert send_report(regulator.client, regulator.token, one.confirmed).status_code == status
    found = SECRET.search(post(admin, f"/devices/{CANTEEN}/token").text)
    assert found
    fresh = found.group(1).strip().removeprefix(f"{CANTEEN},")
    tokens._known.clear()
    assert send_report(regulator.client, regulator.token, one.confirmed).status_code == 401
    assert send_report(regulator.client, fresh, one.confirmed).status_code == 200


def test_when_a_box_came_last_is_kept_to_some_minutes(regulator: Regulator, admin: TestClient) -> None:
    database, at = regulator.app.state.parts.database, now()

    def seen() -> Any:
        with database.reading() as session:
            found = canteens.canteen_in(session, EVERYTHING, CANTEEN)
        assert found is not None
        return found

    assert "never" in admin.get("/devices", params={"lang": "en"}).text
    regulator.client.get("/api/v1/violations", headers=bearer(regulator.token))
    assert seen().seen_at >= at
    came = seen().seen_at
    for minutes, kept in ((4, 0), (5, 5)):
        canteens.note_seen(database, seen(), came + timedelta(minutes=minutes))
        assert seen().seen_at == came + timedelta(minutes=kept)


def test_a_town_is_added_to_the_own_district(regulator: Regulator, admin: TestClient) -> None:
    assert post(admin, "/devices/towns", town_id="north", name="北街").status_code == 303
    assert "北街" in admin.get("/devices").text
    assert post(admin, "/devices/towns", town_id="north").status_code == 422


TABLE = "食堂编号,名称,街道编号,街道名称\nimp-1,一小,north,北街\nimp-2,二小,east,\n"


def test_a_table_is_looked_at_before_it_is_written(regulator: Regulator, admin: TestClient) -> None:
    page = post(admin, "/devices/import/check", kind="canteens", table=("t.csv", TABLE.encode())).text
    shown = re.search(r'<textarea name="text" hidden>([^<]+)</textarea>', page)
    assert shown
    assert "imp-1" not in admin.get("/devices").text
    page = post(admin, "/devices/import/keep", kind="canteens", text=shown.group(1)).text
    tokens = dict(line.split(",") for line in SECRET.findall(page)[0].split())
    assert set(tokens) == {"imp-1", "imp-2"}
    assert regulator.client.get("/api/v1/violations", headers=bearer(tokens["imp-2"])).status_code == 200
    again = post(admin, "/devices/import/keep", kind="canteens", text=shown.group(1))
    assert again.status_code == 422
    assert "imported canteens: 2" in admin.get("/people", params={"lang": "en"}).text


def test_rows_with_flaws_are_named_and_cannot_be_written(regulator: Regulator, admin: TestClient) -> None:
    table = TABLE + f"{CANTEEN},again,,\nimp-3,x,far-town,\n<b>,,,\n"
    page = post(admin, "/devices/import/check?lang=en", kind="canteens", table=("t.csv", table.encode())).text
    assert "3 of 5 rows" in page
    assert f"&#39;{CANTEEN}&#39; exists already" in page
    assert "of another district" in page
    assert "<b>" not in page.split("<tbody>")[1]
    assert "/devices/import/keep" not in page
    assert post(admin, "/devices/import/keep", kind="canteens", text=table).status_code == 422
    assert "imp-1" not in admin.get("/devices").text


@pytest.mark.parametrize("data", [b"", b"x" * 5_000_001, b"canteen_id\nx\n"])
def test_a_file_that_is_no_table_is_refused_with_a_word(admin: TestClient, data: bytes) -> None:
    answer = post(admin, "/devices/import/check", kind="canteens", table=("t.csv", data))
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
