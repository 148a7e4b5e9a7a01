"""The edge service for hours: real streams at real speed, a fault every minute, and what it costs in the end.

    python bench/soak.py                                  # 2 h, 8 streams, a fault a minute
    python bench/soak.py --minutes 3 --every 12           # as the tests do it

The real service (`kitchenvision edge`, the bundled model) watches an RTSP server through proxies that harm what
passes (tests/edge/stream_proxy.py), and delivers to a real regulator, which is killed now and then. Time constants
are the shipped ones. Sampled each ten seconds: memory (proportional set size), threads and open files of the
service and its workers. A stream is back when, after its fault's end, a new frame of it has been analysed.

Needs the test extra. Writes FOLDER/soak.jsonl (faults and samples); the last line is JSON. The slope of memory is a
line through the means of thirty equal parts of the time after the first sixth; its interval (95 %) takes these as
independent.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from soak_parts import LOOK_S, OF_STREAMS, Regulator, Sample, Service, StreamProxy, staged

SAMPLE_S = 10.0
LASTS_S = (5.0, 40.0)
BACK_WITHIN_S = 60.0
PARTS, WARM = 30, 6
# Student's t, 97.5 %, for PARTS - 2 degrees of freedom.
T_28 = 2.048


@dataclass
class Fault:
    """One fault: seconds since the start, and how long after its end the stream was back; None = it was not."""

    at_s: float
    kind: str
    camera: str
    lasts_s: float
    back_s: float | None = None
    ended_s: float = 0.0
    analysed: int = 0


@dataclass
class Notes:
    """All that was seen."""

    faults: list[Fault] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


class Soak:
    """Faults begin, end and are got over; samples are taken. One `step` each half second."""

    def __init__(self, service: Service, proxies: dict[str, StreamProxy], regulator: Regulator, seed: int) -> None:
        self._service, self._proxies, self._regulator = service, proxies, regulator
        self._rng = random.Random(seed)
        self._kinds: list[str] = []
        self._active: dict[str, Fault] = {}
        self._began = time.monotonic()
        self._sampled = -SAMPLE_S
        self.notes = Notes()

    @property
    def at_s(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def begin_one(self, longest_s: float) -> None:
        """A fault begins on a camera that has none."""
        free = [camera for camera in self._proxies if camera not in self._active]
        if not free:
            return
        if not self._kinds:
            self._kinds = [*OF_STREAMS, "regulator down"]
            self._rng.shuffle(self._kinds)
        kind = self._kinds.pop()
        camera = "" if kind == "regulator down" else self._rng.choice(free)
        lasts_s = min(longest_s, self._rng.uniform(*LASTS_S))
        if camera:
            self._proxies[camera].begin(kind)
        else:
            self._regulator.kill()
        fault = Fault(round(self.at_s, 1), kind, camera, round(lasts_s, 1))
        self._active[camera] = fault
        self.notes.faults.append(fault)

    def step(self) -> None:
        """Ends what is due, notes who is back, samples."""
        cameras = self._service.cameras()
        for fault in list(self._active.values()):
            if not fault.ended_s:
                if self.at_s >= fault.at_s + fault.lasts_s:
                    self._end(fault, cameras)
            elif self._is_back(fault, cameras):
                fault.back_s = round(self.at_s - fault.ended_s, 1)
                del self._active[fault.camera]
            elif self.at_s - fault.ended_s > 3 * BACK_WITHIN_S:
                del self._active[fault.camera]
        if self.at_s - self._sampled >= SAMPLE_S:
            self._sampled = self.at_s
            self.notes.samples.append(self._service.held(self.at_s))
        time.sleep(LOOK_S)

    def _end(self, fault: Fault, cameras: dict[str, dict[str, Any]]) -> None:
        if fault.camera:
            self._proxies[fault.camera].end()
            fault.analysed = int(cameras.get(fault.camera, {}).get("analysed", 0))
        else:
            self._regulator.begin()
        fault.ended_s = self.at_s

    def _is_back(self, fault: Fault, cameras: dict[str, dict[str, Any]]) -> bool:
        if not fault.camera:  # the sender reaches it: nothing has waited for long
            return float(self._service.state().get("outbox", {}).get("oldest_s", 0.0)) < BACK_WITHIN_S
        state = cameras.get(fault.camera, {})
        return bool(state.get("state") == "live" and state["analysed"] != fault.analysed)

    @property
    def suffering(self) -> bool:
        """Some fault is not over."""
        return bool(self._active)


def slope(samples: Sequence[Sample]) -> tuple[float, float] | None:
    """MB an hour, and half of its 95 % interval; None where the time is too short for it."""
    rows = [row for row in samples if row.at_s >= samples[-1].at_s / WARM]
    if len(rows) < 2 * PARTS:
        return None
    parts = np.array_split(np.array([(row.at_s / 3600, row.pss_mb) for row in rows]), PARTS)
    hours, mb = np.array([part.mean(axis=0) for part in parts]).T
    gradient, offset = np.polyfit(hours, mb, 1)
    rest = mb - (gradient * hours + offset)
    spread = np.sqrt((rest**2).sum() / (PARTS - 2) / ((hours - hours.mean()) ** 2).sum())
    return round(float(gradient), 2), round(float(T_28 * spread), 2)


def summary(notes: Notes, outbox: dict[str, Any], status: int) -> dict[str, Any]:
    """The last line."""
    seconds = [fault.back_s for fault in notes.faults if fault.back_s is not None]
    first = notes.samples[len(notes.samples) // WARM]
    last = notes.samples[-1]
    held = {name: [getattr(first, name), getattr(last, name)] for name in ("pss_mb", "threads", "files")}
    return {
        "hours": round(last.at_s / 3600, 2),
        "faults": len(notes.faults),
        "not_back": sum(fault.back_s is None for fault in notes.faults),
        "slowest_s": max(seconds, default=0.0),
        "late": sum(back > BACK_WITHIN_S for back in seconds),
        "mb_per_hour_and_half_interval": slope(notes.samples),
        **{f"{name}_first_last": pair for name, pair in held.items()},
        "delivered": outbox.get("delivered"),
        "undelivered": outbox["waiting"] + outbox["dead"],
        "exit_status": status,
    }


def soak(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """All of it."""
    with staged(folder, given.streams, given.seed) as (proxies, regulator):
        addresses = [f"rtsp://127.0.0.1:{proxy.port}/soak_a.mp4" for proxy in proxies.values()]
        service = Service(folder, addresses, regulator, given.fps)
        status = -1
        try:
            if not service.wait(lambda state: all(c["state"] == "live" for c in state["cameras"]), 120):
                raise SystemExit(f"not every camera came alive: {service.state()}")
            run = Soak(service, proxies, regulator, given.seed)
            until_s, next_s, told_s = 60 * given.minutes, 0.0, 0.0
            while run.at_s < until_s or (run.suffering and run.at_s < until_s + 4 * BACK_WITHIN_S):
                if run.at_s >= next_s and run.at_s < until_s - given.every:
                    run.begin_one(given.every * 2 / 3)
                    next_s += given.every
                run.step()
                if run.at_s - told_s > given.tell:
                    told_s = run.at_s
                    print(
                        f"{told_s / 60:.1f} min {len(run.notes.faults)} faults {run.notes.samples[-1]}", flush=True
                    )
            service.wait(lambda state: state["outbox"]["waiting"] == 0, 90)
            outbox = service.state().get("outbox", {"waiting": -1, "dead": -1})
        finally:
            status = service.end()
    with (folder / "soak.jsonl").open("w", encoding="utf-8") as file:
        for row in [*run.notes.faults, *run.notes.samples]:
            file.write(json.dumps(asdict(row)) + "\n")
    table(run.notes.faults)
    return summary(run.notes, outbox, status)


def table(faults: Sequence[Fault]) -> None:
    """By kind."""
    by_kind: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_kind[fault.kind].append(fault)
    print(f"{'kind':16}{'times':>7}{'median s':>10}{'slowest s':>11}{'not back':>10}")
    for kind, rows in sorted(by_kind.items()):
        back = [row.back_s for row in rows if row.back_s is not None] or [float("nan")]
        print(f"{kind:16}{len(rows):>7}{np.median(back):>10.1f}{max(back):>11.1f}{len(rows) - len(back):>10}")


def main() -> int:
    """Run, print; 1 where a stream was not back in time, something is left undelivered, or the service failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--fps", type=float, default=2.0, help="frames a second of each stream that are looked at")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two faults")
    parser.add_argument("--tell", type=float, default=60.0, help="seconds between two lines of progress")
    parser.add_argument("--seed", type=int, default=20260312)
    parser.add_argument("--folder", type=Path, help="keeps everything; default: a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        found = soak(folder.resolve(), given)
    print(json.dumps(found))
    return int(bool(found["not_back"] or found["late"] or found["undelivered"] or found["exit_status"]))


if __name__ == "__main__":
    sys.exit(main())
