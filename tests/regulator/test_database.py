"""Promises of the database: made and brought up at start, the same as the tables say, settings of SQLite."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from regulator.conftest import Regulator
from regulator.sample import sample, send
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError

from kitchenvision.errors import StorageError
from kitchenvision.regulator import setup
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.tables import Base, Canteen, UtcDateTime


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A fresh one."""
    made = setup.open_database(RegulatorSettings(tmp_path))
    yield made
    made.close()


def test_a_fresh_database_has_exactly_the_tables_that_the_code_declares(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _compare})
        assert compare_metadata(context, Base.metadata) == []
        assert set(inspect(connection).get_table_names()) == {*Base.metadata.tables, "alembic_version"}


def _compare(_context: object, _inspected: object, _column: object, kept: object, declared: object) -> bool | None:
    return False if isinstance(declared, UtcDateTime) else None


def test_the_migrations_are_one_chain() -> None:
    folder = files("kitchenvision.regulator") / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_migrating_again_changes_nothing_and_keeps_what_is_there(regulator: Regulator) -> None:
    one = sample()
    send(regulator.client, regulator.token, [one])
    setup.prepare_database(regulator.settings)
    setup.prepare_database(regulator.settings)
    told = regulator.logged_in().get(f"/api/v1/violations/{one.violation_id}").json()
    assert len(told["reports"]) == 3


def test_an_empty_file_of_an_earlier_try_is_brought_up(tmp_path: Path) -> None:
    (tmp_path / "regulator.sqlite3").touch()
    setup.prepare_database(RegulatorSettings(tmp_path))
    setup.add_canteen(RegulatorSettings(tmp_path), "canteen-1")


def test_a_database_of_a_newer_version_is_refused_with_a_clear_word(tmp_path: Path) -> None:
    settings = RegulatorSettings(tmp_path)
    setup.prepare_database(settings)
    database = Database(settings.url)
    with database.writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(StorageError, match="newer"):
        setup.prepare(settings)


def test_a_file_that_is_no_database_is_refused_with_a_clear_word(tmp_path: Path) -> None:
    (tmp_path / "regulator.sqlite3").write_bytes(b"something else entirely" * 100)
    with pytest.raises(StorageError, match="database"):
        setup.prepare(RegulatorSettings(tmp_path))


def test_several_starts_at_once_make_one_database(tmp_path: Path) -> None:
    settings = RegulatorSettings(tmp_path)
    found: list[object] = []

    def start() -> None:
        try:
            found.append(setup.prepare(settings).first_admin_password)
        except StorageError as error:
            found.append(error)

    setup.prepare_database(settings)
    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(password is None for password in found) == [False, True, True]
    assert all(password is None or isinstance(password, str) for password in found)


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 15000)]
)
def test_sqlite_is_tuned_for_durability(database: Database, pragma: str, value: object) -> None:
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.writing() as writer:
        writer.add(Canteen(canteen_id="a", name="a", token_sha256="0" * 64, created_at=datetime.now(UTC)))
        writer.flush()
        with database.reading() as reader:
            assert reader.scalars(select(Canteen)).all() == []
    with database.reading() as reader:
        assert len(reader.scalars(select(Canteen)).all()) == 1


def test_instants_come_back_aware_and_the_same_whatever_zone_they_came_in(database: Database) -> None:
    at = datetime(2026, 11, 20, 11, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    with database.writing() as session:
        session.add(Canteen(canteen_id="a", name="a", token_sha256="0" * 64, created_at=at))
    with database.reading() as session:
        kept = session.get_one(Canteen, "a").created_at
    assert kept == at
    assert kept.tzinfo is UTC


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type]


def test_two_rows_with_one_token_are_impossible(database: Database) -> None:
    at = datetime.now(UTC)

    def add(canteen_id: str) -> None:
        with database.writing() as session:
            session.add(Canteen(canteen_id=canteen_id, name="a", token_sha256="0" * 64, created_at=at))

    add("a")
    with pytest.raises(IntegrityError):
        add("b")
