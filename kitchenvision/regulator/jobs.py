"""What a regulator does by itself, every so often, in a thread. Of several processes of one service one does it."""

import logging
import threading
from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from kitchenvision.errors import StorageError
from kitchenvision.regulator.db import JOBS, Database, storage_errors

LOG = logging.getLogger(__name__)


class Sole:
    """Of all processes that share a database one has a job: whoever asked first, until it ends or lets go.

    SQLite is served by one process, which has every job. PostgreSQL keeps a lock for as long as its holder's
    connection lives, so that another process may have the job at once when the holder dies.
    """

    def __init__(self, database: Database, job: str) -> None:
        self._engine, self._job = database.engine, job
        self._held: Connection | None = None

    def mine(self) -> bool:
        """Whether this process has the job now; takes it when nobody has. Never waits.

        Raises:
            StorageError: the database cannot be asked.
        """
        if self._engine.dialect.name != "postgresql":
            return True
        with storage_errors():
            try:
                if self._held is None:
                    self._held = self._taken()
                else:
                    self._held.exec_driver_sql("SELECT 1")
            except DatabaseError:
                self.let_go()
                raise
        return self._held is not None

    def let_go(self) -> None:
        """Another process may have the job."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _taken(self) -> Connection | None:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        asked = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (JOBS, self._job))
        if asked.scalar():
            connection.detach()  # closed for good when it is let go, and the lock with it
            return connection
        connection.close()
        return None


class Job:
    """Done again and again until it is stopped.

    Args:
        name: of the job, for its thread, the log, and among the processes. do: does it once.
        every_s: seconds before each time, the first too. patience_s: how long `stop` waits for what is under way.
    """

    def __init__(
        self, database: Database, name: str, do: Callable[[], object], every_s: float, patience_s: float
    ) -> None:
        self._name, self._do, self._every_s, self._patience_s = name, do, every_s, patience_s
        self._stop = threading.Event()
        self._sole = Sole(database, name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def stopping(self) -> bool:
        """Whether it was told to end."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what is under way."""
        self._stop.set()
        self._thread.join(self._patience_s)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                if self._sole.mine():  # else another process of this service does it
                    self._do()
            except StorageError as error:
                LOG.warning("%s wait: %s", self._name, error)
            except Exception:  # the top of a loop: a flaw in one round must not end all others for good
                LOG.exception("%s wait after an error", self._name)
        self._sole.let_go()
