"""What the outbox gives out: items, frozen. Rows of the database become items here and nowhere else."""

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from kitchenvision.errors import StorageError
from kitchenvision.wire import (
    BlobRef,
    ClipReport,
    ConfirmedReport,
    EndedReport,
    ObservedTime,
    Receipt,
    canonical_json,
    content_hash,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ReportConflict(StorageError):
    """Another report with the same idempotency key is already in the outbox."""


class Status(StrEnum):
    """Where a report stands. `delivered` is the end; `dead` needs a person; a lease ends by itself."""

    PENDING = "pending"
    LEASED = "leased"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True)
class Item:
    """One report in the outbox.

    Attributes:
        idempotency_key: ``violation_id/seq``, or ``observed/observation_id``.
        violation_id, seq: which violation, and the place of the report in its sequence; of observed time its
            observation id and 1.
        kind: ``confirmed``, ``clip``, ``ended`` or ``observed``.
        canteen_id, camera_id: where it comes from.
        sha256: hash of `body`.
        body: the canonical JSON that is sent; empty once a delivered report was pruned.
        blobs: the blobs that must be at the regulator before the report.
        status: where it stands.
        claims: how often it was claimed, ever; with `worker` it tells one lease from the next.
        failures: failed attempts since it was put or last retried by a person; sets the back-off.
        put_at, next_attempt_at, leased_until, delivered_at: UTC instants. `next_attempt_at` is the epoch
            for a report that is due at once.
        worker: who holds or last held the lease.
        last_error: why the last attempt failed, or why it is dead; empty when nothing went wrong.
        receipt: the regulator's word, once delivered.
        waits_for: key of the earlier report that must be delivered first; None when it is this one's turn.
        blocked: an earlier report of the same violation is dead, so this one cannot go.
    """

    idempotency_key: str
    violation_id: str
    seq: int
    kind: str
    canteen_id: str
    camera_id: str
    sha256: str
    body: bytes = field(repr=False)
    blobs: tuple[BlobRef, ...] = field(repr=False)
    status: Status
    claims: int
    failures: int
    put_at: datetime
    next_attempt_at: datetime
    leased_until: datetime | None
    delivered_at: datetime | None
    worker: str
    last_error: str
    receipt: Receipt | None = field(repr=False)
    waits_for: str | None
    blocked: bool


@dataclass(frozen=True)
class Counts:
    """How many reports stand where; `blocked` are those of `pending` that wait behind a dead one."""

    pending: int
    leased: int
    delivered: int
    dead: int
    blocked: int

    @property
    def undelivered(self) -> int:
        """Reports that the regulator does not have yet."""
        return self.pending + self.leased + self.dead


def item_of(row: sqlite3.Row) -> Item:
    """The item of a row of ``reports`` with the computed columns ``next_seq`` and ``behind_dead``."""
    status = Status(row["status"])
    its_turn = status is Status.DELIVERED or row["seq"] <= row["next_seq"]
    return Item(
        idempotency_key=row["idempotency_key"],
        violation_id=row["violation_id"],
        seq=row["seq"],
        kind=row["kind"],
        canteen_id=row["canteen_id"],
        camera_id=row["camera_id"],
        sha256=row["sha256"],
        body=bytes(row["body"]),
        blobs=tuple(BlobRef.model_validate(ref) for ref in json.loads(row["blobs"])),
        status=status,
        claims=row["claims"],
        failures=row["failures"],
        put_at=instant_of(row["put_at"]),
        next_attempt_at=instant_of(row["next_attempt_at"]),
        leased_until=instant_of(row["leased_until"]) if row["leased_until"] else None,
        delivered_at=instant_of(row["delivered_at"]) if row["delivered_at"] else None,
        worker=row["worker"],
        last_error=row["last_error"],
        receipt=Receipt.model_validate_json(row["receipt"]) if row["receipt"] else None,
        waits_for=None if its_turn else f"{row['violation_id']}/{row['next_seq']}",
        blocked=bool(row["behind_dead"]) and not its_turn,
    )


def values_of(report: ConfirmedReport | ClipReport | EndedReport, body: bytes, put_at: datetime) -> dict[str, Any]:
    """The values of a new row; `body` is the report as canonical JSON."""
    return {
        "key": report.idempotency_key,
        "violation_id": report.violation_id,
        "seq": report.seq,
        "kind": report.kind,
        "canteen_id": report.canteen_id,
        "camera_id": report.camera_id,
        "sha256": content_hash(body),
        "body": body,
        "blobs": canonical_json([ref.model_dump(mode="json") for ref in report.blobs]).decode(),
        "put_at": text_of(put_at),
        "due": text_of(EPOCH),
    }


def values_of_observed(report: ObservedTime, body: bytes, put_at: datetime) -> dict[str, Any]:
    """The same of observed time, which is a sequence of its own with one report."""
    return {
        "key": report.idempotency_key,
        "violation_id": report.observation_id,
        "seq": 1,
        "kind": report.kind,
        "canteen_id": report.canteen_id,
        "camera_id": report.camera_id,
        "sha256": content_hash(body),
        "body": body,
        "blobs": "[]",
        "put_at": text_of(put_at),
        "due": text_of(EPOCH),
    }


def conflict_of(key: str, known: str, new: str) -> ReportConflict:
    """What to say when `key` has another hash already."""
    return ReportConflict(
        f"{key} is already in the outbox with other content (SHA-256 {known}, now {new}); a report never "
        "changes: tell what is new under the next seq"
    )


def text_of(instant: datetime) -> str:
    """An instant as UTC text of fixed width, so that the order of the texts is the order of time."""
    if instant.tzinfo is None:
        raise ValueError(f"expected an instant with a time zone, got {instant!r}")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant_of(text: str) -> datetime:
    """The reverse of `text_of`."""
    return datetime.fromisoformat(text)
