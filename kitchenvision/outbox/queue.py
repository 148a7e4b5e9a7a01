"""`Outbox`: a durable queue of reports in SQLite, with leases, back-off, dead letters and receipts."""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from kitchenvision.errors import SettingsError, StorageError, without_credentials
from kitchenvision.outbox import export
from kitchenvision.outbox import statements as sql
from kitchenvision.outbox.backoff import FARTHEST_S, LONGEST_DELAY_S, delay_s
from kitchenvision.outbox.database import FILE, Database, is_outbox
from kitchenvision.outbox.disk import BlobFolder, storage_errors
from kitchenvision.outbox.item import (
    EPOCH,
    Counts,
    Item,
    Status,
    instant_of,
    item_of,
    text_of,
    values_of,
    values_of_observed,
)
from kitchenvision.outbox.rows import insert, standing
from kitchenvision.wire import (
    BlobRef,
    ClipReport,
    ConfirmedReport,
    EndedReport,
    ObservedTime,
    Receipt,
    content_hash,
    observed_bytes,
    report_bytes,
)

_LONGEST_ERROR = 2000


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class Outbox:
    """Reports and blobs that wait for the regulator, in a folder.

    May be shared by threads, and the folder by processes. Close it, or use it in a ``with``.

    Args:
        folder: holds ``outbox.db`` and ``blobs/``; made when missing, if `create`.
        clock: tells the time that is written beside puts and deliveries.
        rng: draws the jitter of the back-off.
        create: False to refuse a folder that is no outbox.

    Raises:
        SettingsError: there is no outbox and `create` is False.
        StorageError: it cannot be opened, or a newer program wrote it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        create: bool = True,
    ) -> None:
        self.folder = folder
        self._clock = clock
        self._rng = rng or random.Random()
        self._blobs = BlobFolder(folder / "blobs", folder / "incoming")
        path = folder / FILE
        if not create and not is_outbox(folder):
            raise SettingsError("--outbox", "", f"there is no outbox in {folder} (expected {path})")
        with storage_errors(folder):
            self._blobs.create()
            self._db = Database(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database. Twice is fine."""
        self._db.close()

    def put(self, report: ConfirmedReport | ClipReport | EndedReport, blobs: Mapping[str, bytes | Path]) -> bool:
        """Keep a report and its blobs until they are delivered; durable when this returns.

        Args:
            report: what is to be delivered.
            blobs: bytes or a file for each SHA-256 that the report names and the outbox does not have yet.

        Returns:
            True when it is new, False when the same report was there already.

        Raises:
            ReportConflict: another report with this key is there.
            StorageError: the disk is full or fails, or a blob is missing or not what its hash says. Then
                nothing was put.
        """
        body = report_bytes(report)
        named = {ref.sha256 for ref in report.blobs}
        if extra := set(blobs) - named:
            raise ValueError(f"{report.idempotency_key} does not name the blobs {sorted(extra)}")
        with self._db.reading() as db:
            if standing(db, report.idempotency_key, content_hash(body)) is Status.DELIVERED:
                return False
        lacking = [ref for ref in report.blobs if not self._blobs.has(ref.sha256, ref.size)]
        needed = len(body) + sum(ref.size for ref in lacking)
        try:
            with storage_errors(self.folder, needed):
                for ref in report.blobs:
                    if ref.sha256 in blobs:
                        self._blobs.write(ref.sha256, ref.size, blobs[ref.sha256])
            with self._db.writing(needed) as db:
                # Under the write lock, since a prune may have removed a blob that was found a moment ago.
                for ref in report.blobs:
                    self._require(ref, blobs)
                return insert(db, values_of(report, body, self._clock()), report.blobs)
        except BaseException:
            with suppress(StorageError):  # a full disk may refuse even this; the next prune does it then
                self._remove_unused(ref.sha256 for ref in lacking)
            raise

    def put_observed(self, report: ObservedTime) -> bool:
        """Keep observed time until it is delivered; True when new. Durable, and raises, as `put`."""
        body = observed_bytes(report)
        with self._db.writing(len(body)) as db:
            return insert(db, values_of_observed(report, body, self._clock()), ())

    def claim(self, now: datetime, worker: str, lease_s: float, kinds: Sequence[str] = ()) -> Item | None:
        """Lease the next report that is due, or None. Reports of one violation go strictly in sequence.

        A report whose lease ran out is due again.

        Args:
            now: the time.
            worker: who takes it; see `release`.
            lease_s: seconds after which another may take it, at most 3600; see `extend`.
            kinds: only of these; none = all.
        """
        if not 0 < lease_s <= FARTHEST_S:
            raise ValueError(f"expected a lease of more than 0 and at most {FARTHEST_S} s, got {lease_s}")
        values = {
            "now": text_of(now),
            "worker": worker,
            "until": text_of(now + timedelta(seconds=lease_s)),
            "farthest": text_of(now + timedelta(seconds=FARTHEST_S)),
            "kinds": sql.listed(kinds),
        }
        with self._db.writing() as db:
            rows = db.execute(sql.CLAIM, values).fetchall()
        return item_of(rows[0]) if rows else None

    def extend(self, item: Item, now: datetime, lease_s: float) -> bool:
        """Hold the lease for `lease_s` seconds from `now`; False when it is no longer ours."""
        until = text_of(now + timedelta(seconds=min(lease_s, FARTHEST_S)))
        return self._change(item, "leased_until = :until", until=until)

    def release(self, worker: str) -> int:
        """Give back all leases of `worker`, which must not be running; how many there were.

        A sender whose name no other process uses calls this when it starts, so that what its killed
        predecessor held need not wait for the lease to run out.
        """
        with self._db.writing() as db:
            return db.execute(sql.RELEASE, (worker,)).rowcount

    def delivered(self, item: Item, receipt: Receipt) -> None:
        """The regulator has it. Holds even when the lease was lost meanwhile: the receipt is the truth.

        Raises:
            ValueError: the receipt is for other content.
        """
        if (receipt.idempotency_key, receipt.report_sha256) != (item.idempotency_key, item.sha256):
            raise ValueError(f"the receipt for {receipt.idempotency_key} is not that of {item.idempotency_key}")
        with self._db.writing() as db:
            values = (receipt.model_dump_json(), text_of(self._clock()), item.idempotency_key)
            db.execute(sql.DELIVERED, values)

    def failed(
        self,
        item: Item,
        now: datetime,
        error: str,
        *,
        retry_after_s: float = 0.0,
        longest_s: float = LONGEST_DELAY_S,
    ) -> bool:
        """Try it again later; False, and nothing changes, when the lease is no longer ours.

        Args:
            item: as claimed.
            now: the time.
            error: why; kept with credentials in addresses removed.
            retry_after_s: not before this many seconds, whatever the back-off says.
            longest_s: the back-off grows no further than this many seconds.
        """
        pause = max(delay_s(item.failures + 1, self._rng, longest_s), min(retry_after_s, FARTHEST_S))
        return self._change(
            item,
            "status = 'pending', leased_until = NULL, failures = failures + 1, next_attempt_at = :at, "
            "last_error = :error",
            at=text_of(now + timedelta(seconds=pause)),
            error=_kept(error),
        )

    def dead(self, item: Item, reason: str) -> bool:
        """Do not try it again until a person says so; False when the lease is no longer ours."""
        return self._change(
            item,
            "status = 'dead', leased_until = NULL, failures = failures + 1, last_error = :error",
            error=_kept(reason),
        )

    def retry(self, keys: Iterable[str] | None = None) -> tuple[str, ...]:
        """Make dead and waiting reports due at once; None means all. Gives the keys that were changed.

        Leased and delivered ones are left alone.
        """
        wanted = None if keys is None else json.dumps(sorted(set(keys)))
        with self._db.writing() as db:
            rows = db.execute(sql.RETRY, {"due": text_of(EPOCH), "wanted": wanted}).fetchall()
        return tuple(sorted(row[0] for row in rows))

    def oldest_waiting(self, kinds: Sequence[str]) -> datetime | None:
        """When the oldest undelivered report of these kinds was put; dead ones do not wait. None without one."""
        query = (
            "SELECT MIN(put_at) FROM reports WHERE status IN ('pending', 'leased') "
            "AND kind IN (SELECT value FROM json_each(?))"
        )
        with self._db.reading() as db:
            text = db.execute(query, (json.dumps(list(kinds)),)).fetchone()[0]
        return instant_of(text) if text else None

    def list(self, *statuses: Status, limit: int = -1) -> tuple[Item, ...]:
        """Items with one of the statuses (all when none is named), oldest first."""
        wanted = statuses or tuple(Status)
        marks = ", ".join("?" * len(wanted))
        query = f"{sql.SELECT} WHERE r.status IN ({marks}) ORDER BY r.id LIMIT ?"
        with self._db.reading() as db:
            return tuple(item_of(row) for row in db.execute(query, (*wanted, limit)))

    def confirmed_after(self, mark: int, limit: int = 100) -> tuple[tuple[int, Item], ...]:
        """Confirmed violations put after a mark (0: all), oldest first, each with its own mark; pruned ones too."""
        query = f"{sql.SELECT} WHERE r.kind = 'confirmed' AND r.id > ? ORDER BY r.id LIMIT ?"
        with self._db.reading() as db:
            return tuple((row["id"], item_of(row)) for row in db.execute(query, (mark, limit)))

    def get(self, idempotency_key: str) -> Item | None:
        """One item, or None."""
        with self._db.reading() as db:
            row = db.execute(f"{sql.SELECT} WHERE r.idempotency_key = ?", (idempotency_key,)).fetchone()
        return item_of(row) if row else None

    def counts(self) -> Counts:
        """How many reports stand where."""
        with self._db.reading() as db:
            found = dict(db.execute("SELECT status, COUNT(*) FROM reports GROUP BY status").fetchall())
            blocked = db.execute(
                f"SELECT COUNT(*) FROM reports AS r WHERE r.status = 'pending' AND {sql.BEHIND_DEAD}"
            ).fetchone()[0]
        return Counts(**{status.value: found.get(status.value, 0) for status in Status}, blocked=blocked)

    def next_due(self, now: datetime, kinds: Sequence[str] = ()) -> datetime | None:
        """When `claim` will next find something of these kinds; None when that needs a put or a retry first."""
        with self._db.reading() as db:
            farthest = text_of(now + timedelta(seconds=FARTHEST_S))
            values = {"now": text_of(now), "farthest": farthest, "kinds": sql.listed(kinds)}
            text = db.execute(sql.NEXT_DUE, values).fetchone()[0]
        return instant_of(text) if text else None

    def blob_path(self, sha256: str) -> Path:
        """Where a blob of an undelivered report lies; read it, do not change it."""
        return self._blobs.path(sha256)

    def export(self, path: Path, *, everything: bool = False) -> int:
        """Write reports and blobs into a ZIP that a person can carry; how many reports are in it.

        The layout is told in `kitchenvision.outbox.export`. The outbox is not changed.

        Args:
            path: a file that does not exist yet.
            everything: delivered reports too, as far as they were not pruned.

        Raises:
            StorageError: the file exists, the disk is full, or a blob is missing here.
        """
        statuses = tuple(Status) if everything else (Status.PENDING, Status.LEASED, Status.DEAD)
        items = [item for item in self.list(*statuses) if item.body]
        with storage_errors(path.parent):
            export.write_zip(path, items, self._blobs.path)
        return len(items)

    def prune(self, delivered_before: datetime) -> int:
        """Empty the delivered reports older than that and delete blobs that nothing needs; bytes freed.

        Of a delivered report its key, hash and receipt stay (some 600 bytes), so that putting it again is
        still known to be the same; of observed time nothing stays. What is not delivered is never touched.
        """
        with self._db.writing() as db:
            db.execute(sql.UNREFER, (text_of(delivered_before),))
            db.execute(sql.EMPTY, (text_of(delivered_before),))
            db.execute(sql.FORGET_OBSERVED, (text_of(delivered_before),))
        freed = self._remove_unused(self._blobs.all())
        with storage_errors(self.folder):
            self._blobs.remove_stale_temps(self._clock().timestamp())
        return freed

    def _require(self, ref: BlobRef, blobs: Mapping[str, bytes | Path]) -> None:
        if self._blobs.has(ref.sha256, ref.size):
            return
        if ref.sha256 not in blobs:
            raise StorageError(f"the {ref.role} {ref.sha256} was neither given nor is it in {self.folder}")
        self._blobs.write(ref.sha256, ref.size, blobs[ref.sha256])

    def _change(self, item: Item, assignments: str, **values: str) -> bool:
        """Change a leased item, if the lease is the one under which it was claimed."""
        with self._db.writing() as db:
            changed = db.execute(
                f"""UPDATE reports SET {assignments} WHERE idempotency_key = :key AND status = 'leased'
                AND worker = :worker AND claims = :claims""",
                {**values, "key": item.idempotency_key, "worker": item.worker, "claims": item.claims},
            ).rowcount
        return changed == 1

    def _remove_unused(self, hashes: Iterable[str]) -> int:
        freed = 0
        with self._db.writing() as db:  # no put can commit meanwhile
            for sha256 in hashes:
                if not db.execute("SELECT 1 FROM report_blobs WHERE sha256 = ?", (sha256,)).fetchone():
                    freed += self._blobs.remove(sha256)
        return freed


def _kept(error: str) -> str:
    return without_credentials(error)[:_LONGEST_ERROR]
