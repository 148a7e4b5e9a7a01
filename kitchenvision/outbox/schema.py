"""The outbox's tables and how they grow: each migration is committed together with its record."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kitchenvision.errors import StorageError

BUSY_S = 30.0
_OPEN_TRIES = 100
_OPEN_PAUSE_S = 0.05

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE reports (
            id INTEGER PRIMARY KEY,
            idempotency_key TEXT NOT NULL UNIQUE,
            violation_id TEXT NOT NULL,
            seq INTEGER NOT NULL,
            kind TEXT NOT NULL,
            canteen_id TEXT NOT NULL,
            camera_id TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            body BLOB NOT NULL,
            blobs TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('pending', 'leased', 'delivered', 'dead')),
            claims INTEGER NOT NULL DEFAULT 0,
            failures INTEGER NOT NULL DEFAULT 0,
            put_at TEXT NOT NULL,
            next_attempt_at TEXT NOT NULL,
            leased_until TEXT,
            delivered_at TEXT,
            worker TEXT NOT NULL DEFAULT '',
            last_error TEXT NOT NULL DEFAULT '',
            receipt TEXT,
            UNIQUE (violation_id, seq),
            CHECK ((status = 'leased') = (leased_until IS NOT NULL)),
            CHECK ((status = 'delivered') = (receipt IS NOT NULL))
        )
        """,
        "CREATE INDEX reports_by_status ON reports (status, next_attempt_at)",
        """
        CREATE TABLE report_blobs (
            sha256 TEXT NOT NULL,
            report_id INTEGER NOT NULL REFERENCES reports (id),
            PRIMARY KEY (sha256, report_id)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX report_blobs_by_report ON report_blobs (report_id)",
    ),
)


def connect(path: Path) -> sqlite3.Connection:
    """An open database: write-ahead log, every commit synced to the disk, tables up to date.

    Raises:
        StorageError: a newer version of this program wrote it.
        sqlite3.Error: as SQLite says.
    """
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        db.row_factory = sqlite3.Row
        _use_write_ahead_log(db)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        migrate(db, path, MIGRATIONS)
    except BaseException:
        db.close()
        raise
    return db


def migrate(db: sqlite3.Connection, path: Path, migrations: Sequence[Sequence[str]]) -> None:
    """Bring the tables to the last of `migrations`.

    Raises:
        StorageError: the database has more migrations than are known here.
    """
    newest = len(migrations)
    if _version(db) == newest:
        return
    db.execute("BEGIN IMMEDIATE")  # a second process that opens it now waits here, then finds it done
    try:
        db.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL)")
        version = _version(db)
        if version > newest:
            raise StorageError(
                f"{path} was written by a newer kitchenvision (its schema is {version}, this program knows "
                f"{newest}): use the newer program; nothing was changed"
            )
        for number, statements in enumerate(migrations[version:], start=version + 1):
            for statement in statements:
                db.execute(statement)
            db.execute("INSERT INTO migrations VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", (number,))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _version(db: sqlite3.Connection) -> int:
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchone():
        return 0
    return int(db.execute("SELECT COALESCE(MAX(version), 0) FROM migrations").fetchone()[0])


def _use_write_ahead_log(db: sqlite3.Connection) -> None:
    # SQLite does not wait for its busy timeout when two processes switch a new database over at once.
    for _ in range(_OPEN_TRIES):
        with suppress(sqlite3.OperationalError):
            if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                return
        time.sleep(_OPEN_PAUSE_S)
    mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StorageError(f"the outbox needs SQLite's write-ahead log, this disk gives {mode!r}: use a local disk")
