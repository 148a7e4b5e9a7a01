"""The whole way on one machine: scan, regulator, delivery, and a check that all has arrived."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from kitchenvision.delivery import Sender, make_client
from kitchenvision.errors import DeliveryRetry
from kitchenvision.outbox import Outbox
from kitchenvision.wire import content_hash

_READY_S = 30.0
_DELIVERY_S = 300.0


@dataclass(frozen=True)
class Arrival:
    """Check of one violation at the regulator: empty `problem` when it is there and can be read back."""

    violation_id: str
    problem: str


def deliver(outbox: Outbox, address: str, token: str) -> int:
    """Deliver everything; returns how many reports went.

    Raises:
        DeliveryRetry: something is left, and why.
    """
    with make_client(address, token) as client:
        progress = Sender(outbox, client).run_until_empty(datetime.now(UTC) + timedelta(seconds=_DELIVERY_S))
    if progress.left.undelivered or progress.dead:
        raise DeliveryRetry(f"{progress.left.undelivered} report(s) were not taken: {progress.last_error}")
    return progress.delivered


def arrivals(scan: Path, address: str, login: str) -> list[Arrival]:
    """Read every violation of a scan back from the regulator and compare its snapshot byte for byte.

    Args:
        scan: folder of the scan. address: of the regulator. login: a one-time log-in link.
    """
    lines = (scan / "violations.jsonl").read_text("utf-8").splitlines()
    with httpx.Client(follow_redirects=True, timeout=30.0, trust_env=False) as client:
        client.get(login).raise_for_status()
        return [_arrival(json.loads(line), scan, address, client) for line in lines]


def _arrival(row: dict[str, Any], scan: Path, address: str, client: httpx.Client) -> Arrival:
    base = f"{address}/api/v1/violations/{row['violation_id']}"
    answer = client.get(base)
    if answer.status_code != 200:
        return Arrival(row["violation_id"], f"not there: HTTP {answer.status_code}")
    picture = client.get(f"{base}/snapshot")
    if content_hash(picture.content) != content_hash((scan / row["snapshot"]).read_bytes()):
        return Arrival(row["violation_id"], "its snapshot is not the one that was sent")
    if row["clip"] and content_hash(client.get(f"{base}/clip").content) != content_hash(
        (scan / row["clip"]).read_bytes()
    ):
        return Arrival(row["violation_id"], "its clip is not the one that was sent")
    return Arrival(row["violation_id"], "")


@contextmanager
def in_background(run: Any) -> Iterator[str]:
    """Run a server in a thread until the block ends; gives its address.

    Args:
        run: called with (on_ready, stop); must return soon after `stop` is set.

    Raises:
        Whatever the server raised, in the caller.
    """
    ready, stop = threading.Event(), threading.Event()
    said: list[str] = []
    failed: list[BaseException] = []

    def on_ready(address: str) -> None:
        said.append(address)
        ready.set()

    def target() -> None:
        try:
            run(on_ready, stop)
        except BaseException as error:  # noqa: BLE001  the thread's error is raised in the caller
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=target, name="regulator", daemon=True)
    thread.start()
    ready.wait(_READY_S)
    if failed or not said:
        raise failed[0] if failed else DeliveryRetry(f"the regulator did not start within {_READY_S:.0f} s")
    try:
        yield said[0]
    finally:
        stop.set()
        thread.join(_READY_S)
    if failed:
        raise failed[0]
