"""One connection to the outbox's database: a lock for threads, transactions that end well or not at all."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kitchenvision.outbox.disk import storage_errors
from kitchenvision.outbox.schema import connect

FILE = "outbox.db"


def is_outbox(folder: Path) -> bool:
    """Whether an outbox was made in a folder."""
    return (folder / FILE).is_file()


class Database:
    """The connection. Use it only inside `reading` or `writing`."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._lock = threading.Lock()
        self._db = connect(path)

    def close(self) -> None:
        """Close it. Twice is fine."""
        with self._lock:
            self._db.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For statements that change nothing.

        Raises:
            StorageError: the disk or the file fails.
        """
        with self._lock, storage_errors(self._folder):
            yield self._db

    @contextmanager
    def writing(self, needed: int = 0) -> Iterator[sqlite3.Connection]:
        """One transaction that holds the write lock from its start; durable when the block has ended.

        Args:
            needed: bytes that the caller is about to write, for the words when the disk is full.

        Raises:
            StorageError: the disk or the file fails; then nothing was changed.
        """
        with self._lock, storage_errors(self._folder, needed):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
