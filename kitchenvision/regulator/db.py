"""The database: one engine, sessions for reading and for writing, migrations at start.

Everything that is particular to SQLite stands here; the rest of the regulator is plain SQLAlchemy, so that
PostgreSQL needs another address and nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from sqlite3 import Connection as SqliteConnection
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

from kitchenvision.errors import StorageError

BUSY_TIMEOUT_MS = 15_000


class DatabaseBusy(StorageError):
    """Another process held the database for too long; the same request may succeed later."""


class Database:
    """Sessions on one database.

    Args:
        url: SQLAlchemy address.
    """

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        if self.engine.dialect.name == "sqlite":
            _tune_sqlite(self.engine)
        self._writing = self.engine.execution_options(writes=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session with one consistent view; nothing it changes is kept.

        Raises:
            StorageError: the database cannot be read.
        """
        with _storage_errors(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed as one at the end, or not at all. Durable when it returns.

        Raises:
            StorageError: disk full, not writable. DatabaseBusy: locked for too long.
        """
        with _storage_errors(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def migrate(self) -> None:
        """Bring the tables to this version.

        Raises:
            StorageError: not writable, or written by a newer version.
        """
        # The resource may come out of a zip file, hence as_file.
        with as_file(files("kitchenvision.regulator") / "migrations") as folder, _storage_errors():
            config = Config()
            config.set_main_option("script_location", str(folder).replace("%", "%%"))
            config.set_main_option("path_separator", "os")
            head = ScriptDirectory.from_config(config).get_current_head()
            with self._writing.begin() as connection:
                config.attributes["connection"] = connection
                try:
                    command.upgrade(config, "head")
                except CommandError as error:
                    raise StorageError(
                        f"the regulator's database is not one this version ({head}) can use: {error}; "
                        "start the newer kitchenvision that wrote it"
                    ) from error

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        # A broken or foreign file is a bare DatabaseError; its other children are errors of ours.
        if not isinstance(error, OperationalError) and type(error) is not DatabaseError:
            raise
        reason = str(error.orig)
        if "locked" in reason or "busy" in reason:
            raise DatabaseBusy(f"the database is busy: {reason}; try again") from error
        raise StorageError(f"the database cannot be used: {reason}; look at disk space and permissions") from error


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
