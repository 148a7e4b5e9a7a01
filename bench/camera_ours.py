"""What our edge worker costs and whether it keeps up: one process, one core, real streams. Started by cameras.py.

    python bench/camera_ours.py '{"urls": [..], "seconds": 12, "calm_fps": 1, "core": 0, "speed": 1}'

Everything runs as in the service: connections, decoding, health, gate, frame look, tracks, zoom looks, rules,
evidence, journal and outbox. The last line is JSON.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # this very tree, installed or not

import psutil  # noqa: E402

from kitchenvision.build import open_eyes  # noqa: E402
from kitchenvision.edge.clock import SteadyClock  # noqa: E402
from kitchenvision.edge.lifecycle import Limits  # noqa: E402
from kitchenvision.edge.mailbox import Arrival, Mailbox  # noqa: E402
from kitchenvision.edge.reader import Wiring  # noqa: E402
from kitchenvision.edge.settings import CameraSection, EdgeSettings  # noqa: E402
from kitchenvision.edge.worker import Job, Worker  # noqa: E402
from kitchenvision.outbox import Outbox  # noqa: E402

ANALYSIS_FPS = 5.0
_TELL_S = 1.0


class TimedMailbox(Mailbox):
    """Notes when each frame was done with: when the next one is asked for.

    Attributes:
        done: by camera, (steady seconds, media seconds) of every frame that was taken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.done: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._last: Arrival | None = None

    def take(self, timeout_s: float) -> Arrival | None:
        if self._last is not None and self._last.frame is not None:
            self.done[self._last.camera_id].append((time.monotonic(), self._last.frame.media_s))
        self._last = super().take(timeout_s)
        return self._last


def lags(done: list[tuple[float, float]], since_s: float, speed: float) -> list[float]:
    """Seconds behind the quickest frame of this camera: media time runs as the server plays it."""
    quickest = min((at_s - media_s / speed for at_s, media_s in done), default=0.0)
    return [at_s - media_s / speed - quickest for at_s, media_s in done if at_s >= since_s]


def watch(asked: dict[str, Any], data: Path) -> dict[str, Any]:
    """Watches for `warm_s`, which are not counted, and then `seconds`, which are; both of the streams' own time."""
    urls, calm_fps, speed = asked["urls"], asked["calm_fps"], asked["speed"]
    warm_s, seconds = asked["warm_s"] / speed, asked["seconds"] / speed
    cameras = tuple(CameraSection(id=f"camera-{number}", url=url) for number, url in enumerate(urls))
    settings = EdgeSettings(
        canteen_id="bench", data=data, analysis_fps=ANALYSIS_FPS, calm_fps=calm_fps, cameras=cameras
    )
    job = Job(settings, {one.id: one.url for one in cameras}, tuple(one.id for one in cameras))
    eyes = open_eyes(None, None, "fast", threads=1)
    with Outbox(data / "outbox") as outbox:
        mailbox = TimedMailbox()
        worker = Worker(job, eyes, outbox, Wiring(mailbox, SteadyClock(), Limits()))
        began = time.monotonic()
        _step_until(worker, began + warm_s)
        before, cpu_s, since_s = worker.states(), time.process_time(), time.monotonic()
        _step_until(worker, since_s + seconds)
        after, cpu_s, lasted_s = worker.states(), time.process_time() - cpu_s, time.monotonic() - since_s
        pss_mb = psutil.Process().memory_full_info().pss / 1e6
        waits = [lags(mailbox.done[one.id], since_s, speed) for one in cameras]
        worker.close()
    every = sorted(lag for wait in waits for lag in wait)
    taken = sum(len(wait) for wait in waits)
    return {
        "cpu_ms_per_camera_s": 1000 * cpu_s / (lasted_s * speed) / len(urls),
        "analysed": sum(b.analysed - a.analysed for a, b in zip(before, after, strict=True)),
        "taken_fps": taken / (lasted_s * speed) / len(urls),
        "p99_lag_s": every[min(len(every) - 1, int(0.99 * len(every)))] if every else 99.0,
        "growth_s": max((_growth(wait) for wait in waits), default=99.0),
        "violations": sum(state.violations for state in after),
        "pss_mb": pss_mb,
    }


def _growth(wait: list[float]) -> float:
    """How much later frames are in the second half than in the first."""
    half = len(wait) // 2
    return statistics.median(wait[half:]) - statistics.median(wait[:half]) if half else 99.0


def _step_until(worker: Worker, until_s: float) -> None:
    told_s = 0.0
    while time.monotonic() < until_s:
        worker.step()
        if time.monotonic() - told_s >= _TELL_S:
            told_s = time.monotonic()
            worker.states()


def main() -> None:
    """One run."""
    asked = json.loads(sys.argv[1])
    os.sched_setaffinity(0, {asked["core"]})
    with tempfile.TemporaryDirectory() as folder:
        row = watch(asked, Path(folder))
    print(json.dumps(row))


if __name__ == "__main__":
    main()
