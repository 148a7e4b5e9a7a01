"""How many cameras one core holds: the whole of our edge worker against the best peer's detection alone.

    bench/setup .venv-bench/bin/pip             # once: what the peers need
    .venv-bench/bin/python bench/cameras.py     # some 25 minutes; --quick at most 8, --json for the rows as JSON

Two methods, both on one core (the process is bound to it), with 1080p25 main streams and 640x360 sub-streams,
looked at 5 times a second:

- Cost: CPU time of the whole process (all its threads, decoding included) by camera and second of video, in runs
  by turns, so that all share the machine's mood; medians. It stays true when others use the machine too, but
  for what they take away from its caches and from the core's other thread: where a run could not look at every
  frame in time, it is run again with streams that play more slowly. Peers wait for each frame as a camera's frames
  are waited for. Cameras a core = 1000 / cost.
- Held: real streams at real speed, as many as the cost says that fit, one fewer where those do not: 99 % of the
  frames at most 1 s late, not later in the second half of the run than in the first, none left out. It is only as
  good as the machine is idle: how much of the core others used meanwhile is told. --quick holds ours, main, gated.

Every run with cooks at work goes once through all the sample videos.

ours, plain: every sampled frame is looked at. gated: still scenes are looked at less often, as the service does it;
half of the time cooks are at work (busy), half of the time nobody is there (empty).
The last line is JSON: cameras a core of ours on main streams, on sub-streams and gated, of the best peer on main
streams, and the ratio of gated and of plain to it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from camera_streams import make_clips, serving

HERE = Path(__file__).resolve().parent
NEEDED = ("psutil", "ultralytics", "torch", "openvino")
Row = dict[str, Any]
# name -> (size, scene, frames a second of a calm scene)
OURS = {
    "ours main, gated, busy": ("main", "busy", 1.0),
    "ours main, plain": ("main", "busy", 5.0),
    "ours main, gated, empty": ("main", "empty", 1.0),
    "ours sub, plain": ("sub", "busy", 5.0),
    "ours sub, gated, busy": ("sub", "busy", 1.0),
    "ours sub, gated, empty": ("sub", "empty", 1.0),
}
SPEEDS = (1.0, 0.4, 0.15)
WHOLE_FPS = 4.75  # of 5: the last frames are still on their way
# Seconds before what is counted: to connect, and for an empty scene to be known as one; and what is counted.
SETTLED_S = {"busy": 2.0, "empty": 12.0}
COUNTED_S = {"busy": 24.0, "empty": 12.0}
PEER_S = 12.0  # its cost does not depend on who is in the picture
QUICKLY_HELD = ("ours main, gated",)
PEERS = {
    "ultralytics OpenVINO main": ("main", "openvino"),
    "ultralytics OpenVINO sub": ("sub", "openvino"),
    "cv2 and ultralytics main": ("main", "naive"),
    "cv2 and ultralytics sub": ("sub", "naive"),
}
# Which peer runs after which of ours: the one that ours is measured by thrice.
BEST = "ultralytics OpenVINO main"
TURNS = (BEST, BEST, "cv2 and ultralytics main", BEST, "ultralytics OpenVINO sub", "cv2 and ultralytics sub")


@dataclass(frozen=True)
class Bench:
    """What all runs share. core: the one that is used."""

    clips: dict[str, Path]
    base: str
    folder: Path
    core: int

    def ours(self, streams: Sequence[str], calm_fps: float, times: tuple[float, float], speed: float = 1.0) -> Row:
        """Watches those streams. times: seconds of video that are not counted, and that are."""
        urls = [f"{self.base}/{speed:g}/{name}/{number}.ts" for number, name in enumerate(streams)]
        asked = {"urls": urls, "warm_s": times[0], "seconds": times[1], "calm_fps": calm_fps, "speed": speed}
        return self._run("camera_ours.py", asked | {"core": self.core})

    def cost(self, size: str, scene: str, calm_fps: float) -> Row:
        """Of one camera, at the first speed at which no frame is left out."""
        row: Row = {}
        for speed in SPEEDS:
            times = SETTLED_S[scene], COUNTED_S[scene]
            row = self.ours([f"{size}-{scene}"], calm_fps, times, speed) | {"speed": speed}
            if scene == "empty" or row["taken_fps"] > WHOLE_FPS:
                break
        return row

    def peer(self, size: str, kind: str, cameras: int, paced: bool, seconds: float) -> Row:
        """The peer's loop over a file."""
        asked = {"kind": kind, "clip": str(self.clips[f"{size}-busy"]), "cameras": cameras, "seconds": seconds}
        return self._run("camera_peers.py", asked | {"paced": paced, "folder": str(self.folder), "core": self.core})

    def _run(self, script: str, asked: Row) -> Row:
        busy_s, began = _busy_s(self.core), time.monotonic()
        before = os.times()
        done = subprocess.run(
            [sys.executable, str(HERE / script), json.dumps(asked)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{script} failed:\n{done.stderr[-2000:]}")
        after, lasted_s = os.times(), time.monotonic() - began
        own_s = after.children_user + after.children_system - before.children_user - before.children_system
        row: Row = json.loads(done.stdout.splitlines()[-1])
        return row | {"others": max(0.0, min(1.0, (_busy_s(self.core) - busy_s - own_s) / lasted_s))}


def _busy_s(core: int) -> float:
    import psutil  # noqa: PLC0415

    times = psutil.cpu_times(percpu=True)[core]
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def costs(bench: Bench, rounds: int) -> dict[str, list[Row]]:
    """All runs by turns, `rounds` times; after each of ours a peer."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for _ in range(rounds):
        for (name, asked), peer in zip(OURS.items(), TURNS, strict=True):
            size, kind = PEERS[peer]
            rows[name].append(bench.cost(*asked))
            rows[peer].append(bench.peer(size, kind, 1, True, PEER_S))
            for each in (name, peer):
                print(f"  {each}: {rows[each][-1]['cpu_ms_per_camera_s']:.0f} ms", file=sys.stderr, flush=True)
    return rows


def holds(row: Row) -> bool:
    """p99 below 1 s, no growing queue, nothing left out."""
    return bool(row["p99_lag_s"] < 1.0 and row["growth_s"] < 0.2 and row["taken_fps"] > WHOLE_FPS)


def held(run: Callable[[int], Row], expected: int, tries: int) -> tuple[int, Row]:
    """The most cameras at or below `expected` that are held, and the last run's row; 0 when no try is."""
    row: Row = {}
    for cameras in range(max(1, expected), max(0, expected - tries), -1):
        row = run(cameras)
        print(f"  held? {cameras}: p99 {row['p99_lag_s']:.2f} s, others {row['others']:.0%}", file=sys.stderr)
        if holds(row):
            return cameras, row
    return 0, row


def memory(bench: Bench) -> dict[str, float]:
    """MB of proportional set size that a third camera adds to two, by size."""
    out = {}
    for size in ("sub", "main"):
        two, three = (bench.ours([f"{size}-empty"] * n, 1.0, (3.0, 3.0))["pss_mb"] for n in (2, 3))
        out[size] = three - two
    return out


def of_core(rows: dict[str, list[Row]]) -> dict[str, float]:
    """Cameras a core by cost; gated = half of the time busy, half of it empty."""
    ms = {name: statistics.median(row["cpu_ms_per_camera_s"] for row in runs) for name, runs in rows.items()}
    for size in ("main", "sub"):
        ms[f"ours {size}, gated"] = (ms[f"ours {size}, gated, busy"] + ms[f"ours {size}, gated, empty"]) / 2
    return {name: 1000 / cost for name, cost in ms.items()}


def measure(quick: bool) -> Row:
    """Everything."""
    core = max(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("making clips", file=sys.stderr)
        clips = make_clips(folder, COUNTED_S["busy"])
        with serving(clips, 90) as base:
            bench = Bench(clips, base, folder, core)
            bench.peer("main", "openvino", 1, False, 0.4)  # exports
            rows = costs(bench, 1 if quick else 3)
            cores = of_core(rows)
            added_mb = memory(bench)
            seconds, times = COUNTED_S["busy"], (SETTLED_S["empty"], COUNTED_S["busy"])
            mixed = ["main-busy", "main-empty"]

            def watched(streams: Sequence[str], calm_fps: float) -> Callable[[int], Row]:
                return lambda n: bench.ours([streams[i % len(streams)] for i in range(n)], calm_fps, times)

            streams = {
                "ours main, plain": watched(["main-busy"], 5.0),
                "ours main, gated": watched(mixed, 1.0),
                "ours sub, plain": watched(["sub-busy"], 5.0),
                "ours sub, gated": watched(["sub-busy", "sub-empty"], 1.0),
                "ultralytics OpenVINO main": lambda n: bench.peer("main", "openvino", n, True, seconds),
                "ultralytics OpenVINO sub": lambda n: bench.peer("sub", "openvino", n, True, seconds),
            }
            asked = QUICKLY_HELD if quick else streams
            kept = {what: held(streams[what], int(cores[what]), 2 if quick else 3) for what in asked}
    return {"cores": cores, "rows": rows, "held": kept, "added_mb": added_mb}


def show(found: Row) -> None:
    """For people."""
    print(f"{'':28}{'cameras a core':>15}{'CPU ms a camera and second, each run':>40}")
    for name, cameras in found["cores"].items():
        runs = ", ".join(f"{row['cpu_ms_per_camera_s']:.0f}" for row in found["rows"].get(name, []))
        print(f"{name:28}{cameras:>15.2f}{runs or 'half of each':>40}")
    print(f"\n{'held at real speed':28}{'cameras':>8}{'p99 lag s':>11}{'others used of the core':>25}")
    for name, (cameras, row) in found["held"].items():
        print(f"{name:28}{cameras:>8}{row['p99_lag_s']:>11.2f}{row['others']:>24.0%}")
    for size, added_mb in found["added_mb"].items():
        print(f"one more {size} camera: {added_mb:.0f} MB of memory (proportional set size)")
    cores = found["cores"]
    for size in ("main", "sub"):
        peer = max(cores[f"ultralytics OpenVINO {size}"], cores[f"cv2 and ultralytics {size}"])
        for how in ("plain", "gated"):
            print(f"ratio to the best peer, {size}, {how}: {cores[f'ours {size}, {how}'] / peer:.2f}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run each, one thing held; at most 8 minutes")
    parser.add_argument("--json", action="store_true", help="every run as JSON instead of the table")
    given = parser.parse_args()
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        print(
            f"not installed here: {', '.join(missing)}; bench/setup PIP installs what the peers need",
            file=sys.stderr,
        )
        return 2
    found = measure(given.quick)
    if given.json:
        print(json.dumps(found))
    else:
        show(found)
    cores = found["cores"]
    peer = max(cores["ultralytics OpenVINO main"], cores["cv2 and ultralytics main"])
    last = {
        "ratio": cores["ours main, gated"] / peer,
        "ratio_plain": cores["ours main, plain"] / peer,
        "main": cores["ours main, plain"],
        "sub": cores["ours sub, plain"],
        "gated": cores["ours main, gated"],
        "peer": peer,
    }
    print(json.dumps({name: round(value, 2) for name, value in last.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
