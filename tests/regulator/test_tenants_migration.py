"""Promises of the migrations: an old database with data comes up whole, and its people keep their work."""

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from kitchenvision.errors import StorageError
from kitchenvision.regulator import case_store, people, setup
from kitchenvision.regulator.access import EVERYTHING, Role, scope_of
from kitchenvision.regulator.canteens import canteens
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.migrations import guards
from kitchenvision.regulator.settings import RegulatorSettings

OLD_DATA = (
    "INSERT INTO canteens VALUES ('canteen-1', '一号食堂', 'aa', '2026-11-01 00:00:00')",
    "INSERT INTO people VALUES (1, 'admin', 'x', 'admin', '2026-11-01 00:00:00')",
    "INSERT INTO people VALUES (2, 'wang', 'x', 'inspector', '2026-11-01 00:00:00')",
    "INSERT INTO violations VALUES ('v1', 'canteen-1', 'c', 'no_hat', '2026-11-02 00:00:00', '2026-11-02 00:00:01',"
    " 1, 2, NULL, 0.9, 1, 'confirmed', 1)",
    "INSERT INTO reports VALUES ('v1', 1, 'confirmed', "
    "CAST('{\"zone\":\"备餐间\"}' AS BLOB), 'dd', '2026-11-02 00:00:00')",
    "INSERT INTO decisions VALUES (1, 'v1', 0, 'confirmed', NULL, '', 2, '2026-11-03 00:00:00')",
    "INSERT INTO sessions VALUES ('bb', 2, 'cc', '2099-01-01 00:00:00')",
)


@pytest.fixture
def old(tmp_path: Path) -> RegulatorSettings:
    """A folder as version 0.1 left it."""
    settings = RegulatorSettings(tmp_path)
    database = Database(settings.url)
    config = Config()
    config.set_main_option("script_location", str(files("kitchenvision.regulator") / "migrations"))
    config.set_main_option("path_separator", "os")
    with database.engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in OLD_DATA:
            connection.execute(text(statement))
    database.close()
    return settings


def test_everything_of_an_old_database_is_there_and_in_one_town(old: RegulatorSettings) -> None:
    database = setup.open_database(old)
    with database.reading() as session:
        inspector = scope_of(Role.INSPECTOR, "default", ("default",), None)
        assert [one.name for one in canteens(session, inspector)] == ["一号食堂"]
        assert session.execute(text("SELECT violation_id, verdict FROM decisions")).all() == [("v1", "confirmed")]
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []
        assert session.execute(text("SELECT COUNT(*) FROM sessions")).scalar() == 1
    database.close()


def test_the_zone_of_an_old_violation_is_found_in_its_report(old: RegulatorSettings) -> None:
    database = setup.open_database(old)
    with database.reading() as session:
        assert session.execute(text("SELECT zone FROM violations")).all() == [("备餐间",)]
        (incident,) = case_store.waiting(session, EVERYTHING, datetime(2026, 11, 4, tzinfo=UTC))
    assert incident.place == ("canteen-1", "no_hat", "备餐间")
    database.close()


def test_who_was_admin_can_still_do_everything_and_an_inspector_keeps_all_canteens(old: RegulatorSettings) -> None:
    roles = {one.username: (one.role, one.towns) for one in setup.listed_people(old)}
    assert roles == {"admin": (Role.OWNER, ()), "wang": (Role.INSPECTOR, ("default",))}
    assert setup.one_time_link(old, "admin")


def test_people_of_the_first_start_and_of_an_old_database_are_alike(tmp_path: Path, old: RegulatorSettings) -> None:
    fresh = RegulatorSettings(tmp_path / "fresh")
    setup.prepare(fresh)
    database = setup.open_database(fresh)
    with database.reading() as session:
        listed = people.listed(session, EVERYTHING)
    database.close()
    assert [one.role for one in listed] == [Role.OWNER]


def test_a_kind_of_database_without_guards_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        class dialect:
            name = "mysql"

    monkeypatch.setattr(guards.op, "get_bind", lambda: Elsewhere)
    with pytest.raises(StorageError, match="mysql"):
        guards.append_only("anything")
