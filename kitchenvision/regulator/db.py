"""The database: one engine, sessions for reading and for writing, migrations at start.

Everything that is particular to SQLite or PostgreSQL stands here, in `jobs` (which process has one) and in
`migrations/guards`; the rest of the regulator is plain SQLAlchemy.

SQLite lets one writer in at a time, and the code relies on it: what a writer read, nobody changes before it
commits. PostgreSQL keeps that promise by advisory locks. A writer that touches what is of one canteen alone can say
so: it writes beside those of other canteens.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import Error as SqliteError
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Engine, Insert, Select, create_engine, event, func, make_url, select
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DisconnectionError,
    OperationalError,
    ProgrammingError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from kitchenvision.errors import KitchenvisionError, MissingExtra, StorageError

BUSY_TIMEOUT_MS = 15_000
# Of the advisory locks; any numbers will do that no other program takes in this database.
_WRITERS, _LANES, JOBS = 0x6B76, 0x6B77, 0x6B78
_CONNECTIONS, _MORE_CONNECTIONS = 25, 15  # of the latter each is made anew and closed after use
_TRIED_AFTER_S = 1.0  # a connection that rested for longer is tried before it is used
NO_LANE = ""
_COMMITS_LATER = "name = 'synchronous_commit' AND setting = 'off'"
# Serialization failure, deadlock, lock not available, statement cancelled by its timeout.
_BUSY_STATES = frozenset({"40001", "40P01", "55P03", "57014"})


class DatabaseBusy(StorageError):
    """Another process held the database for too long; the same request may succeed later."""


class NotStorable(KitchenvisionError):
    """A value that the database cannot hold or look for, such as a NUL sign: who sent it is told."""


@dataclass(frozen=True)
class Found:
    """A lane that is found out while it is taken: what a statement of one column gives, with these values."""

    statement: Select[str]
    values: Mapping[str, Any]


Lane = str | Found


class Database:
    """Sessions on one database.

    Args:
        url: SQLAlchemy address.

    Raises:
        MissingExtra: the driver of this kind of database is not installed.
    """

    def __init__(self, url: str | URL) -> None:
        address = make_url(url)
        try:
            self.engine = create_engine(address, **_pool(address))
        except ModuleNotFoundError as error:
            raise MissingExtra("district", f"a database of {address.get_backend_name()}") from error
        self._locks = self.engine.dialect.name == "postgresql"
        if self.engine.dialect.name == "sqlite":
            _tune_sqlite(self.engine)
        elif self._locks:
            _tune_postgresql(self.engine)
        self._writing = self.engine.execution_options(writes=True)
        # One statement sees what the one before it saw, as in SQLite.
        snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = self.engine.execution_options(**snapshot) if self._locks else self.engine
        self._asking = self.engine.execution_options(isolation_level="AUTOCOMMIT") if self._locks else self.engine

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session with one consistent view; nothing it changes is kept.

        Raises:
            StorageError: the database cannot be read.
        """
        with storage_errors(), Session(self._reading, expire_on_commit=False) as session:
            yield session
            if self._locks and session.is_active and session.in_transaction():
                # It cannot have changed anything. After a rollback the driver would forget each prepared statement
                # of the connection, and the server would parse and plan all of them anew for the next page.
                session.connection().connection.commit()

    @contextmanager
    def asking(self) -> Iterator[Session]:
        """A session for one question; of several each sees a moment of its own. Cheaper than `reading`.

        Raises:
            StorageError: the database cannot be read.
        """
        with storage_errors(), Session(self._asking, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def question(self) -> Iterator[Connection]:
        """As `asking`, for statements about columns: without objects they cost half.

        Raises:
            StorageError: the database cannot be read.
        """
        with storage_errors(), self._asking.connect() as connection:
            yield connection

    def add(self, statement: Insert, row: Mapping[str, Any]) -> None:
        """Add a row that concerns no other, in a transaction of its own; durable when it returns.

        Raises:
            StorageError: disk full, not writable.
        """
        if not self._locks:
            with self.writing(lane=NO_LANE) as session:
                session.connection().execute(statement, row)
            return
        with self.question() as connection:
            connection.execute(statement, row)

    @contextmanager
    def writing(self, lane: Lane | None = None) -> Iterator[Session]:
        """A session that is committed as one at the end, or not at all. Durable when it returns.

        Args:
            lane: name of what is touched, such as a canteen's id, or how it is found out; writers of other lanes
                may write meanwhile. None, or a lane that is not found: nobody else may. `NO_LANE` for rows that are
                only added, by themselves.

        Raises:
            StorageError: disk full, not writable. DatabaseBusy: locked for too long.
        """
        with storage_errors(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            if self._locks:
                _lock(session.connection(), lane)
            yield session

    def migrate(self) -> None:
        """Bring the tables to this version.

        Raises:
            StorageError: not writable, or written by a newer version.
        """
        # The resource may come out of a zip file, hence as_file.
        with as_file(files("kitchenvision.regulator") / "migrations") as folder, storage_errors():
            config = Config()
            config.set_main_option("script_location", str(folder).replace("%", "%%"))
            config.set_main_option("path_separator", "os")
            head = ScriptDirectory.from_config(config).get_current_head()
            with self._writing.begin() as connection:
                if self._locks:
                    _lock(connection, None)
                config.attributes["connection"] = connection
                try:
                    command.upgrade(config, "head")
                except CommandError as error:
                    raise StorageError(
                        f"the regulator's database is not one this version ({head}) can use: {error}; "
                        "start the newer kitchenvision that wrote it"
                    ) from error

    def copy_to(self, path: Path) -> None:
        """Write one consistent copy of an SQLite database to a new file, also beside writers.

        Raises:
            StorageError: it cannot be read or written.
        """
        with storage_errors(), self.engine.connect() as connection:
            kept = connection.connection.driver_connection
            assert isinstance(kept, SqliteConnection)
            try:
                kept.rollback()  # copying is not done within a transaction
                kept.execute("VACUUM INTO ?", (str(path),)).close()
            except SqliteError as error:
                raise StorageError(f"the database cannot be copied to {path}: {error}") from error

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def storage_errors() -> Iterator[None]:
    """What the database raises becomes StorageError, DatabaseBusy or NotStorable."""
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseBusy("the database is busy: no connection came free; try again") from error
    except DataError as error:
        raise NotStorable(_first_line(error.orig)) from error
    except DatabaseError as error:
        state = getattr(error.orig, "sqlstate", None)
        # A broken or foreign file is a bare DatabaseError; its other children are errors of ours, but for a missing
        # right on a table.
        ours = not isinstance(error, OperationalError) and type(error) is not DatabaseError
        if ours and not (isinstance(error, ProgrammingError) and state == "42501"):
            raise
        reason = str(error.orig).strip()
        if state in _BUSY_STATES or (state is None and ("locked" in reason or "busy" in reason)):
            raise DatabaseBusy(f"the database is busy: {reason}; try again") from error
        raise StorageError(f"the database cannot be used: {reason}; look at disk space and permissions") from error
    except StatementError as error:
        # An instant that is none in UTC, before the first year or after the last.
        if not isinstance(error.orig, OverflowError):
            raise
        raise NotStorable(_first_line(error.orig)) from error
    except OverflowError as error:
        if "SQLite" not in str(error):  # its driver has no error of its own for a number that is too large
            raise
        raise NotStorable(_first_line(error)) from error


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0]


def _pool(address: URL) -> dict[str, Any]:
    if address.get_backend_name() != "postgresql":
        return {}
    return {
        "pool_size": _CONNECTIONS,
        "max_overflow": _MORE_CONNECTIONS,
        "pool_timeout": BUSY_TIMEOUT_MS / 1000,
        "pool_use_lifo": True,  # the few that are in use have their statements prepared
        "connect_args": {"connect_timeout": 10},
    }


@cache
def _locking(found: Select[str]) -> Select[Any]:
    (name,) = found.subquery().c
    together = func.pg_advisory_xact_lock_shared(_WRITERS, 0)
    return select(together, func.pg_advisory_xact_lock(_LANES, func.hashtext(name)))


def _lock(connection: Connection, lane: Lane | None) -> None:
    if isinstance(lane, Found):
        if connection.execute(_locking(lane.statement), lane.values).first() is not None:
            return
        lane = None
    if lane is None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, 0)", (_WRITERS,))
        return
    if lane == NO_LANE:
        return
    connection.exec_driver_sql(
        "SELECT pg_advisory_xact_lock_shared(%s, 0), pg_advisory_xact_lock(%s, hashtext(%s))",
        (_WRITERS, _LANES, lane),
    )


def _tune_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
            # A receipt is given after the commit, so the commit must be on the disk, whatever the server's default.
            cursor.execute("SELECT set_config(name, 'on', false) FROM pg_settings WHERE " + _COMMITS_LATER)
            cursor.execute("SET timezone = 'UTC'")
        connection.commit()

    @event.listens_for(engine, "checkin")
    def returned(_connection: Any, record: Any) -> None:
        record.info["returned_s"] = time.monotonic()

    # A server that was restarted costs no request; to ask each time would cost every request.
    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        at = time.monotonic()
        if at - record.info.get("returned_s", at) >= _TRIED_AFTER_S:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError from error


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: SqliteConnection, _record: Any) -> None:
        # The driver would begin transactions late; `began` below does it itself.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",  # a receipt is given after the commit, so the commit must be on the disk
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        # A writer that begins as a reader can fail half-way when another one wrote meanwhile.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
