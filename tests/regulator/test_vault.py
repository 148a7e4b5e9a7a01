"""Promises of secrets at rest: none can be read in the database, and none is lost by a rotation or an upgrade."""

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from cryptography.fernet import Fernet
from regulator.conftest import Regulator, made
from regulator.offices import Office, receiver
from regulator.test_account import post
from regulator.test_migrations import revisions, settings, up_to
from regulator.test_webhooks import AT, add, caller, queue, rows, sent
from sqlalchemy import select, text, update
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.errors import SettingsError, StorageError
from kitchenvision.regulator import backup, second_factor, setup
from kitchenvision.regulator.account_tables import RecoveryCode, SecondFactorRow
from kitchenvision.regulator.app import create_app
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.vault import VARIABLE, CannotOpen, Vault, is_sealed
from kitchenvision.regulator.webhook_tables import Webhook

__all__ = ["caller", "settings"]  # fixtures


@pytest.fixture
def office() -> Iterator[Office]:
    """A real server on loopback."""
    with receiver() as one:
        yield one


def factor(regulator: Regulator) -> str:
    """The first admin turns on the second step; returns the secret."""
    vault = regulator.app.state.parts.vault
    with regulator.app.state.parts.database.writing() as session:
        offer = second_factor.begin(session, vault, 1, "admin")
        assert offer is not None
        assert second_factor.confirm(session, vault, 1, pyotp.TOTP(offer.secret).at(AT), AT)
    return offer.secret


def fits(regulator: Regulator, secret: str, steps: int) -> bool:
    """Whether the phone's code of that many steps later is taken."""
    vault, at = regulator.app.state.parts.vault, AT + timedelta(seconds=30 * steps)
    with regulator.app.state.parts.database.writing() as session:
        return second_factor.fits(session, vault, 1, pyotp.TOTP(secret).at(at), at)


def kept(regulator: Regulator) -> list[str]:
    """Every secret as the database has it."""
    with regulator.app.state.parts.database.reading() as session:
        return [*session.scalars(select(SecondFactorRow.secret)), *session.scalars(select(Webhook.secret))]


def test_no_secret_can_be_read_in_the_database_and_each_still_works(
    regulator: Regulator, office: Office, caller: Any
) -> None:
    secret, signing = factor(regulator), add(regulator, office.url)
    queue(regulator, "a")
    assert sent(regulator, caller) == 1
    assert rows(regulator)[0].status == 204
    assert fits(regulator, secret, 1)
    assert all(is_sealed(one) for one in kept(regulator))
    files = b"".join(path.read_bytes() for path in regulator.settings.data_dir.glob("regulator.sqlite3*"))
    for one in (secret, signing, signing.removeprefix("whsec_")):
        assert one.encode() not in files
    key = regulator.settings.data_dir / "secrets.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_bytes().strip() not in files


def test_the_page_offers_the_secret_that_was_sealed(regulator: Regulator) -> None:
    browser = regulator.logged_in()
    assert post(browser, "/account/second-factor/begin").status_code == 303
    page = browser.get("/account").text
    vault = regulator.app.state.parts.vault
    with regulator.app.state.parts.database.reading() as session:
        offer = second_factor.offered(session, vault, 1, "admin")
    assert offer is not None
    assert offer.secret in page


def test_what_was_sealed_for_one_opens_for_nobody_else(regulator: Regulator) -> None:
    add(regulator, "https://one.example")
    add(regulator, "https://other.example")
    with regulator.app.state.parts.database.writing() as session:
        session.execute(update(Webhook).values(secret=session.get_one(Webhook, 1).secret))
        swapped = session.get_one(Webhook, 2).secret
    with pytest.raises(CannotOpen, match="something else"):
        regulator.app.state.parts.vault.open("webhook 2", swapped)


def test_a_running_service_follows_a_rotation_and_the_old_key_opens_nothing_more(
    regulator: Regulator, office: Office, caller: Any
) -> None:
    secret = factor(regulator)
    add(regulator, office.url)
    before, path = kept(regulator), regulator.settings.data_dir / "secrets.key"
    old = path.read_text()
    told = CliRunner().invoke(app, ["regulator", "rotate-secrets", "--data", str(regulator.settings.data_dir)])
    assert (told.exit_code, told.output) == (0, "2 secret(s) sealed anew; keep a copy of the key\n")
    assert path.read_text() != old
    assert len(path.read_text().split()) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not set(before) & set(kept(regulator))
    queue(regulator, "a")
    assert sent(regulator, caller) == 1
    assert rows(regulator)[0].status == 204
    assert fits(regulator, secret, 1)
    path.write_text(old)
    with pytest.raises(CannotOpen):
        regulator.app.state.parts.vault.open(second_factor.purpose(1), kept(regulator)[0])


def test_keys_of_the_environment_rotate_by_a_new_one_before_the_old(tmp_path: Path) -> None:
    first, second = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    old = Vault(tmp_path, {VARIABLE: first})
    kept = old.seal("webhook 1", "s")
    both = Vault(tmp_path, {VARIABLE: f"{second}, {first}"})
    fresh = both.fresh("webhook 1", kept)
    assert both.open("webhook 1", kept) == both.open("webhook 1", fresh) == "s"
    assert Vault(tmp_path, {VARIABLE: second}).open("webhook 1", fresh) == "s"
    with pytest.raises(CannotOpen):
        old.open("webhook 1", fresh)
    with pytest.raises(SettingsError, match="before the old"):
        both.rotate()
    both.drop_old()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "short", "0" * 44, "\xff"])
def test_a_file_that_holds_no_key_is_named_and_not_repeated(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.key").write_bytes(content.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"secrets\.key") as error:
        setup.prepare(RegulatorSettings(tmp_path))
    assert len(content) < 10 or content not in str(error.value)


def test_a_lost_key_keeps_the_service_from_starting_until_it_is_back_or_given_up(tmp_path: Path) -> None:
    with made(tmp_path) as regulator:
        secret = factor(regulator)
        add(regulator, "https://office.example/hook?token=x")
    data = regulator.settings.data_dir
    path = data / "secrets.key"
    key = path.read_text()
    path.unlink()
    with pytest.raises(SettingsError, match=r"secrets\.key: is missing.*forget-secrets"):
        create_app(regulator.settings)
    assert not path.exists()  # another one would not open what is there
    path.write_text(Fernet.generate_key().decode())
    with pytest.raises(SettingsError, match=r"secrets\.key: does not open.*forget-secrets"):
        setup.prepare(regulator.settings)
    told = CliRunner().invoke(app, ["regulator", "rotate-secrets", "--data", str(data)])
    assert isinstance(told.exception, SettingsError)
    path.write_text(key)
    create_app(regulator.settings)
    path.unlink()
    told = CliRunner().invoke(app, ["regulator", "forget-secrets", "--data", str(data)])
    expected = "second steps of 1 person(s) removed\nwebhook removed: https://office.example/hook?token=x\n"
    assert (told.exit_code, told.output) == (0, expected)
    create_app(regulator.settings)
    with setup.opened(regulator.settings) as database, database.reading() as session:
        assert second_factor.standing(session, 1).since is None
        assert session.scalars(select(RecoveryCode)).all() == []
    assert secret not in told.output


def test_forgetting_forgets_only_what_is_lost(regulator: Regulator) -> None:
    secret = factor(regulator)
    data = regulator.settings.data_dir
    told = CliRunner().invoke(app, ["regulator", "forget-secrets", "--data", str(data)])
    assert told.output == "second steps of 0 person(s) removed\n"
    assert fits(regulator, secret, 1)


def test_a_backup_holds_what_is_sealed_and_not_the_key(regulator: Regulator, tmp_path: Path) -> None:
    secret = factor(regulator)
    archive = tmp_path / "backup.tar"
    backup.back_up(regulator.settings, archive, AT)
    held = archive.read_bytes()
    key = (regulator.settings.data_dir / "secrets.key").read_bytes()
    assert secret.encode() not in held
    assert key.strip() not in held
    backup.restore(archive, tmp_path / "again")
    again = RegulatorSettings(tmp_path / "again")
    with pytest.raises(SettingsError, match="is missing"):
        setup.prepare(again)
    (tmp_path / "again" / "secrets.key").write_bytes(key)
    setup.prepare(again)
    with setup.opened(again) as database, database.reading() as session:
        row = session.get_one(SecondFactorRow, 1)
        assert Vault(again.data_dir).open(second_factor.purpose(1), row.secret) == secret


@pytest.mark.parametrize("revision", [one for one in revisions() if one >= "0240"])
def test_secrets_of_every_version_that_kept_them_readable_are_sealed_at_the_first_start(
    settings: RegulatorSettings, revision: str
) -> None:
    if revision >= "0280":
        pytest.skip("this version and later ones seal")
    with up_to(settings, revision) as database, database.writing() as session:
        session.execute(text("INSERT INTO second_factors VALUES (1, 'JBSWY3DPEHPK3PXP', '2026-11-01 00:00:00', 0)"))
        hook = "(webhook_id, district_id, url, secret, events, created_at, created_by)"
        values = "(5, 'default', 'https://office.example', 'whsec_abcd', 'ping', '2026-11-01 00:00:00', 1)"
        session.execute(text(f"INSERT INTO webhooks {hook} VALUES {values}"))
    for _ in range(2):
        setup.prepare(settings)
        vault = Vault(settings.data_dir)
        with setup.opened(settings) as opened, opened.reading() as session:
            first, second = session.get_one(SecondFactorRow, 1), session.get_one(Webhook, 5)
            assert vault.open(second_factor.purpose(1), first.secret) == "JBSWY3DPEHPK3PXP"
            assert vault.open("webhook 5", second.secret) == "whsec_abcd"


def test_two_that_start_at_once_make_one_key(tmp_path: Path) -> None:
    one, other = Vault(tmp_path), Vault(tmp_path)
    one.make()
    key = one.path.read_text()
    other.make()
    assert one.path.read_text() == key
    assert other.open("x", one.seal("x", "s")) == "s"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "not there")
    with pytest.raises(StorageError, match=r"secrets\.key cannot be written"):
        vault.make()
    with pytest.raises(StorageError, match="cannot be opened"):
        vault.open("x", "sealed:x")
