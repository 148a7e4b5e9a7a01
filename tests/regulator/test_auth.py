"""Promises of log-ins: passwords, sessions, one-time links, forms of this session, no secret kept or logged."""

import logging
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from regulator.asgi import TestClient
from regulator.conftest import Regulator
from regulator.sample import CANTEEN, sample, send

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import people, setup
from kitchenvision.regulator.auth import COOKIE
from kitchenvision.regulator.limiter import MAX_FAILURES, WINDOW_S, FailureLimiter
from kitchenvision.regulator.parts import now

REAL_HASHER = people._HASHER


def try_password(client: TestClient, password: str, username: str = "admin", **more: Any) -> Any:
    """Send the log-in form."""
    form = {"username": username, "password": password, **more}
    return client.post("/login", data=form, follow_redirects=False)


def csrf_of(client: TestClient) -> str:
    """The form token of a session."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/review").text)
    assert found
    return found.group(1)


def test_the_first_start_makes_an_admin_whose_password_is_given_once(regulator: Regulator) -> None:
    assert len(regulator.password) >= 16
    assert setup.prepare(regulator.settings).first_admin_password is None
    answer = try_password(regulator.client, regulator.password)
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    assert regulator.client.get("/review").status_code == 200


def test_passwords_are_hashed_with_argon2id_at_the_librarys_strength() -> None:
    assert REAL_HASHER.hash("x").startswith("$argon2id$v=19$m=65536,t=3,")


def test_no_secret_is_kept_as_it_is(regulator: Regulator) -> None:
    link = setup.one_time_link(regulator.settings)
    client = regulator.logged_in()
    kept = b"".join(path.read_bytes() for path in regulator.settings.data_dir.glob("regulator.sqlite3*"))
    for secret in (regulator.password, regulator.token, link.rsplit("/", 1)[1], client.cookies[COOKIE]):
        assert secret.encode() not in kept


def test_no_secret_is_logged(regulator: Regulator, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "kitchenvision"):
        try_password(regulator.client, "wrong secret")
        regulator.logged_in()
        send(regulator.client, regulator.token, [sample()])
    assert "wrong secret" not in caplog.text
    assert regulator.token not in caplog.text


@pytest.mark.parametrize(("username", "password"), [("admin", "wrong"), ("nobody", "wrong"), ("", "")])
def test_a_wrong_name_or_password_says_the_same(regulator: Regulator, username: str, password: str) -> None:
    answer = try_password(regulator.client, password, username)
    assert answer.status_code == 401
    assert "User name or password is wrong" in answer.text
    assert COOKIE not in answer.cookies


def test_after_too_many_failures_even_the_right_password_must_wait(regulator: Regulator) -> None:
    for _ in range(MAX_FAILURES):
        assert try_password(regulator.client, "wrong").status_code == 401
    answer = try_password(regulator.client, regulator.password)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW_S + 1
    elsewhere = regulator.another_client(("10.0.0.9", 1))
    assert try_password(elsewhere, regulator.password).status_code == 303


def test_the_limiter_forgets_after_its_window_and_after_success() -> None:
    clock = [0.0]
    limiter = FailureLimiter(lambda: clock[0])
    for _ in range(MAX_FAILURES):
        assert limiter.wait_s("a", "x") == 0
        limiter.failed("a", "x")
    assert limiter.wait_s("a", "x") == WINDOW_S
    assert limiter.wait_s("a", "y") == limiter.wait_s("b", "x") == 0
    clock[0] = WINDOW_S + 1
    assert limiter.wait_s("a", "x") == 0
    for _ in range(MAX_FAILURES):
        limiter.failed("a", "x")
    limiter.succeeded("a", "x")
    assert limiter.wait_s("a", "x") == 0


def test_the_session_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(regulator: Regulator) -> None:
    cookie = try_password(regulator.client, regulator.password).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_over_https_the_cookie_stays_on_https(regulator: Regulator) -> None:
    client = TestClient(regulator.app, base_url="https://regulator.test")
    assert "secure" in try_password(client, regulator.password).headers["set-cookie"].lower()


def test_a_session_ends_when_it_is_too_old(regulator: Regulator) -> None:
    database = regulator.app.state.parts.database
    with database.writing() as session:
        person_id = people.password_fits(session, "admin", regulator.password)
        assert person_id is not None
        token = people.begin_session(session, person_id, now() - timedelta(hours=1), 3599)
    with database.reading() as session:
        assert people.visitor_of(session, token, now()) is None


def test_logging_out_ends_the_session_on_the_server(regulator: Regulator) -> None:
    client = regulator.logged_in()
    cookie = client.cookies[COOKIE]
    answer = client.post("/logout", data={"csrf_token": csrf_of(client)}, follow_redirects=False)
    assert answer.headers["location"] == "/login"
    stolen = regulator.another_client()
    stolen.cookies.set(COOKIE, cookie)
    assert stolen.get("/api/v1/violations").status_code == 401


def test_a_one_time_link_works_once(regulator: Regulator) -> None:
    path = "/login/once/" + setup.one_time_link(regulator.settings).rsplit("/", 1)[1]
    assert regulator.another_client().get(path, follow_redirects=False).status_code == 303
    assert regulator.another_client().get(path, follow_redirects=False).status_code == 403


@pytest.mark.parametrize(
    ("address", "headers"),
    [("192.168.1.7", {}), ("testclient", {}), ("127.0.0.1", {"X-Forwarded-For": "192.168.1.7"})],
)
def test_a_one_time_link_works_on_this_machine_only_and_is_not_used_up_elsewhere(
    regulator: Regulator, address: str, headers: dict[str, str]
) -> None:
    path = "/login/once/" + setup.one_time_link(regulator.settings).rsplit("/", 1)[1]
    far = regulator.another_client((address, 1))
    assert far.get(path, headers=headers, follow_redirects=False).status_code == 403
    assert regulator.another_client().get(path, follow_redirects=False).status_code == 303


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
def test_every_loopback_address_is_this_machine(regulator: Regulator, address: str) -> None:
    path = "/login/once/" + setup.one_time_link(regulator.settings).rsplit("/", 1)[1]
    near = regulator.another_client((address, 1))
    assert near.get(path, follow_redirects=False).status_code == 303


def test_a_one_time_link_is_too_old_after_ten_minutes(regulator: Regulator) -> None:
    with regulator.app.state.parts.database.writing() as session:
        old = people.make_once_link(session, "admin", now() - timedelta(seconds=601))
        fresh = people.make_once_link(session, "admin", now() - timedelta(seconds=590))
    client = regulator.another_client()
    assert client.get(f"/login/once/{old}", follow_redirects=False).status_code == 403
    assert client.get(f"/login/once/{fresh}", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("host", "start"),
    [
        ("127.0.0.1", "http://127.0.0.1:8480/"),
        ("0.0.0.0", "http://127.0.0.1:8480/"),
        ("::", "http://[::1]:8480/"),
        ("::1", "http://[::1]:8480/"),
    ],
)
def test_a_one_time_link_names_an_address_that_a_local_browser_can_open(
    regulator: Regulator, host: str, start: str
) -> None:
    assert setup.one_time_link(replace(regulator.settings, host=host)).startswith(start)


def test_a_reset_password_replaces_the_old_one_and_ends_the_sessions(regulator: Regulator) -> None:
    client = regulator.logged_in()
    new = setup.reset_password(regulator.settings, "admin")
    assert client.get("/api/v1/violations").status_code == 401
    assert try_password(regulator.client, regulator.password).status_code == 401
    assert try_password(regulator.client, new).status_code == 303


def test_what_cannot_be_set_up_is_said_by_name(regulator: Regulator) -> None:
    settings = regulator.settings
    for call, word in (
        (lambda: setup.reset_password(settings, "ghost"), "ghost"),
        (lambda: setup.one_time_link(settings, "ghost"), "ghost"),
        (lambda: setup.rotate_token(settings, "nowhere"), "nowhere"),
        (lambda: setup.add_canteen(settings, CANTEEN), CANTEEN),
        (lambda: setup.add_canteen(settings, ""), "characters"),
        (lambda: setup.add_person(settings, "admin"), "exists"),
        (lambda: setup.add_person(settings, "li", "king"), "king"),
        (lambda: setup.add_person(settings, ""), "characters"),
    ):
        with pytest.raises(SettingsError, match=word):
            call()


def test_an_inspector_can_log_in(regulator: Regulator) -> None:
    password = setup.add_person(regulator.settings, "王芳")
    client = regulator.another_client()
    assert try_password(client, password, "王芳").status_code == 303
    assert client.get("/review").status_code == 200


def test_pages_ask_for_a_log_in_and_lead_back_to_where_one_wanted_to_go(regulator: Regulator) -> None:
    client = regulator.another_client()
    wanted = "/review?rule=smoking"
    answer = client.get(wanted, headers={"Accept": "text/html"}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Freview%3Frule%3Dsmoking"
    answer = try_password(client, regulator.password, next=wanted)
    assert answer.headers["location"] == wanted


@pytest.mark.parametrize(
    "next_", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:1", "/a\nb", ""]
)
def test_a_log_in_never_leads_to_another_site(regulator: Regulator, next_: str) -> None:
    assert try_password(regulator.client, regulator.password, next=next_).headers["location"] == "/review"


def test_a_script_without_a_session_gets_a_problem_and_no_page(regulator: Regulator) -> None:
    answer = regulator.another_client().get("/review", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_form_without_the_sessions_own_token_is_refused(regulator: Regulator) -> None:
    client = regulator.logged_in()
    for token in ("", "guessed", csrf_of(regulator.logged_in())):
        assert client.post("/logout", data={"csrf_token": token}).status_code == 403


def test_a_form_from_another_site_is_refused(regulator: Regulator) -> None:
    foreign = {"Origin": "https://evil.test"}
    form = {"username": "admin", "password": regulator.password}
    assert regulator.client.post("/login", data=form, headers=foreign).status_code == 403
    client = regulator.logged_in()
    answer = client.post("/logout", data={"csrf_token": csrf_of(client)}, headers=foreign)
    assert answer.status_code == 403
    own = {"Origin": "http://regulator.test"}
    answer = client.post("/logout", data={"csrf_token": csrf_of(client)}, headers=own, follow_redirects=False)
    assert answer.status_code == 303
