"""`Sender`: takes reports out of the outbox one by one and sees each of them through to its receipt."""

import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

import httpx

from kitchenvision.delivery.answers import Answer, RegulatorAway, check_usable, judge, says, words_of
from kitchenvision.delivery.throttle import Throttle
from kitchenvision.errors import DeliveryRefused, DeliveryRetry, without_credentials
from kitchenvision.outbox.backoff import LONGEST_AWAY_DELAY_S, LONGEST_DELAY_S
from kitchenvision.outbox.disk import sha256_of
from kitchenvision.outbox.item import Counts, Item
from kitchenvision.outbox.queue import Outbox, utc_now
from kitchenvision.wire import BlobRef, Receipt

_CHUNK = 1 << 18
_THROTTLED_CHUNK = 1 << 14
_LONGEST_ANSWER = 1 << 16  # no receipt and no problem is longer; more would only fill the memory
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # who has set up no logging is told by `last_error`, and not twice


class _LeaseLost(Exception):
    """Another worker has taken the report meanwhile."""


class Outcome(StrEnum):
    """What came of one claimed report. `away`: the regulator cannot be used now; `retry`: this report only."""

    DELIVERED = "delivered"
    RETRY = "retry"
    AWAY = "away"
    DEAD = "dead"


@dataclass(frozen=True)
class Pace:
    """Seconds: between looks into an empty outbox, while the regulator is away, and of one lease.

    Attributes:
        kinds: of reports that are sent; none = all.
        throttle: of the line. patient: whether this sender waits for it.
    """

    poll_s: float = 2.0
    failing_poll_s: float = 5.0
    lease_s: float = 60.0
    kinds: tuple[str, ...] = ()
    throttle: Throttle | None = None
    patient: bool = False


@dataclass(frozen=True)
class Progress:
    """What `run_until_empty` did: attempts by outcome, what is left, and the last reason of a failure."""

    delivered: int
    failed: int
    dead: int
    left: Counts
    last_error: str


class Sender:
    """Delivers what is in an outbox.

    Args:
        outbox: what to deliver.
        client: from `make_client`.
        clock: tells the time.
        sleep: waits so many seconds.
        pace: how often to look.
        worker: the name under which reports are leased; None for one of this process.
    """

    def __init__(
        self,
        outbox: Outbox,
        client: httpx.Client,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
        worker: str | None = None,
    ) -> None:
        self._outbox = outbox
        self._client = client
        self._clock = clock
        self._sleep = sleep
        self._pace = pace or Pace()
        self._worker = worker or f"{socket.gethostname()}:{os.getpid()}:{id(self):x}"
        self._address = f"{client.base_url.scheme}://{client.base_url.netloc.decode()}"
        self._pause_s = 0.0
        self._held_until = datetime.min.replace(tzinfo=UTC)
        self.last_error = ""
        """Why the last attempt failed; empty after one that did not. Without credentials."""

    def step(self) -> Outcome | None:
        """Try one report that is due; None when there is none.

        Raises:
            StorageError: the outbox fails.
        """
        item = self._outbox.claim(self._clock(), self._worker, self._pace.lease_s, self._pace.kinds)
        if item is None:
            return None
        self._held_until = self._clock() + timedelta(seconds=self._pace.lease_s)
        self._pause_s = 0.0
        try:
            receipt = self._deliver(item)
        except _LeaseLost:
            self._note(item, "the delivery took longer than the lease, another worker goes on with it")
            return Outcome.RETRY
        except DeliveryRefused as error:
            reason = self._clean(str(error))
            self._outbox.dead(item, reason)
            self._note(item, reason)
            return Outcome.DEAD
        except RegulatorAway as error:
            self._pause_s = max(self._pace.failing_poll_s, error.retry_after_s)
            self._failed(item, error, error.retry_after_s, LONGEST_AWAY_DELAY_S)
            return Outcome.AWAY
        except DeliveryRetry as error:
            self._failed(item, error, 0.0, LONGEST_DELAY_S)
            return Outcome.RETRY
        self._outbox.delivered(item, receipt)
        if self.last_error:
            _log.info("delivery goes on: %s has arrived", item.idempotency_key)
            self.last_error = ""
        return Outcome.DELIVERED

    def run_until_empty(self, deadline: datetime | None = None) -> Progress:
        """Deliver until nothing is left that could go without a person's help, or until the deadline.

        Raises:
            StorageError: the outbox fails.
        """
        tally: Counter[Outcome] = Counter()
        while deadline is None or self._clock() < deadline:
            outcome = self.step()
            now = self._clock()
            if outcome is None:
                due = self._outbox.next_due(now, self._pace.kinds)
                if due is None:
                    break
                wait_s = (due - now).total_seconds()
            else:
                tally[outcome] += 1
                wait_s = self._pause_s
            if deadline is not None:
                wait_s = min(wait_s, (deadline - now).total_seconds())
            if wait_s > 0:
                self._sleep(wait_s)
        return Progress(
            delivered=tally[Outcome.DELIVERED],
            failed=tally[Outcome.RETRY] + tally[Outcome.AWAY],
            dead=tally[Outcome.DEAD],
            left=self._outbox.counts(),
            last_error=self.last_error,
        )

    def run(self, stop: threading.Event, may: Callable[[], bool] = lambda: True) -> None:
        """Deliver until `stop` is set, while `may` says so.

        Returns soon after: an attempt that is under way is finished first.
        """
        while not stop.is_set():
            try:
                outcome = self.step() if may() else None
                wait_s = self._pace.poll_s if outcome is None else self._pause_s
            except Exception:  # noqa: BLE001  the top of a loop that must outlive any mistake below it
                _log.exception("delivery goes on after an error that was not foreseen")
                wait_s = self._pace.failing_poll_s
            stop.wait(wait_s)

    def _deliver(self, item: Item) -> Receipt:
        try:
            for ref in item.blobs:
                # What was never tried is hardly ever there: to ask first would be one more request for each blob.
                (self._see_to_blob if item.failures else self._send_blob)(item, ref)
            answer = self._post(item)
            if says(answer, "missing_blobs", "missing-blob"):
                # It had them a moment ago: it was put back to an older state. Send them all again.
                for ref in item.blobs:
                    self._send_blob(item, ref)
                answer = self._post(item)
        except OSError as error:  # httpx has its own tree of errors, so this is the disk
            raise DeliveryRetry(f"a blob cannot be read: {error}") from error
        return judge(item, answer, self._clock())

    def _see_to_blob(self, item: Item, ref: BlobRef) -> None:
        answer = self._ask(item, "HEAD", f"/blobs/{ref.sha256}")
        if answer.status != 404:  # of a HEAD that says no more than that the blob is not there
            check_usable(answer, self._clock())
        if answer.status != 200:
            self._send_blob(item, ref)

    def _post(self, item: Item) -> Answer:
        path = "/observed-times" if item.kind == "observed" else "/reports"
        return self._ask(item, "POST", path, item.body, {"Content-Type": "application/json; charset=utf-8"})

    def _send_blob(self, item: Item, ref: BlobRef) -> None:
        path = self._outbox.blob_path(ref.sha256)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            size = -1
        if size != ref.size:
            _refuse_blob(item, ref, path, "missing" if size < 0 else f"{size} bytes long, expected {ref.size}")
        headers = {"Content-Length": str(ref.size), "Content-Type": ref.media_type}
        answer = self._ask(item, "PUT", f"/blobs/{ref.sha256}", self._chunks(item, path), headers)
        check_usable(answer, self._clock())
        if answer.status in (200, 201, 204):
            return
        if sha256_of(path) != ref.sha256:
            _refuse_blob(item, ref, path, "damaged: its hash is not its name")
        words = words_of(answer)
        if answer.status == 413:
            raise DeliveryRefused(f"the {ref.role} ({ref.size} bytes) is too large for the regulator: {words}")
        raise DeliveryRetry(f"the {ref.role} was not taken: {words}")

    def _chunks(self, item: Item, path: Path) -> Iterator[bytes]:
        throttle = self._pace.throttle
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK if throttle is None else _THROTTLED_CHUNK):
                if throttle is not None:
                    (throttle.patient if self._pace.patient else throttle.urgent)(len(chunk))
                yield chunk
                self._hold(item)

    def _hold(self, item: Item) -> None:
        """Keep the lease while a large blob goes over a thin line."""
        now = self._clock()
        if (self._held_until - now).total_seconds() > self._pace.lease_s / 2:
            return
        if not self._outbox.extend(item, now, self._pace.lease_s):
            raise _LeaseLost
        self._held_until = now + timedelta(seconds=self._pace.lease_s)

    def _ask(
        self,
        item: Item,
        method: str,
        path: str,
        content: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        self._hold(item)
        try:
            with self._client.stream(method, path, content=content, headers=headers) as response:
                body = b""
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > _LONGEST_ANSWER:
                        break
                found = response.headers
                return Answer(
                    status=response.status_code,
                    body=body,
                    url=self._address,
                    retry_after=found.get("retry-after", ""),
                    location=found.get("location", ""),
                )
        except httpx.HTTPError as error:
            raise RegulatorAway(f"{self._address} cannot be reached: {type(error).__name__}: {error}") from error

    def _failed(self, item: Item, error: DeliveryRetry, after_s: float, longest_s: float) -> None:
        reason = self._clean(str(error))
        self._outbox.failed(item, self._clock(), reason, retry_after_s=after_s, longest_s=longest_s)
        self._note(item, reason)

    def _note(self, item: Item, reason: str) -> None:
        if reason != self.last_error:  # every five seconds for a night would bury everything else
            _log.warning("%s was not delivered: %s", item.idempotency_key, reason)
        self.last_error = reason

    def _clean(self, text: str) -> str:
        token = self._client.headers.get("Authorization", "").removeprefix("Bearer ")
        return without_credentials(text.replace(token, "***") if token else text)


def _refuse_blob(item: Item, ref: BlobRef, path: Path, how: str) -> NoReturn:
    raise DeliveryRefused(
        f"{item.idempotency_key}: its {ref.role} in the outbox is {how} ({path}); put the report again with "
        "its blobs, then retry it"
    )
