"""An edge box that is about to be killed: puts reports into an outbox and delivers them, both at once.

    python -m faults.edge_process OUTBOX ADDRESS TRUTH

Prints ``ready`` when it is loaded, then waits for one word on standard input. ``live`` works until killed and
says ``put`` after each put; ``finish`` completes the violation that was begun, delivers everything and ends.
The token is in KITCHENVISION_TOKEN. After each `put` that returned, a line is added to TRUTH: that report
must arrive.
"""

import os
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from outbox.reports import AnyReport, blob, by_hash, clip, confirmed, ended

from kitchenvision.delivery import Pace, Sender, make_client
from kitchenvision.outbox import Outbox, Status

WORKER = "edge"
PACE = Pace(poll_s=0.02, failing_poll_s=0.1, lease_s=30.0)
MOST_WAITING = 60  # so that putting and delivering go on side by side for as long as it lives
AGAIN = 2  # a box that comes back does not know what was put last, and puts it again
DEADLINE_S = 60.0


def report_at(index: int) -> tuple[AnyReport, dict[str, bytes]]:
    """The n-th report of the box's life: three for each violation, the same whenever asked for."""
    name, step = f"violation {index // 3}", index % 3
    if step == 0:
        snapshot, trace = blob(f"snapshot of {name} ", 40_000), blob(f"trace of {name} ", 1500)
        return confirmed(name, {"snapshot": snapshot, "trace": trace}), by_hash(snapshot, trace)
    if step == 1:
        data = blob(f"clip of {name} ", 300_000)
        return clip(name, data), by_hash(data)
    return ended(name), {}


def put_next(outbox: Outbox, truth: Path, index: int, known: int) -> None:
    """Put one report; when that has returned, and not before, say so in the truth."""
    report, blobs = report_at(index)
    outbox.put(report, blobs)
    if index >= known:
        with truth.open("ab", buffering=0) as file:
            file.write(f"{report.idempotency_key}\n".encode())


def main() -> None:
    """See the module."""
    folder, address, truth = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    print("ready", flush=True)
    word = sys.stdin.readline().strip()
    if not word:
        return
    known = truth.read_bytes().count(b"\n") if truth.exists() else 0
    with (
        Outbox(folder) as outbox,
        make_client(address, os.environ["KITCHENVISION_TOKEN"]) as client,
    ):
        print(f"found {outbox.release(WORKER)} on their way", flush=True)
        # The regulator is killed so often that waiting for back-offs would leave little else to see.
        outbox.retry(item.idempotency_key for item in outbox.list(Status.PENDING))
        sender = Sender(outbox, client, pace=PACE, worker=WORKER)
        index = max(0, known - AGAIN)
        if word == "finish":
            # The report after the last known one may be there too: killed after its put, before its line.
            while index <= known or index % 3:
                put_next(outbox, truth, index, known)
                index += 1
            progress = sender.run_until_empty(datetime.now(UTC) + timedelta(seconds=DEADLINE_S))
            print(f"left {progress.left.undelivered} {progress.last_error}", flush=True)
            return
        threading.Thread(target=sender.run, args=(threading.Event(),), daemon=True).start()
        while True:
            put_next(outbox, truth, index, known)
            print("put", flush=True)
            index += 1
            while outbox.counts().undelivered > MOST_WAITING:
                time.sleep(0.01)


if __name__ == "__main__":
    main()
