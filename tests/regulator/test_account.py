"""Promises of one's own account: tokens that may less than their person, a second factor, a changed password."""

import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from regulator.asgi import TestClient
from regulator.conftest import Regulator
from regulator.sample import CANTEEN, bearer, sample, send
from sqlalchemy import update

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import api_tokens, login, second_factor, setup
from kitchenvision.regulator.access import EVERYTHING, Right, Role, Scope
from kitchenvision.regulator.account_tables import ApiToken, SecondFactorRow
from kitchenvision.regulator.api_tokens import TokenScope, Wish
from kitchenvision.regulator.auth import COOKIE
from kitchenvision.regulator.limiter import MAX_FAILURES
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place

JSON = {"accept": "application/json"}
AT = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)


def form_of(browser: TestClient, **fields: Any) -> dict[str, Any]:
    """Fields with this session's own token."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/account").text)
    assert found
    return {**fields, "csrf_token": found.group(1)}


def post(browser: TestClient, path: str, **fields: Any) -> Any:
    """Send a form of the page."""
    return browser.post(path, data=form_of(browser, **fields), follow_redirects=False)


def make_token(browser: TestClient, *scopes: str, days: int = 30, name: str = "statistics") -> str:
    """A token made on the page."""
    page = post(browser, "/account/tokens", name=name, scope=list(scopes), days=days)
    found = re.search(r"kvp_[\w-]+", page.text)
    assert found, page.text[-2000:]
    return found.group(0)


def asked(regulator: Regulator, token: str, path: str = "/api/v1/violations") -> Any:
    """A program's request."""
    return regulator.another_client().get(path, headers=bearer(token), follow_redirects=False)


def test_a_token_reads_what_its_person_may_and_ends_when_revoked(regulator: Regulator) -> None:
    send(regulator.client, regulator.token, [sample()])
    browser = regulator.logged_in()
    token = make_token(browser, "read")
    assert asked(regulator, token).json()["total"] == 1
    picture = asked(regulator, token, f"/api/v1/violations/{sample().violation_id}/snapshot")
    assert picture.status_code == 200
    page = browser.get("/account").text
    assert token not in page
    revoke = re.search(r"/account/tokens/\d+/revoke", page)
    assert revoke
    assert post(browser, revoke.group(0)).status_code == 303
    answer = asked(regulator, token)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "bad-token"
    assert revoke.group(0) not in browser.get("/account").text


def test_what_a_program_looked_at_is_kept_under_its_persons_name(regulator: Regulator) -> None:
    send(regulator.client, regulator.token, [sample()])
    browser = regulator.logged_in()
    reads, audits = make_token(browser, "read"), make_token(browser, "audit")
    asked(regulator, reads, f"/api/v1/violations/{sample().violation_id}/snapshot")
    told = asked(regulator, audits, "/api/v1/picture-views").json()["items"]
    assert [(row["picture"], row["username"]) for row in told] == [("snapshot", "admin")]


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/api/v1/violations", "read"),
        ("/api/v1/picture-views", "audit"),
        ("/reports/violations.csv", "export"),
        ("/reports/violations.parquet", "export"),
        ("/api/v1/feedback", "feedback"),
        (f"/reports/canteens/{CANTEEN}.xlsx?month=2026-11", "export"),
    ],
)
def test_a_token_is_good_for_its_scopes_alone(regulator: Regulator, path: str, scope: str) -> None:
    browser = regulator.logged_in()
    others = [one for one in ("read", "export", "feedback", "audit") if one != scope]
    assert asked(regulator, make_token(browser, scope), path).status_code == 200
    answer = asked(regulator, make_token(browser, *others), path)
    assert (answer.status_code, answer.json()["type"]) == (403, "token-scope")


def test_a_token_opens_no_page_and_sends_no_form(regulator: Regulator) -> None:
    token = make_token(regulator.logged_in(), "read", "export", "feedback", "audit")
    for path in ("/review", "/people", "/account", "/district", "/cockpit"):
        assert asked(regulator, token, path).status_code in (303, 401)
    client = regulator.another_client()
    assert client.post("/account/tokens", headers=bearer(token), data={"name": "x"}).status_code == 401
    assert client.post("/api/v1/reports", headers=bearer(token), json={}).status_code == 401


def test_a_token_sees_its_persons_towns_only_and_as_they_are_now(regulator: Regulator) -> None:
    settings = regulator.settings
    setup.add_town(settings, "east")
    setup.add_person(settings, "wang", Role.INSPECTOR, Place(("east",)))
    send(regulator.client, regulator.token, [sample()])
    token = make_token(regulator.logged_in("wang"), "read")
    assert asked(regulator, token).json()["total"] == 0
    setup.move_canteen(settings, CANTEEN, "east")
    assert asked(regulator, token).json()["total"] == 1
    setup.set_disabled(settings, "wang", True)
    assert asked(regulator, token).status_code == 401


def test_a_canteens_token_exports_nothing_and_cannot_be_given_more(regulator: Regulator) -> None:
    setup.add_person(regulator.settings, "chef", Role.CANTEEN, Place(canteen_id=CANTEEN))
    browser = regulator.logged_in("chef")
    assert 'value="export"' not in browser.get("/account").text
    assert post(browser, "/account/tokens", name="x", scope=["read", "export"], days=5).status_code == 422
    token = make_token(browser, "read")
    assert asked(regulator, token).status_code == 200
    assert asked(regulator, token, "/reports/violations.csv").status_code == 403


def test_somebody_who_lost_a_right_has_lost_it_for_their_tokens_too(regulator: Regulator) -> None:
    with regulator.app.state.parts.database.writing() as session:
        made = api_tokens.make(session, EVERYTHING, 1, Wish("x", ("export", "read"), 1), now())
    setup.add_person(regulator.settings, "boss", Role.ADMIN)
    with regulator.app.state.parts.database.writing() as session:
        session.execute(update(ApiToken).values(person_id=2))
    assert asked(regulator, made, "/reports/violations.csv").status_code == 403


def test_a_token_ends_with_its_time_and_its_use_is_kept_to_the_minute(regulator: Regulator) -> None:
    database = regulator.app.state.parts.database
    with database.writing() as session:
        token = api_tokens.make(session, EVERYTHING, 1, Wish("x", ("read",), 2), AT)
    with database.reading() as session:
        found = api_tokens.bearer_of(session, token, AT + timedelta(days=2) - timedelta(seconds=1))
        assert found is not None
        assert found.scope.rights == {Right.READ}
        assert api_tokens.bearer_of(session, token, AT + timedelta(days=2)) is None
        assert api_tokens.bearer_of(session, token + "x", AT) is None
    used = []
    for seconds in (0, 30, 61):
        api_tokens.note_use(database, found, AT + timedelta(seconds=seconds))
        with database.reading() as session:
            used.append(api_tokens.held(session, 1)[0].last_used_at)
    assert used == [AT, AT, AT + timedelta(seconds=61)]


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        (Wish("", ("read",), 1), "name"),
        (Wish("x" * 61, ("read",), 1), "name"),
        (Wish("x", (), 1), "scopes"),
        (Wish("x", ("read", "write"), 1), "scopes"),
        (Wish("x", ("audit",), 1), "scopes"),
        (Wish("x", ("read",), 0), "days"),
        (Wish("x", ("read",), 367), "days"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_by_name(regulator: Regulator, wish: Wish, problem: str) -> None:
    with (
        regulator.app.state.parts.database.writing() as session,
        pytest.raises(SettingsError, match=problem),
    ):
        api_tokens.make(session, Scope(frozenset({Right.READ})), 1, wish, AT)


def test_there_are_only_so_many_tokens_and_expired_ones_do_not_count(regulator: Regulator) -> None:
    with regulator.app.state.parts.database.writing() as session:
        for _ in range(api_tokens.MOST_TOKENS):
            api_tokens.make(session, EVERYTHING, 1, Wish("x", ("read",), 1), AT)
        with pytest.raises(SettingsError, match="revoke one"):
            api_tokens.make(session, EVERYTHING, 1, Wish("x", ("read",), 1), AT)
        api_tokens.make(session, EVERYTHING, 1, Wish("x", ("read",), 1), AT + timedelta(days=1))


def test_nobody_ends_anothers_token(regulator: Regulator) -> None:
    token = make_token(regulator.logged_in(), "read")
    setup.add_person(regulator.settings, "wang")
    answer = post(regulator.logged_in("wang"), "/account/tokens/1/revoke")
    assert answer.status_code == 404
    assert asked(regulator, token).status_code == 200


def test_a_reset_password_ends_tokens(regulator: Regulator) -> None:
    token = make_token(regulator.logged_in(), "read")
    setup.reset_password(regulator.settings)
    assert asked(regulator, token).status_code == 401


def test_every_scope_needs_a_right() -> None:
    assert set(api_tokens.NEEDS) == set(TokenScope)


def test_a_changed_password_counts_at_once_and_ends_the_other_sessions(regulator: Regulator) -> None:
    one, other = regulator.logged_in(), regulator.logged_in()
    assert post(one, "/account/password", old="wrong", new="a longer one").status_code == 422
    assert post(one, "/account/password", old=regulator.password, new="short").status_code == 422
    assert post(one, "/account/password", old=regulator.password, new="a longer one").status_code == 200
    assert one.get("/account").status_code == 200
    assert other.get("/session").status_code == 401
    for password, status in ((regulator.password, 401), ("a longer one", 303)):
        form = {"username": "admin", "password": password}
        assert regulator.another_client().post("/login", data=form, follow_redirects=False).status_code == status


def test_the_old_password_cannot_be_guessed_in_a_session(regulator: Regulator) -> None:
    browser = regulator.logged_in()
    for _ in range(MAX_FAILURES):
        assert post(browser, "/account/password", old="wrong", new="a longer one").status_code == 422
    answer = post(browser, "/account/password", old=regulator.password, new="a longer one")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def turned_on(browser: TestClient) -> tuple[str, list[str]]:
    """The secret and the recovery codes of a second factor that is turned on on the page."""
    assert post(browser, "/account/second-factor/begin").status_code == 303
    page = browser.get("/account").text
    assert 'class="qrline"' in page
    found = re.search(r">([A-Z2-7]{32})<", page)
    assert found
    confirmed = post(browser, "/account/second-factor", code=pyotp.TOTP(found.group(1)).now())
    codes = re.findall(r"(?:[a-z2-7]{4}-){3}[a-z2-7]{4}", confirmed.text)
    assert len(codes) == second_factor.RECOVERY_CODES
    return found.group(1), codes


def password_of(regulator: Regulator, **headers: str) -> tuple[TestClient, Any]:
    """A browser that sent the right password."""
    browser = regulator.another_client()
    form = {"username": "admin", "password": regulator.password, "next": "/district"}
    return browser, browser.post("/login", data=form, headers=headers, follow_redirects=False)


def forget_steps(regulator: Regulator) -> None:
    """As if the time step of the code just used were over."""
    with regulator.app.state.parts.database.writing() as session:
        session.execute(update(SecondFactorRow).values(last_step=0))


def test_the_password_alone_lets_nobody_in_once_a_code_is_asked_for(regulator: Regulator) -> None:
    secret, _ = turned_on(regulator.logged_in())
    browser, answer = password_of(regulator)
    assert answer.headers["location"] == "/login/code?next=%2Fdistrict"
    assert COOKIE not in browser.cookies
    assert browser.get("/account", follow_redirects=False).status_code == 401
    assert browser.get("/login/code").status_code == 200
    assert browser.post("/login/code", data={"code": "000000"}).status_code == 401
    # The code that turned it on is used already.
    code = pyotp.TOTP(secret).now()
    assert browser.post("/login/code", data={"code": code}).status_code == 401
    forget_steps(regulator)
    answer = browser.post("/login/code", data={"code": code, "next": "/district"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/district")
    assert browser.get("/account").status_code == 200
    assert regulator.another_client().post("/login/code", data={"code": code}).status_code == 401


def test_a_recovery_code_lets_in_once(regulator: Regulator) -> None:
    _, codes = turned_on(regulator.logged_in())
    for typed, status in ((codes[0].upper(), 303), (codes[0], 401), (codes[1].replace("-", " "), 303)):
        browser, _ = password_of(regulator)
        assert browser.post("/login/code", data={"code": typed}, follow_redirects=False).status_code == status
    page = regulator.logged_in().get("/account", params={"lang": "en"}).text
    assert "8 recovery codes left" in page


def test_codes_cannot_be_guessed_from_wherever(regulator: Regulator) -> None:
    secret, codes = turned_on(regulator.logged_in())
    forget_steps(regulator)
    for number in range(MAX_FAILURES):
        browser = regulator.another_client((f"10.0.0.{number}", 5000))
        form = {"username": "admin", "password": regulator.password}
        browser.post("/login", data=form, follow_redirects=False)
        assert browser.post("/login/code", data={"code": "000000"}).status_code == 401
    browser, _ = password_of(regulator)
    for code in (pyotp.TOTP(secret).now(), codes[0]):
        answer = browser.post("/login/code", data={"code": code}, follow_redirects=False)
        assert answer.status_code == 429
        assert "retry-after" in answer.headers


def test_an_expired_session_asks_for_the_code_as_json(regulator: Regulator) -> None:
    secret, _ = turned_on(regulator.logged_in())
    forget_steps(regulator)
    browser, answer = password_of(regulator, **JSON)
    assert (answer.status_code, answer.json()["type"]) == (401, "code-needed")
    code = pyotp.TOTP(secret).now()
    said = browser.post("/login/code", data={"code": code}, headers=JSON)
    assert said.json()["username"] == "admin"
    late = regulator.another_client().post("/login/code", data={"code": code}, headers=JSON)
    assert late.json()["type"] == "log-in-late"


def test_it_is_turned_off_and_codes_renewed_for_a_code_only(regulator: Regulator) -> None:
    browser = regulator.logged_in()
    _, codes = turned_on(browser)
    for path in ("/account/second-factor/remove", "/account/second-factor/codes"):
        assert post(browser, path, code="123456").status_code == 422
    renewed = post(browser, "/account/second-factor/codes", code=codes[0]).text
    fresh = re.findall(r"(?:[a-z2-7]{4}-){3}[a-z2-7]{4}", renewed)
    assert len(fresh) == second_factor.RECOVERY_CODES
    assert not set(fresh) & set(codes)
    assert post(browser, "/account/second-factor/remove", code=codes[1]).status_code == 422
    assert post(browser, "/account/second-factor/remove", code=fresh[0]).status_code == 200
    _, answer = password_of(regulator)
    assert answer.headers["location"] == "/district"


def test_one_that_counts_is_not_replaced_by_beginning_again(regulator: Regulator) -> None:
    browser = regulator.logged_in()
    turned_on(browser)
    post(browser, "/account/second-factor/begin")
    _, answer = password_of(regulator)
    assert answer.headers["location"].startswith("/login/code")


def test_a_log_in_that_is_half_done_ends_by_itself(regulator: Regulator) -> None:
    with regulator.app.state.parts.database.writing() as session:
        token = second_factor.begin_login(session, 1, AT)
        late = AT + timedelta(seconds=second_factor.LOGIN_STEP_S)
        assert second_factor.whose_login(session, token, late - timedelta(seconds=1)) == 1
        assert second_factor.whose_login(session, token, late) is None
        second_factor.begin_login(session, 1, late)
        assert second_factor.whose_login(session, token, AT) is None


def test_a_phones_clock_may_be_half_a_minute_off_and_no_code_counts_twice(regulator: Regulator) -> None:
    vault = regulator.app.state.parts.vault
    with regulator.app.state.parts.database.writing() as session:
        offer = second_factor.begin(session, vault, 1, "admin")
        assert offer is not None
        totp = pyotp.TOTP(offer.secret)
        assert not second_factor.fits(session, vault, 1, totp.at(AT), AT)  # not confirmed yet
        assert second_factor.confirm(session, vault, 1, totp.at(AT - timedelta(seconds=30)), AT)
        for off, fits in ((-60, False), (-30, False), (0, True), (0, False), (30, True), (60, False), (0, False)):
            code = totp.at(AT + timedelta(seconds=off))
            assert second_factor.fits(session, vault, 1, f" {code[:3]} {code[3:]}", AT) == fits, off


def test_no_code_and_no_token_is_logged_or_kept(regulator: Regulator, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "kitchenvision"):
        browser = regulator.logged_in()
        secret, codes = turned_on(browser)
        token = make_token(browser, "read")
        asked(regulator, token)
        other, _ = password_of(regulator)
        other.post("/login/code", data={"code": codes[0]})
        other.post("/login/code", data={"code": "wrong"})
        step = other.cookies.get(login.STEP_COOKIE, "")
    assert not [word for word in (secret, token, *codes, regulator.password) if word in caplog.text]
    kept = b"".join(path.read_bytes() for path in regulator.settings.data_dir.glob("regulator.sqlite3*"))
    secrets = [token, codes[0].replace("-", ""), *([step] if step else [])]
    assert not [word for word in secrets if word.encode() in kept]
