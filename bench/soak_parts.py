"""What the soak runs: clips, an RTSP server behind proxies, the real regulator and the real edge service."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Any

import av
import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests"), str(ROOT / "tests" / "edge")]

from faults.processes import Process, free_port  # noqa: E402
from stream_proxy import KINDS, StreamProxy  # noqa: E402

from kitchenvision.regulator import setup  # noqa: E402
from kitchenvision.regulator.settings import RegulatorSettings  # noqa: E402

OF_STREAMS = tuple(kind for kind in KINDS if kind not in {"clock jump", "regulator down"})
LOOK_S = 0.5
FPS, WIDTH, HEIGHT = 12, 640, 360
CLIP_S = 120.0  # then the server hangs up, and the camera is called again


@dataclass(frozen=True)
class Sample:
    """What the service and its workers held together."""

    at_s: float
    pss_mb: float
    threads: int
    files: int
    processes: int


def make_clips(folder: Path, seconds: float) -> None:
    """``soak_a.mp4``: the sample videos in turn; ``soak_b.mp4`` at half the size, ``soak_c.mp4`` in H.265."""
    for name, codec, part in (("soak_a", "libx264", 1), ("soak_b", "libx264", 2), ("soak_c", "libx265", 1)):
        with av.open(str(folder / f"{name}.mp4"), "w") as out:
            options = {"preset": "ultrafast", "bf": "0", "g": str(2 * FPS), "threads": "1"}
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
