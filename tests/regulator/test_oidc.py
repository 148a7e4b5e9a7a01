"""Promises of log-ins by an office's provider: over real HTTP, for whom it was meant, and for nobody else."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey
from regulator.providers import CLIENT_ID, CLIENT_SECRET, Liar, RealProvider, lying_provider, real_provider
from regulator.servers import free_ports
from regulator.test_serve import running

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import oidc_pages, setup
from kitchenvision.regulator.access import Role
from kitchenvision.regulator.auth import COOKIE
from kitchenvision.regulator.oidc_accounts import LASTS_S
from kitchenvision.regulator.oidc_settings import Newcomers, OidcSettings, read_oidc
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.settings import RegulatorSettings

HTML = {"accept": "text/html", "accept-language": "en"}


@dataclass
class Office:
    """A regulator that is served on loopback, with a provider beside it."""

    settings: RegulatorSettings
    issuer: str

    def browser(self, language: str = "en") -> httpx.Client:
        """One without a session; it follows no redirects by itself."""
        headers = {"accept": "text/html", "accept-language": language}
        return httpx.Client(base_url=self.address, headers=headers, trust_env=False)

    @property
    def address(self) -> str:
        """Of the regulator."""
        return f"http://127.0.0.1:{self.settings.port}"


def office(folder: Path, issuer: str, **more: Any) -> Iterator[Office]:
    """A regulator with this provider, and wang, an inspector."""
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    oidc = OidcSettings(issuer, CLIENT_ID, CLIENT_SECRET, address, **more)
    settings = RegulatorSettings(folder / "data", port=port, language="en", oidc=oidc)
    setup.prepare(settings)
    setup.add_town(settings, "east", "东镇")
    setup.add_person(settings, "wang", Role.INSPECTOR, Place(("east",)))
    with running(settings):
        yield Office(settings, issuer)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    """A real one, in a process of its own."""
    with real_provider(tmp_path_factory.mktemp("provider")) as one:
        one.knows("17", preferred_username="wang", email="wang@office.example", email_verified=True)
        one.knows("18", preferred_username="nobody-here")
        one.knows("19", preferred_username="wang")
        yield one


@pytest.fixture
def liar() -> Iterator[Liar]:
    """One that says what a test tells it to."""
    with lying_provider() as one:
        yield one


@pytest.fixture
def real(tmp_path: Path, provider: RealProvider) -> Iterator[Office]:
    """An office with the real provider."""
    yield from office(tmp_path, provider.issuer)


@pytest.fixture
def fake(tmp_path: Path, liar: Liar) -> Iterator[Office]:
    """An office with the lying one."""
    yield from office(tmp_path, liar.issuer)


def leave(browser: httpx.Client, wanted: str = "/") -> str:
    """Press the button; where the browser is sent."""
    answer = browser.get("/login/oidc", params={"next": wanted})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def whose(browser: httpx.Client) -> str:
    """Who is logged in there, or nothing."""
    answer = browser.get("/session", headers={"accept": "application/json"})
    return answer.json()["username"] if answer.status_code == 200 else ""


def refused_with(answer: httpx.Response, status: int, words: str) -> None:
    """A page of ours that says why, with the form of the password still there."""
    assert answer.status_code == status, answer.text[:500]
    assert words in answer.text
    assert 'name="password"' in answer.text
    assert "Traceback" not in answer.text
    assert COOKIE not in answer.cookies


def test_somebody_comes_in_by_the_real_provider_and_works_as_their_account_may(
    real: Office, provider: RealProvider
) -> None:
    with real.browser() as browser:
        page = browser.get("/login?next=/district").text
        found = re.search(r'href="(/login/oidc\?[^"]+)"', page)
        assert found
        assert "Log in with your office&#39;s account" in page
        there = browser.get(found.group(1))
        assert there.headers["location"].startswith(provider.issuer + "/oauth2/authorize?")
        asked = httpx.URL(there.headers["location"]).params
        assert asked["redirect_uri"] == f"{real.address}/login/oidc/back"
        assert asked["scope"].split() == ["openid", "profile", "email"]
        assert asked["code_challenge_method"] == "S256"
        assert CLIENT_SECRET not in there.headers["location"]
        cookie = there.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        answer = browser.get(provider.approve(there.headers["location"], "17"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/district")
        assert whose(browser) == "wang"
        assert browser.get("/people").status_code == 403
        form = {"csrf_token": "wrong"}
        assert browser.post("/logout", data=form, headers={"accept": "text/html"}).status_code == 403
        token = browser.get("/session").json()["csrf_token"]
        assert browser.post("/logout", data={"csrf_token": token}).status_code == 303
        assert whose(browser) == ""


def test_a_password_still_opens_the_same_account(real: Office) -> None:
    password = setup.reset_password(real.settings, "wang")
    with real.browser() as browser:
        assert browser.post("/login", data={"username": "wang", "password": password}).status_code == 303
        assert whose(browser) == "wang"


def test_a_state_is_good_once_and_only_in_the_browser_that_began(real: Office, provider: RealProvider) -> None:
    with real.browser() as browser, real.browser() as other:
        back = provider.approve(leave(browser), "17")
        leave(other)
        refused_with(other.get(back), 401, "begun in another browser")
        assert browser.get(back).status_code == 303
        again = browser.get(back)
        refused_with(again, 401, "took too long")
    with real.browser() as browser:
        wrong = str(httpx.URL(provider.approve(leave(browser), "17")).copy_set_param("state", "x" * 43))
        refused_with(browser.get(wrong), 401, "took too long")
        assert whose(browser) == ""


def test_a_state_ends_after_ten_minutes(fake: Office, liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake.browser() as browser:
        back = liar.approve(leave(browser))
        in_time, late = timedelta(seconds=LASTS_S - 5), timedelta(seconds=LASTS_S)
        monkeypatch.setattr(oidc_pages, "now", lambda: now() + late)
        refused_with(browser.get(back), 401, "took too long")
        monkeypatch.undo()
        back = liar.approve(leave(browser))
        monkeypatch.setattr(oidc_pages, "now", lambda: now() + in_time)
        assert browser.get(back).status_code == 303


def test_a_nonce_that_is_not_of_this_log_in_opens_nothing(real: Office, provider: RealProvider) -> None:
    with real.browser() as browser:
        elsewhere = str(httpx.URL(leave(browser)).copy_set_param("nonce", "of another log-in"))
        refused_with(browser.get(provider.approve(elsewhere, "17")), 401, "did not confirm who you are")
        assert whose(browser) == ""


def test_somebody_without_an_account_does_not_come_in(real: Office, provider: RealProvider) -> None:
    with real.browser() as browser:
        refused_with(browser.get(provider.approve(leave(browser), "18")), 403, "no account for you here")
    with real.browser("zh") as browser:
        refused_with(browser.get(provider.approve(leave(browser), "18")), 403, "还没有对应的账号")
    assert [one.username for one in setup.listed_people(real.settings)] == ["admin", "wang"]


def test_who_is_disabled_here_stays_out_and_an_open_session_ends(real: Office, provider: RealProvider) -> None:
    with real.browser() as browser:
        assert browser.get(provider.approve(leave(browser), "17")).status_code == 303
        setup.set_disabled(real.settings, "wang", True)
        assert whose(browser) == ""
        refused_with(browser.get(provider.approve(leave(browser), "17")), 403, "disabled here")
    with real.browser("zh") as browser:
        refused_with(browser.get(provider.approve(leave(browser), "17")), 403, "已停用")


def test_a_name_that_the_provider_gives_to_somebody_else_opens_nothing_until_unbound(
    real: Office, provider: RealProvider
) -> None:
    with real.browser() as browser:
        assert browser.get(provider.approve(leave(browser), "17")).status_code == 303
    with real.browser() as browser:
        refused_with(browser.get(provider.approve(leave(browser), "19")), 403, "belongs to another person")
    with real.browser() as admin:
        admin.get(setup.one_time_link(real.settings).removeprefix(real.address))
        wang = next(one for one in setup.listed_people(real.settings) if one.username == "wang")
        page = admin.get(f"/people/{wang.person_id}").text
        assert "Bound to the office&#39;s account since" in page
        token = admin.get("/session").json()["csrf_token"]
        done = admin.post(f"/people/{wang.person_id}/provider", data={"csrf_token": token})
        assert "Unbound." in done.text
        assert "unbound the office&#39;s account of" in admin.get("/people").text
    with real.browser() as browser:
        assert browser.get(provider.approve(leave(browser), "19")).status_code == 303
        assert whose(browser) == "wang"


def test_a_newcomer_comes_in_where_the_settings_say_so_and_as_what_they_say(
    tmp_path: Path, provider: RealProvider
) -> None:
    newcomers = Newcomers(Role.INSPECTOR, ("east",))
    for one in office(tmp_path, provider.issuer, newcomers=newcomers, name="区教育局"):
        with one.browser("zh") as browser:
            assert "用区教育局登录" in browser.get("/login").text
            assert browser.get(provider.approve(leave(browser), "18")).status_code == 303
            assert whose(browser) == "nobody-here"
        listed = {row.username: row for row in setup.listed_people(one.settings)}
        assert (listed["nobody-here"].role, listed["nobody-here"].towns) == (Role.INSPECTOR, ("east",))


def test_a_newcomer_whose_town_is_not_there_stays_out(
    tmp_path: Path, provider: RealProvider, caplog: pytest.LogCaptureFixture
) -> None:
    for one in office(tmp_path, provider.issuer, newcomers=Newcomers(Role.INSPECTOR, ("west",))):
        with caplog.at_level(logging.CRITICAL), one.browser() as browser:
            refused_with(browser.get(provider.approve(leave(browser), "18")), 403, "no account for you here")
        assert len(setup.listed_people(one.settings)) == 2


def test_an_email_counts_only_when_the_provider_has_verified_it(tmp_path: Path, provider: RealProvider) -> None:
    provider.knows("21", email="li@office.example", email_verified=True)
    provider.knows("22", email="li@office.example")
    for one in office(tmp_path, provider.issuer, claim="email"):
        setup.add_person(one.settings, "li@office.example", Role.AUDITOR)
        with one.browser() as browser:
            refused_with(browser.get(provider.approve(leave(browser), "22")), 403, "not verified")
            assert browser.get(provider.approve(leave(browser), "21")).status_code == 303
            assert whose(browser) == "li@office.example"


def test_who_says_no_at_the_provider_gets_a_page(real: Office, provider: RealProvider) -> None:
    with real.browser() as browser:
        back = provider.approve(leave(browser), "17", action="deny")
        state = httpx.URL(leave(browser)).params["state"]
        back = str(httpx.URL(back).copy_set_param("state", state))
        refused_with(browser.get(back), 401, "did not confirm who you are")


def test_a_provider_that_is_down_is_said_clearly_in_both_languages(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    for one in office(tmp_path, f"http://127.0.0.1:{port}"):
        for language, words in (("en", "does not answer now"), ("zh", "现在没有回应")):
            with one.browser(language) as browser:
                refused_with(browser.get("/login/oidc"), 502, words)


def test_what_the_lying_provider_says_truly_lets_in(fake: Office, liar: Liar) -> None:
    with fake.browser() as browser:
        answer = browser.get(liar.approve(leave(browser, "//evil.example"), iss=liar.issuer))
        assert (answer.status_code, answer.headers["location"]) == (303, "/review")
        assert whose(browser) == "wang"
    assert "client_secret" not in liar.sent[0]


def test_a_provider_that_takes_the_secret_in_the_form_gets_it_there(fake: Office, liar: Liar) -> None:
    liar.told["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    with fake.browser() as browser:
        assert browser.get(liar.approve(leave(browser))).status_code == 303
    assert liar.sent[0]["client_secret"] == CLIENT_SECRET


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-program"},
        {"aud": ["another-program"]},
        {"aud": [CLIENT_ID, "another-program"]},  # without azp
        {"azp": "another-program"},
        {"iss": "https://another.example"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": None},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 17},
        {"aud": None},
        {"at_hash": "of-another-token"},
    ],
)
def test_a_token_that_is_not_for_this_log_in_opens_nothing(
    fake: Office, liar: Liar, claims: dict[str, Any]
) -> None:
    liar.claims = claims
    with fake.browser() as browser:
        refused_with(browser.get(liar.approve(leave(browser))), 401, "did not confirm who you are")
        assert whose(browser) == ""


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_that_others_could_have_signed_opens_nothing(fake: Office, liar: Liar, algorithm: str) -> None:
    liar.algorithm = algorithm
    with fake.browser() as browser:
        refused_with(browser.get(liar.approve(leave(browser))), 401, "did not confirm who you are")


def test_a_token_of_a_key_that_is_not_the_providers_opens_nothing(fake: Office, liar: Liar) -> None:
    liar.shown = [RSAKey.generate_key(2048, {"kid": "first"})]
    with fake.browser() as browser:
        refused_with(browser.get(liar.approve(leave(browser))), 401, "did not confirm who you are")


def test_keys_and_metadata_are_asked_for_once_and_keys_again_when_they_changed(fake: Office, liar: Liar) -> None:
    with fake.browser() as browser:
        for _ in range(3):
            assert browser.get(liar.approve(leave(browser))).status_code == 303
        assert (liar.asked.count("/keys"), liar.asked.count("/.well-known/openid-configuration")) == (1, 1)
        liar.key = RSAKey.generate_key(2048, {"kid": "second"})
        assert browser.get(liar.approve(leave(browser))).status_code == 303
        assert liar.asked.count("/keys") == 2


def test_a_stolen_code_is_worth_nothing_without_its_verifier(fake: Office, liar: Liar) -> None:
    with fake.browser() as victim, fake.browser() as thief:
        stolen = httpx.URL(liar.approve(leave(victim))).params["code"]
        own = httpx.URL(liar.approve(leave(thief)))
        refused_with(thief.get(str(own.copy_set_param("code", stolen))), 401, "did not confirm who you are")
        assert whose(thief) == ""


def test_an_answer_of_another_issuer_is_refused_before_its_code_is_sent_anywhere(fake: Office, liar: Liar) -> None:
    with fake.browser() as browser:
        back = liar.approve(leave(browser), iss="https://another.example")
        refused_with(browser.get(back), 401, "did not confirm who you are")
    assert liar.sent == []


def test_a_name_that_is_only_in_the_user_info_is_found_there_and_only_of_the_same_person(
    fake: Office, liar: Liar
) -> None:
    liar.claims, liar.info = {"preferred_username": None}, {"sub": "17", "preferred_username": "wang"}
    with fake.browser() as browser:
        assert browser.get(liar.approve(leave(browser))).status_code == 303
    liar.claims |= {"sub": "18"}
    with fake.browser() as browser:
        refused_with(browser.get(liar.approve(leave(browser))), 401, "did not confirm who you are")


@pytest.mark.parametrize(
    "told",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://inner.example/token"},
        {"jwks_uri": 7},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_metadata_that_cannot_be_trusted_sends_nobody_anywhere(
    fake: Office, liar: Liar, told: dict[str, Any]
) -> None:
    liar.told = told
    with fake.browser() as browser:
        refused_with(browser.get("/login/oidc"), 502, "does not answer now")


def test_a_provider_that_fails_between_is_said_as_down_and_logs_no_secret(
    fake: Office, liar: Liar, caplog: pytest.LogCaptureFixture
) -> None:
    with fake.browser() as browser:
        back = liar.approve(leave(browser))
        liar.token_status = 500
        refused_with(browser.get(back), 502, "does not answer now")
    assert "status 500" in caplog.text
    for secret in (CLIENT_SECRET, httpx.URL(back).params["code"], httpx.URL(back).params["state"]):
        assert secret not in caplog.text


def test_without_a_provider_there_is_neither_button_nor_page(tmp_path: Path) -> None:
    settings = RegulatorSettings(tmp_path / "data", port=0)
    setup.prepare(settings)
    with running(settings) as address, httpx.Client(base_url=address, trust_env=False, headers=HTML) as browser:
        assert "/login/oidc" not in browser.get("/login").text
        assert browser.get("/login/oidc").status_code == 404
        assert browser.get("/login/oidc/back?state=x&code=y").status_code == 404


GOOD = """
issuer = "https://login.example/realms/office"
client_id = "kitchenvision"
client_secret_file = "secret"
address = "https://regulator.example/"
"""


def read(folder: Path, text: str, **environment: str) -> OidcSettings | None:
    """The settings as that text says them."""
    (folder / "secret").write_text(CLIENT_SECRET + "\n")
    (folder / "oidc.toml").write_text(text)
    return read_oidc(folder, environment)


def test_settings_are_read_and_show_no_secret(tmp_path: Path) -> None:
    assert read_oidc(tmp_path) is None
    told = read(tmp_path, GOOD + '[newcomers]\nrole = "inspector"\ntowns = ["east"]\n')
    assert told is not None
    assert (told.client_secret, told.back) == (CLIENT_SECRET, "https://regulator.example/login/oidc/back")
    assert told.newcomers == Newcomers(Role.INSPECTOR, ("east",))
    assert CLIENT_SECRET not in repr(told)
    bare = GOOD.replace('client_secret_file = "secret"\n', "")
    told = read(tmp_path, bare, KITCHENVISION_OIDC_CLIENT_SECRET="of the environment")
    assert told is not None
    assert told.client_secret == "of the environment"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (GOOD.replace("https://login", "http://login"), "issuer"),
        (GOOD.replace("https://login", "https://user@login"), "issuer"),
        (GOOD.replace("https://regulator", "ftp://regulator"), "address"),
        (GOOD.replace('"secret"', '"not there"'), "client_secret_file"),
        (GOOD.replace('client_secret_file = "secret"', ""), "client_secret_file"),
        (GOOD + "claim = 7\n", "claim"),
        (GOOD + 'scopes = "email"\n', "scopes"),
        (GOOD + "name = 3\n", "name"),
        (GOOD + "secret = 3\n", "secret"),
        (GOOD + "newcomers = true\n", "newcomers"),
        (GOOD + '[newcomers]\nrole = "owner"\n', "newcomers.role"),
        (GOOD + '[newcomers]\nrole = "inspector"\n', "newcomers.towns"),
        (GOOD + '[newcomers]\nrole = "auditor"\ntowns = ["east"]\n', "newcomers.towns"),
        (GOOD.replace('client_id = "kitchenvision"', ""), "client_id"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, text)
    assert error.value.key == key
    assert CLIENT_SECRET not in str(error.value)
