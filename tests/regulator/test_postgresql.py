"""Promises of the database on PostgreSQL: one writer at a time as in SQLite, but for lanes; and clear words."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from regulator.district import District
from sqlalchemy import bindparam, func, select, text
from sqlalchemy.exc import IntegrityError

from kitchenvision.errors import StorageError
from kitchenvision.regulator import setup
from kitchenvision.regulator.db import NO_LANE, Database, DatabaseBusy, Found
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.storage_settings import StorageSettings, database_address
from kitchenvision.regulator.tables import Canteen, Town

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


@pytest.fixture
def database(district: District) -> Iterator[Database]:
    """One with the newest tables."""
    with district.storage() as chosen:
        assert chosen.database is not None
        made = Database(chosen.database)
        yield made
        made.close()


def canteen(name: str) -> Canteen:
    """A row."""
    return Canteen(canteen_id=name, name=name, token_sha256=name, created_at=AT)


def test_a_writer_alone_sees_what_the_writer_before_it_left(database: Database) -> None:
    def add_the_next(_: int) -> None:
        with database.writing() as session:
            count = session.scalar(select(func.count()).select_from(Canteen)) or 0
            session.add(canteen(f"canteen-{count}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_the_next, range(40)))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Canteen)) == 40


def test_writers_of_one_lane_wait_for_each_other(database: Database) -> None:
    def add_the_next(_: int) -> None:
        with database.writing(lane="a") as session:
            count = session.scalar(select(func.count()).select_from(Canteen)) or 0
            session.add(canteen(f"canteen-{count}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_the_next, range(24)))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Canteen)) == 24


def test_a_writer_of_another_lane_does_not_wait_and_a_writer_alone_does(database: Database) -> None:
    order: list[str] = []
    alone_waits = threading.Event()

    def alone() -> None:
        alone_waits.set()
        with database.writing() as session:
            order.append("alone")
            session.add(canteen("c"))

    with database.writing(lane="a") as session:
        session.add(canteen("a"))
        session.flush()
        with database.writing(lane="b") as other:
            other.add(canteen("b"))
        order.append("b")
        waiting = threading.Thread(target=alone)
        waiting.start()
        alone_waits.wait(10)
        order.append("a")
    waiting.join(20)
    assert order == ["b", "a", "alone"]


def test_who_finds_its_lane_first_waits_for_that_lane_only(database: Database) -> None:
    with database.writing() as session:
        session.add_all([canteen("a"), canteen("b")])

    found = Found(select(Canteen.canteen_id).where(Canteen.name == bindparam("name")), {"name": "a"})

    with database.writing(lane="b"), database.writing(lane=found) as session:
        held = select(func.count()).select_from(text("pg_locks")).where(text("locktype = 'advisory' AND granted"))
        assert session.scalar(held) == 4  # each holds its lane, and the writers' lock together
    waits = threading.Event()

    def alone() -> None:
        with database.writing():
            waits.set()

    with database.writing(lane=found):
        waiting = threading.Thread(target=alone)
        waiting.start()
        assert not waits.wait(0.3)
    assert waits.wait(10)
    waiting.join(10)


def test_rows_that_are_only_added_wait_for_nobody(database: Database) -> None:
    with database.writing(), database.writing(lane=NO_LANE) as session:
        session.add(canteen("a"))
    with database.asking() as session:
        assert session.scalars(select(Canteen.canteen_id)).all() == ["a"]


def test_each_question_of_one_who_asks_sees_its_own_moment(database: Database) -> None:
    with database.asking() as asking:
        assert asking.scalars(select(Canteen.canteen_id)).all() == []
        with database.writing() as session:
            session.add(canteen("a"))
        assert asking.scalars(select(Canteen.canteen_id)).all() == ["a"]


def test_a_reader_sees_one_moment_and_changes_nothing(database: Database) -> None:
    with database.reading() as reader:
        assert reader.scalars(select(Canteen)).all() == []
        with database.writing() as writer:
            writer.add(canteen("a"))
        assert reader.scalars(select(Canteen)).all() == []
    with database.reading() as reader:
        assert len(reader.scalars(select(Canteen)).all()) == 1
        reader.add(canteen("b"))
        with pytest.raises(Exception, match="read-only"):
            reader.flush()


def test_a_reader_leaves_its_prepared_statements_to_the_next_one(database: Database) -> None:
    for _ in range(8):  # the driver prepares what it has been asked a few times
        with database.reading() as reader:
            reader.scalars(select(Canteen)).all()
    with database.reading() as reader:
        kept = reader.scalar(text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%canteens%'"))
    assert kept == 1


def test_who_finds_no_lane_waits_for_everybody(database: Database) -> None:
    nothing = Found(select(Canteen.canteen_id).where(Canteen.name == bindparam("name")), {"name": "nobody"})
    with database.writing(lane=nothing) as session:
        held = select(func.count()).select_from(text("pg_locks")).where(text("locktype = 'advisory' AND granted"))
        assert session.scalar(held.where(text("mode = 'ExclusiveLock'"))) == 1


def test_a_writer_that_waits_too_long_is_told_to_try_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kitchenvision.regulator.db.BUSY_TIMEOUT_MS", 200)
    impatient = Database(database.engine.url)
    with database.writing(), pytest.raises(DatabaseBusy, match="busy"), impatient.writing():
        raise AssertionError("not reached")
    impatient.close()


def test_an_exhausted_pool_is_busy_and_not_a_crash(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BUSY_TIMEOUT_MS", 100), ("_CONNECTIONS", 1), ("_MORE_CONNECTIONS", 0)):
        monkeypatch.setattr(f"kitchenvision.regulator.db.{name}", value)
    small = Database(database.engine.url)
    with small.reading() as first:
        first.connection()
        with pytest.raises(DatabaseBusy, match="connection"), small.reading() as second:
            second.connection()
    small.close()


def test_a_server_that_was_restarted_costs_no_request(
    database: Database, district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kitchenvision.regulator.db._TRIED_AFTER_S", 0.0)
    with database.reading() as session:
        session.connection()
    with district.postgres.connected() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (database.engine.url.database,),
        )
    with database.reading() as session:
        assert session.scalars(select(Canteen)).all() == []


def test_a_server_that_is_down_is_a_storage_error(tmp_path: Path) -> None:
    gone = StorageSettings(database_address("postgresql://regulator@127.0.0.1:1/kitchen", "test", "hush-hush"))
    with pytest.raises(StorageError, match="database") as caught:
        setup.open_database(RegulatorSettings(tmp_path, storage=gone))
    assert "hush-hush" not in str(caught.value)


def test_a_right_that_is_missing_is_a_storage_error(database: Database, district: District) -> None:
    name = database.engine.url.database or ""
    with district.postgres.connected(name) as admin:
        admin.execute("CREATE ROLE clerk_" + name + " LOGIN PASSWORD 'clerk'")
    address = database.engine.url.set(username="clerk_" + name, password="clerk")
    clerk = Database(address)
    with pytest.raises(StorageError, match="permission"), clerk.reading() as session:
        session.scalars(select(Canteen)).all()
    clerk.close()
    with district.postgres.connected(name) as admin:
        admin.execute("DROP ROLE clerk_" + name)


def test_a_commit_is_on_the_disk_whatever_the_server_does_by_default(
    database: Database, district: District
) -> None:
    with district.postgres.connected() as admin:
        (default,) = admin.execute("SHOW synchronous_commit").fetchone() or ("",)
    assert default == "off"  # the test's server is quick
    with database.writing() as session:
        assert session.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_several_starts_at_once_make_one_database(district: District, tmp_path: Path) -> None:
    with district.storage(empty=True) as chosen:
        settings = RegulatorSettings(tmp_path, storage=StorageSettings(chosen.database))
        with ThreadPoolExecutor(3) as pool:
            passwords = list(pool.map(lambda _: setup.prepare(settings).first_admin_password, range(3)))
    assert sorted(password is None for password in passwords) == [False, True, True]


def test_a_newer_version_is_refused_with_a_clear_word(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    settings = RegulatorSettings(tmp_path, storage=StorageSettings(database.engine.url))
    with pytest.raises(StorageError, match="newer"):
        setup.prepare(settings)


def test_a_broken_promise_is_the_same_error_as_in_sqlite(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(Town(town_id="t", district_id="nowhere", name="t"))
