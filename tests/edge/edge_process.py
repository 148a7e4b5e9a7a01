"""The service's supervisor and its workers as real processes, over staged eyes, about to be killed.

    python -m edge_process DATA URL FRAMES

Prints ``ready`` and then the workers' process ids whenever they change. Every frame that a worker has worked
through is written to FRAMES/<pid>.jsonl afterwards: what those frames confirm must be in the outbox.
"""

import json
import os
import signal
import sys
import threading
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from made_media import number_of
from staged import staged_eyes, staged_settings

from kitchenvision.edge import worker as worker_module
from kitchenvision.edge.job import Job
from kitchenvision.edge.lifecycle import Limits
from kitchenvision.edge.mailbox import Arrival
from kitchenvision.edge.supervisor import Supervisor
from kitchenvision.edge.worker import Worker, work


def recording_work(frames: str, job: Job, link: Connection) -> None:
    """As `work`, with staged eyes, and every frame written down once it is through."""
    worker_module.open_named = lambda *_, **__: staged_eyes()  # type: ignore[assignment]
    init = Worker.__init__

    def recorded(self: Worker, *arguments: Any) -> None:
        init(self, *arguments)
        for camera in self._cameras.values():
            record(camera.line, Path(frames) / f"{os.getpid()}.jsonl")

    Worker.__init__ = recorded  # type: ignore[method-assign]
    work(job, link)


def record(line: Any, path: Path) -> None:
    take = line.take

    def recorded(arrival: Arrival) -> bool:
        analysed = bool(take(arrival))
        if analysed:
            frame = line.pipeline.seen.frame
            row = [frame.media_s, frame.captured_at.isoformat(), number_of(frame.image), arrival.source.info.name]
            with path.open("ab", buffering=0) as file:
                file.write(json.dumps(row).encode() + b"\n")
        return analysed

    line.take = recorded


def main() -> None:
    """See the module."""
    data, url, frames = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    settings = staged_settings(data, {"cooking": url})
    settings = settings.model_copy(
        update={"times": settings.times.model_copy(update={"first_backoff_s": 0.1, "longest_backoff_s": 0.3})}
    )
    assert isinstance(settings.times.limits(), Limits)
    data.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    supervisor = Supervisor(settings, {"cooking": url}, 1, entry=partial(recording_work, frames))
    print("ready", flush=True)
    known: list[int] = []
    try:
        while not stop.is_set():
            supervisor.tick()
            if (now := supervisor.processes()) != known:
                known = now
                print("workers", *known, flush=True)
            stop.wait(0.05)
    finally:
        supervisor.close()


if __name__ == "__main__":
    main()
