"""Promises of the migrations over both databases: from every version, with data, up to the newest tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kitchenvision.regulator import case_store, case_tables, setup
from kitchenvision.regulator.access import EVERYTHING
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.storage_settings import StorageSettings
from kitchenvision.regulator.tables import Base, UtcDateTime

SAID = '{"zone":"备餐间"}'
PEOPLE = "(person_id, username, password_hash, role, created_at) "
FIRST = (
    "INSERT INTO canteens (canteen_id, name, token_sha256, created_at) "
    "VALUES ('canteen-1', '一号食堂', 'aa', '2026-11-01 00:00:00')",
    f"INSERT INTO people {PEOPLE}VALUES (1, 'admin', 'x', 'admin', '2026-11-01 00:00:00')",
    f"INSERT INTO people {PEOPLE}VALUES (2, 'wang', 'x', 'inspector', '2026-11-01 00:00:00')",
    "INSERT INTO violations VALUES ('v1', 'canteen-1', 'c', 'no_hat', '2026-11-02 00:00:00', '2026-11-02 00:00:01',"
    " 1, 2, NULL, 0.9, 1, 'confirmed', 1)",
    "INSERT INTO decisions VALUES (1, 'v1', 0, 'confirmed', NULL, '', 2, '2026-11-03 00:00:00')",
    "INSERT INTO report_blobs VALUES ('v1', 1, 'snapshot', 'ee', 5, 'image/jpeg')",
)
CASE = (
    "INSERT INTO cases VALUES (1, '2026-00001', 'canteen-1', 'no_hat', '备餐间', '2026-11-03 00:00:00', 'notified',"
    " '2026-11-10 00:00:00')",
    "INSERT INTO case_violations VALUES ('v1', 1)",
    "INSERT INTO case_events VALUES (1, 1, 1, 'opened', 'notified', 2, '2026-11-03 00:00:00', '', NULL,"
    " '2026-11-10 00:00:00')",
)
COLOUR = "INSERT INTO colours VALUES ('canteen-1', '2026-11-02', 'yellow', '', 70.0, 8.0, 1.0, 'dd')"


def alembic(database: Database) -> Config:
    """How alembic finds the migrations; the connection is added by the caller."""
    config = Config()
    config.set_main_option("script_location", str(files("kitchenvision.regulator") / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def revisions() -> list[str]:
    """Every version, oldest first."""
    scripts = ScriptDirectory.from_config(alembic(Database("sqlite://")))
    return [one.revision for one in reversed(list(scripts.walk_revisions()))]


@contextmanager
def up_to(settings: RegulatorSettings, revision: str) -> Iterator[Database]:
    """A database as that version left it, with data."""
    database = Database(settings.url)
    config = alembic(database)
    with database.engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in FIRST:
            connection.exec_driver_sql(statement)
        report = "INSERT INTO reports VALUES ('v1', 1, 'confirmed', :body, 'dd', '2026-11-02 00:00:00')"
        connection.execute(text(report), {"body": SAID.encode()})
        for step in revisions()[1:]:
            if step > revision:
                break
            command.upgrade(config, step)
            for statement in {"0003": CASE, "0100": (COLOUR,)}.get(step, ()):
                connection.exec_driver_sql(statement)
    try:
        yield database
    finally:
        database.close()


@pytest.fixture(params=["files", "district"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RegulatorSettings]:
    """An empty database of each kind."""
    if request.param == "files":
        yield RegulatorSettings(tmp_path)
        return
    with request.getfixturevalue("district").storage(empty=True) as chosen:
        yield RegulatorSettings(tmp_path, storage=StorageSettings(chosen.database))


@pytest.mark.parametrize("revision", revisions())
def test_a_database_of_every_version_comes_up_whole_with_its_data(
    settings: RegulatorSettings, revision: str
) -> None:
    with up_to(settings, revision):
        pass
    database = setup.open_database(settings)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _compare})
        assert case_tables.CaseRow.metadata is Base.metadata
        assert compare_metadata(context, Base.metadata) == []
        assert set(inspect(connection).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    with database.reading() as session:
        assert session.execute(text("SELECT violation_id, zone FROM violations")).all() == [("v1", "备餐间")]
        assert session.execute(text("SELECT username, role FROM people ORDER BY username")).all() == [
            ("admin", "owner"),
            ("wang", "inspector"),
        ]
        has_case = revision >= "0003"
        assert session.execute(text("SELECT COUNT(*) FROM cases")).scalar() == int(has_case)
        assert len(case_store.waiting(session, EVERYTHING, datetime(2026, 11, 4, tzinfo=UTC))) == int(not has_case)
    with database.writing() as session:
        _refused(session, "UPDATE picture_views SET role = 'x'", none_there=True)
        if has_case:
            _refused(session, "UPDATE case_events SET words = 'other'")
            _refused(session, "DELETE FROM case_violations")
            _refused(session, "DELETE FROM cases")
            _refused(session, "UPDATE cases SET state = 'closed'")
    database.close()


def test_new_rows_get_numbers_after_those_that_were_there(settings: RegulatorSettings) -> None:
    setup.prepare(settings)
    setup.add_person(settings, "li")
    numbers = {one.username: one.person_id for one in setup.listed_people(settings)}
    assert numbers["li"] > numbers["admin"]


@pytest.mark.parametrize(
    "table", ["picture_views", "case_events", "case_violations", "observed_reports", "policies", "incident_moves"]
)
def test_postgresql_refuses_to_empty_what_is_only_added_to(district: "object", tmp_path: Path, table: str) -> None:
    with district.storage() as chosen:  # type: ignore[attr-defined]
        database = Database(chosen.database)
        with database.writing() as session:
            _refused(session, f"TRUNCATE {table} CASCADE")
        database.close()


def _refused(session: Session, statement: str, none_there: bool = False) -> None:
    before = session.connection().begin_nested()
    if none_there:
        session.connection().exec_driver_sql(statement)
    else:
        with pytest.raises(IntegrityError):
            session.connection().exec_driver_sql(statement)
    before.rollback()


def _compare(_context: object, _inspected: object, _column: object, kept: object, declared: object) -> bool | None:
    return False if isinstance(declared, UtcDateTime) else None
