"""A report's row: whether it is there already, and putting it there."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from kitchenvision.outbox import statements as sql
from kitchenvision.outbox.item import Status, conflict_of
from kitchenvision.wire import BlobRef


def standing(db: sqlite3.Connection, key: str, sha256: str) -> Status | None:
    """Where the report with this key and content stands; None when it is not there.

    Raises:
        ReportConflict: it is there with other content.
    """
    row = db.execute("SELECT sha256, status FROM reports WHERE idempotency_key = ?", (key,)).fetchone()
    if row is None:
        return None
    if row["sha256"] != sha256:
        raise conflict_of(key, row["sha256"], sha256)
    return Status(row["status"])


def insert(db: sqlite3.Connection, values: Mapping[str, Any], blobs: Iterable[BlobRef]) -> bool:
    """Add a report and the names of its blobs; False when the same one is there already.

    Args:
        values: as `item.values_of` gives them.

    Raises:
        ReportConflict: it is there with other content.
    """
    row = db.execute(sql.INSERT, values).fetchone()
    if row is None:
        standing(db, values["key"], values["sha256"])
        return False
    db.executemany("INSERT OR IGNORE INTO report_blobs VALUES (?, ?)", [(ref.sha256, row[0]) for ref in blobs])
    return True
