"""Promises of storage.toml: the file alone moves a regulator to PostgreSQL and a bucket; secrets never show."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.conftest import made
from regulator.district import District
from regulator.sample import sample, send
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.errors import MissingExtra, SettingsError, StorageError
from kitchenvision.regulator import storage
from kitchenvision.regulator.blobs import LocalBlobStore
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.s3_blobs import S3BlobStore
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.setup import open_database
from kitchenvision.regulator.storage import open_blobs
from kitchenvision.regulator.storage_settings import (
    ACCESS_KEY,
    DATABASE_PASSWORD,
    SECRET_KEY,
    StorageSettings,
    database_address,
    read_storage,
)

SECRET = "correct horse battery staple"
BLOBS = '[blobs]\nbucket = "evidence"\nendpoint = "https://s3.example"\n'


def read(folder: Path, text: str, **environment: str) -> StorageSettings:
    """The settings of a folder with that file."""
    (folder / "storage.toml").write_text(text, "utf-8")
    return read_storage(folder, environment)


def test_without_a_file_everything_is_in_the_folder(tmp_path: Path) -> None:
    assert read_storage(tmp_path, {}) == StorageSettings()
    settings = RegulatorSettings(tmp_path)
    assert settings.url == f"sqlite:///{tmp_path / 'regulator.sqlite3'}"
    assert isinstance(open_blobs(settings), LocalBlobStore)


def test_the_password_comes_from_the_environment_or_a_file_and_is_shown_nowhere(tmp_path: Path) -> None:
    text = 'database = "postgresql://regulator@db.example:5433/kitchen"\n'
    told = read(tmp_path, text, **{DATABASE_PASSWORD: SECRET})
    assert told.database is not None
    assert told.database.password == SECRET
    (tmp_path / "password").write_text(f"{SECRET} of the file\n")
    filed = read(tmp_path, text + 'database_password_file = "password"\n', **{DATABASE_PASSWORD: "another"})
    assert filed.database is not None
    assert filed.database.password == f"{SECRET} of the file"
    assert filed.database.drivername == "postgresql+psycopg"
    for shown in (repr(told), str(told.database), repr(filed), repr(RegulatorSettings(tmp_path, storage=filed))):
        assert "horse" not in shown


def test_keys_of_the_bucket_come_from_the_environment_or_a_file_and_are_shown_nowhere(tmp_path: Path) -> None:
    told = read(tmp_path, BLOBS, **{ACCESS_KEY: "regulator", SECRET_KEY: SECRET}).blobs
    (tmp_path / "secret").write_text(SECRET)
    more = 'prefix = "kv/"\nregion = "north"\naccess_key = "other"\nsecret_key_file = "secret"\n'
    filed = read(tmp_path, BLOBS + more).blobs
    assert told is not None
    assert filed is not None
    assert (told.access_key, told.secret_key, told.prefix) == ("regulator", SECRET, "")
    assert (filed.access_key, filed.secret_key, filed.prefix, filed.region) == ("other", SECRET, "kv/", "north")
    assert "horse" not in repr(told) + repr(filed)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("databse = 'x'", "databse"),
        ("database = ''", "database"),
        ("database = 'mysql://db/kitchen'", "database"),
        ("database = 'no address'", "database"),
        (f"database = 'postgresql://regulator:{SECRET.split(maxsplit=1)[0]}@db/kitchen'", "database"),
        ("database = 'postgresql://db/x'\ndatabase_password_file = 'not-there'", "database_password_file"),
        ("blobs = 's3://evidence'", "blobs"),
        (BLOBS + "buckt = 'x'", "blobs.buckt"),
        (BLOBS.replace("evidence", "UPPER"), "blobs.bucket"),
        (BLOBS.replace("https://s3.example", "s3.example"), "blobs.endpoint"),
        (BLOBS.replace("https://", "https://me:secret@"), "blobs.endpoint"),
        (BLOBS, "blobs.access_key"),
        (BLOBS + "access_key = 'me'", "blobs.secret_key_file"),
        (BLOBS + "access_key = 'me'\nsecret_key_file = 'empty'", "blobs.secret_key_file"),
        ("not toml at all", "the file"),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_is_repeated(tmp_path: Path, text: str, key: str) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert caught.value.key == key
    assert SECRET.split(maxsplit=1)[0] not in str(caught.value)
    assert "me:secret" not in str(caught.value)


@given(st.text(min_size=1, max_size=30))
def test_whatever_stands_there_is_an_address_or_a_clear_word(text: str) -> None:
    try:
        address = database_address(text, "test")
    except SettingsError as error:
        told = error.key
    else:
        told = address.get_backend_name()
    assert told in ("database", "sqlite", "postgresql")


def test_the_file_alone_moves_a_regulator_to_the_servers(tmp_path: Path, district: District) -> None:
    with district.storage(empty=True) as chosen, made(tmp_path, chosen) as regulator:
        one = sample()
        send(regulator.client, regulator.token, [one])
        told = regulator.logged_in().get(f"/api/v1/violations/{one.violation_id}").json()
        assert len(told["reports"]) == 3
        settings = regulator.settings
        assert isinstance(open_blobs(settings), S3BlobStore)
        assert sorted(path.name for path in settings.data_dir.iterdir()) == [
            "database-password",
            "s3-secret",
            "secrets.key",
            "storage.toml",
        ]
        listed = CliRunner().invoke(app, ["regulator", "list-people", "--data", str(settings.data_dir)])
        assert listed.output.startswith("admin\towner")


def test_a_wrong_password_is_told_without_any_password(tmp_path: Path, district: District) -> None:
    with district.storage(empty=True) as chosen:
        assert chosen.database is not None
        wrong = StorageSettings(chosen.database.set(password=SECRET))
        with pytest.raises(StorageError, match="database") as caught:
            open_database(RegulatorSettings(tmp_path, storage=wrong))
        assert "horse" not in str(caught.value)
        assert str(chosen.database.password) not in str(caught.value)


def test_a_missing_client_is_told_with_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *_args: object, **_kwargs: object) -> None:
        raise ModuleNotFoundError(name)

    chosen = read(tmp_path, BLOBS, **{ACCESS_KEY: "me", SECRET_KEY: SECRET})
    monkeypatch.setattr(storage, "import_module", missing)
    with pytest.raises(MissingExtra, match=r"kitchenvision\[district\]"):
        open_blobs(RegulatorSettings(tmp_path, storage=chosen))
    monkeypatch.setattr("kitchenvision.regulator.db.create_engine", missing)
    with pytest.raises(MissingExtra, match=r"kitchenvision\[district\]"):
        Database("postgresql+psycopg://db/kitchen")
