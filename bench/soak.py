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
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT / "tests"), str(ROOT / "tests" / "edge")]  # not this folder: it has a faults.py

from faults.processes import Process, free_port  # noqa: E402
from stream_proxy import KINDS, StreamProxy  # noqa: E402

from kitchenvision.regulator import setup  # noqa: E402
from kitchenvision.regulator.settings import RegulatorSettings  # noqa: E402

OF_STREAMS = tuple(kind for kind in KINDS if kind not in {"clock jump", "regulator down"})
LOOK_S, SAMPLE_S = 0.5, 10.0
LASTS_S = (5.0, 40.0)
BACK_WITHIN_S = 60.0
PARTS, WARM = 30, 6
# Student's t, 97.5 %, for PARTS - 2 degrees of freedom.
T_28 = 2.048
FPS, WIDTH, HEIGHT = 12, 640, 360
CLIP_S = 300.0  # then the server hangs up, and the camera is called again


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


@dataclass(frozen=True)
class Sample:
    """What the service and its workers held together."""

    at_s: float
    pss_mb: float
    threads: int
    files: int
    processes: int


@dataclass
class Notes:
    """All that was seen."""

    faults: list[Fault] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


def make_clips(folder: Path, seconds: float) -> None:
    """``soak_a.mp4``: the sample videos in turn; ``soak_b.mp4`` at half the size, ``soak_c.mp4`` in H.265."""
    for name, codec, part in (("soak_a", "libx264", 1), ("soak_b", "libx264", 2), ("soak_c", "libx265", 1)):
        with av.open(str(folder / f"{name}.mp4"), "w") as out:
            options = {"preset": "veryfast", "bf": "0", "g": str(2 * FPS), "threads": "1"}
            if codec == "libx265":
                options = {
                    "preset": "ultrafast",
                    "x265-params": f"keyint={2 * FPS}:bframes=0:log-level=none:pools=1",
                }
            stream = out.add_stream(codec, rate=FPS, options=options)
            width, height = WIDTH // part, HEIGHT // part
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for number, frame in enumerate(_sampled(seconds)):
                small = frame.reformat(width=width, height=height, format="yuv420p")
                small.pts, small.time_base = number, Fraction(1, FPS)
                out.mux(stream.encode(small))
            out.mux(stream.encode(None))


def _sampled(seconds: float) -> Iterator[av.VideoFrame]:
    """FPS pictures a second of the sample videos, one after the other and again."""
    left = round(seconds * FPS)
    for sample in cycle(sorted((ROOT / "sample_videos").glob("*.mp4"))):
        due_s = 0.0
        with av.open(str(sample)) as opened:
            for frame in opened.decode(video=0):
                if (frame.time or 0.0) >= due_s:
                    due_s, left = due_s + 1 / FPS, left - 1
                    yield frame
                if not left:
                    return


class Regulator:
    """The real one, in a process that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        settings = RegulatorSettings(data_dir=folder / "regulator", port=self.port)
        setup.prepare(settings)
        self.token = setup.add_canteen(settings, "soak")
        self._process: Process | None = None
        self.begin()

    def begin(self) -> None:
        """Start it."""
        arguments = (str(self._folder / "regulator"), str(self.port))
        self._process = Process("faults.regulator_process", *arguments, log=self._folder / "regulator.log")
        self._process.wait_ready()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()
            self._process = None


class Service:
    """`kitchenvision edge` and its page."""

    def __init__(self, folder: Path, addresses: Sequence[str], regulator: Regulator, fps: float) -> None:
        self._address = f"http://127.0.0.1:{(page := free_port())}"
        text = (
            f'canteen_id = "soak"\ndata = "data"\nanalysis_fps = {fps}\nworkers = 1\nobserved_minutes = 1\n'
            f'[regulator]\nurl = "http://127.0.0.1:{regulator.port}"\n[page]\nport = {page}\n'
        )
        text += "".join(f'[[cameras]]\nid = "camera-{i}"\nurl = "{url}"\n' for i, url in enumerate(addresses))
        (folder / "edge.toml").write_text(text, "utf-8")
        command = [
            str(Path(sys.executable).with_name("kitchenvision")),
            "edge",
            "--config",
            str(folder / "edge.toml"),
        ]
        with (folder / "edge.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | {"KITCHENVISION_TOKEN": regulator.token}
            )
        self._client = httpx.Client(trust_env=False, timeout=10)

    def state(self) -> dict[str, Any]:
        """Of the API; empty while it does not answer."""
        if self._process.poll() is not None:
            raise SystemExit(f"the service ended with {self._process.returncode}")
        try:
            answer: dict[str, Any] = self._client.get(f"{self._address}/api/state").json()
        except httpx.HTTPError:
            return {}
        return answer

    def cameras(self) -> dict[str, dict[str, Any]]:
        """By id."""
        return {camera["camera_id"]: camera for camera in self.state().get("cameras", [])}

    def held(self, at_s: float) -> Sample:
        """Memory, threads, open files."""
        ids = [self._process.pid]
        for pid in ids:
            ids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split())
        pss_kb = sum(_number(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in ids)
        threads = sum(_number(f"/proc/{pid}/status", "Threads:") for pid in ids)
        files = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in ids)
        return Sample(round(at_s, 1), round(pss_kb / 1024, 1), threads, files, len(ids))

    def wait(self, fits: Callable[[dict[str, Any]], bool], seconds: float) -> bool:
        """Whether its state came to fit in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (state := self.state()) and fits(state):
                return True
            time.sleep(LOOK_S)
        return False

    def end(self) -> int:
        """SIGTERM; its exit status."""
        self._client.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return -9


def _number(path: str, key: str) -> int:
    rows = Path(path).read_text("utf-8").splitlines()
    return int(next(row for row in rows if row.startswith(key)).split()[1])


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


@contextmanager
def staged(folder: Path, streams: int, seed: int) -> Iterator[tuple[dict[str, StreamProxy], Regulator]]:
    """The RTSP server in a process of its own, a proxy a camera, the regulator."""
    (folder / "clips").mkdir()
    make_clips(folder / "clips", CLIP_S)
    with ExitStack() as stack:
        code = f"import sys;sys.path.append({str(ROOT / 'tests' / 'frames')!r})\nfrom rtsp_servers import playing\n"
        code += f"import pathlib\nwith playing(pathlib.Path({str(folder / 'clips')!r})) as host:\n"
        code += " print(host, flush=True)\n sys.stdin.read()\n"
        with (folder / "rtsp.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        stack.callback(server.kill)
        assert server.stdout is not None
        host = server.stdout.readline().strip()
        names = (b"soak_a.mp4", b"soak_b.mp4", b"soak_c.mp4")
        proxies = {f"camera-{i}": stack.enter_context(StreamProxy(host, names, seed + i)) for i in range(streams)}
        regulator = Regulator(folder)
        stack.callback(regulator.kill)
        yield proxies, regulator


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
