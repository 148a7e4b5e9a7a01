"""How fast a scan is: a 1080p clip made from the sample videos, both profiles, CPU time by stage, and a peer.

    python bench/scan.py            # some minutes
    python bench/scan.py --quick    # a short clip, one run

Wall time depends on what else the machine does; CPU time does much less. Decoding is the time inside the source;
what a picture is converted for is counted where it is used (frame look, zoom looks). The rest is tracks, rules,
evidence, clips and writing. The last line is JSON.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # this very tree, installed or not

import av  # noqa: E402
import cv2  # noqa: E402
import numpy as np  # noqa: E402
import onnxruntime as ort  # noqa: E402

from kitchenvision import __version__  # noqa: E402
from kitchenvision.build import Eyes, chosen_rules, open_eyes  # noqa: E402
from kitchenvision.config import Settings  # noqa: E402
from kitchenvision.detect.model_card import load_card, models_folder  # noqa: E402
from kitchenvision.frames.open import open_source  # noqa: E402
from kitchenvision.frames.source import ClipSpan, FrameSource, SourceOptions  # noqa: E402
from kitchenvision.scan import Scanner  # noqa: E402
from kitchenvision.scan_folder import ScanFolder  # noqa: E402
from kitchenvision.types import Detections, Frame, HeadLook, Picture, Xyxy  # noqa: E402

WIDTH, HEIGHT, FPS = 1920, 1080, 25
ANALYSIS_FPS = 5.0
PEER_SIDE = 640
STAGES = ("decode", "frame look", "zoom looks", "rest")


@dataclass
class Cpu:
    """CPU seconds of the process by stage; what runs inside another stage is not counted twice."""

    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, stage: str, call: Callable[..., Any], *args: Any) -> Any:
        began = time.process_time()
        try:
            return call(*args)
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - began


class TimedDetector:
    """The frame look with a stopwatch."""

    def __init__(self, inner: Any, cpu: Cpu) -> None:
        self._inner, self._cpu = inner, cpu

    def detect(self, picture: Picture) -> Detections:
        found: Detections = self._cpu.timed("frame look", self._inner.detect, picture)
        return found


class TimedLooker:
    """The zoom look with a stopwatch."""

    def __init__(self, inner: Any, cpu: Cpu) -> None:
        self._inner, self._cpu = inner, cpu

    def look(
        self, picture: Picture, heads: Sequence[Xyxy], cigarettes: bool = True, glance: bool = False
    ) -> list[HeadLook]:
        looks: list[HeadLook] = self._cpu.timed("zoom looks", self._inner.look, picture, heads, cigarettes, glance)
        return looks


class TimedSource(FrameSource):
    """A source with a stopwatch on its frames."""

    def __init__(self, inner: FrameSource, cpu: Cpu) -> None:
        self._inner, self._cpu, self.info = inner, cpu, inner.info

    def frames(self) -> Iterator[Frame]:
        frames = self._inner.frames()
        while (frame := self._cpu.timed("decode", next, frames, None)) is not None:
            yield frame

    def clip(self, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
        return self._inner.clip(from_s, to_s, path)

    def problems(self) -> tuple[str, ...]:
        return self._inner.problems()

    def close(self) -> None:
        self._inner.close()


def make_clip(path: Path, seconds: float) -> None:
    """The sample videos one after the other, enlarged to 1080p, at 25 frames a second, H.264, `seconds` long."""
    wanted = round(seconds * FPS)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "20", "g": "50"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, picture in enumerate(_pictures(wanted)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _pictures(wanted: int) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    """So many pictures, each of the samples' shown as long as there; with a little noise, as cameras have."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-3, 4, (4, HEIGHT, WIDTH, 3), np.int8)
    given = 0
    while True:
        for sample in sorted((ROOT / "sample_videos").glob("*.mp4")):
            with av.open(str(sample)) as opened:
                video = opened.streams.video[0]
                repeats = FPS / float(video.average_rate or FPS)
                for number, frame in enumerate(opened.decode(video)):
                    large = cv2.resize(
                        frame.to_ndarray(format="rgb24"), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
                    )
                    for _ in range(round((number + 1) * repeats) - round(number * repeats)):
                        if given == wanted:
                            return
                        grain = noise[given % len(noise)]
                        yield np.clip(large.astype(np.int16) + grain, 0, 255).astype(np.uint8)
                        given += 1


def scan(clip: Path, profile: str, threads: int, out: Path) -> dict[str, Any]:
    """One scan of the clip as `kitchenvision scan` does it, but for the page of the report."""
    cpu = Cpu()
    eyes = open_eyes(None, None, "fast" if profile == "fast" else "thorough", threads=threads)
    timed = replace(eyes, detector=TimedDetector(eyes.detector, cpu), looker=TimedLooker(eyes.looker, cpu))
    settings = Settings(analysis_fps=ANALYSIS_FPS)
    folder = ScanFolder(out, {"profile": profile}, force=True)
    scanner = Scanner(timed, chosen_rules(None), settings, ZoneInfo("UTC"), folder)
    _warm_up(eyes, clip)
    began, cpu_began = time.monotonic(), time.process_time()
    with open_source(clip, SourceOptions(ANALYSIS_FPS)) as source:
        result = scanner.scan(TimedSource(source, cpu), "bench", lambda _: None, lambda: False)
        folder.add(result, complete=True)
    wall_s, cpu_s = time.monotonic() - began, time.process_time() - cpu_began
    media_s = float(result.info.duration_s or result.reached_s)
    cpu.seconds["rest"] = cpu_s - sum(cpu.seconds.values())
    return {
        "profile": profile,
        "wall_s": round(wall_s, 2),
        "times_real_time": round(media_s / wall_s, 2),
        "cpu_ms_per_video_s": round(1000 * cpu_s / media_s, 1),
        "stages_cpu_ms_per_video_s": {s: round(1000 * cpu.seconds.get(s, 0.0) / media_s, 1) for s in STAGES},
        "frames": result.tally.frames,
        "looks": result.tally.looks,
        "violations": len(result.rows),
    }


def _warm_up(eyes: Eyes, clip: Path) -> None:
    """A first look loads libraries and lays out memory; it is paid once in a scan of hours."""
    with open_source(clip, SourceOptions(ANALYSIS_FPS)) as source:
        picture = next(source.frames()).picture
        found = eyes.detector.detect(picture)
        eyes.looker.look(picture, [(100.0, 100.0, 160.0, 160.0)])
        assert len(found) >= 0


def peers(clip: Path, most_frames: int, threads: int) -> list[dict[str, Any]]:
    """Loops as they are usually written, by CPU time: every frame, and every fifth. None of them zooms in."""
    runs = _ultralytics(clip, most_frames) if _has_ultralytics() else _naive(clip, most_frames, threads)
    return [
        {"peer": name, "looks_at": looks_at, "cpu_ms_per_video_s": round(1000 * cpu_s * FPS / read, 1)}
        for name, looks_at, read, cpu_s in runs
    ]


def _naive(clip: Path, most_frames: int, threads: int) -> Iterator[tuple[str, str, int, float]]:
    """cv2 reads every frame in full; the same frame network by ONNX Runtime, letterboxed to 640."""
    card = load_card(models_folder())
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    session = ort.InferenceSession(str(card.path(card.frame.file)), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for looks_at, stride in (("every frame", 1), ("every 5th frame", 5)):
        capture = cv2.VideoCapture(str(clip))
        read, began = 0, time.process_time()
        while read < most_frames * (1 if stride == 1 else 3):
            good, image = capture.read()
            if not good:
                break
            if read % stride == 0:
                session.run(None, {name: _letterboxed(image)[None]})
            read += 1
        yield "cv2 and onnxruntime, same network", looks_at, read, time.process_time() - began
        capture.release()


def _letterboxed(image: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    scale = PEER_SIDE / max(image.shape[:2])
    small = cv2.resize(image, (round(image.shape[1] * scale), round(image.shape[0] * scale)))
    canvas = np.full((PEER_SIDE, PEER_SIDE, 3), 114, np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
    return canvas


def _has_ultralytics() -> bool:
    with contextlib.suppress(ImportError):
        import training.torchvision_shim  # noqa: F401, PLC0415  a torchvision of another torch does not import
    try:
        import ultralytics  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def _ultralytics(clip: Path, most_frames: int) -> Iterator[tuple[str, str, int, float]]:
    """ultralytics' own loop with YOLO11n; random weights, since speed does not depend on them."""
    import ultralytics  # noqa: PLC0415

    model = ultralytics.YOLO("yolo11n.yaml")
    model.predict(np.zeros((HEIGHT, WIDTH, 3), np.uint8), imgsz=PEER_SIDE, verbose=False)
    for looks_at, stride in (("every frame", 1), ("every 5th frame", 5)):
        looked, began = 0, time.process_time()
        for _ in model.predict(str(clip), imgsz=PEER_SIDE, vid_stride=stride, stream=True, verbose=False):
            looked += 1
            if looked * stride >= most_frames * (1 if stride == 1 else 3):
                break
        yield (
            f"ultralytics {ultralytics.__version__}, torch",
            looks_at,
            looked * stride,
            time.process_time() - began,
        )


def machine() -> dict[str, Any]:
    """What it ran on."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"cpu": name, "cores": os.cpu_count(), "python": platform.python_version(), "load_before": load}


def show(summary: dict[str, Any]) -> None:
    """For people."""
    clip, host = summary["clip"], summary["machine"]
    load = f", load {host['load_before']:.1f} before" if host["load_before"] is not None else ""
    print(f"{clip['seconds']:g} s of {WIDTH}x{HEIGHT} at {FPS} fps, {ANALYSIS_FPS:g} looked at; {host['cpu']}, "
          f"{host['cores']} cores, {summary['threads']} thread(s){load}")  # fmt: skip
    print(f"{'profile':10}{'wall s':>8}{'x real time':>13}   CPU ms a second of video: {', '.join(STAGES)}, all")
    for row in summary["scans"]:
        stages = row["stages_cpu_ms_per_video_s"]
        parts = "  ".join(f"{stages[s]:7.1f}" for s in STAGES)
        print(f"{row['profile']:10}{row['wall_s']:8.1f}{row['times_real_time']:13.2f}   {parts}"
              f"  {row['cpu_ms_per_video_s']:7.1f}   {row['frames']} frames, {row['looks']} looks,"
              f" {row['violations']} violations")  # fmt: skip
    for row in summary["peers"]:
        print(f"peer, {row['looks_at']}: {row['cpu_ms_per_video_s']:.1f} CPU ms a second of video ({row['peer']})")
        for name, ratio in row["times_ours"].items():
            print(f"    {ratio:.2f} times the profile {name}")


def main() -> int:
    """Make the clip, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 s of video instead of 20")
    parser.add_argument("--no-peer", action="store_true", help="only our own")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the networks; default: all cores")
    given = parser.parse_args()
    seconds = 4.0 if given.quick else 20.0
    host = machine()
    with tempfile.TemporaryDirectory() as name:
        clip = Path(name) / "clip.mp4"
        make_clip(clip, seconds)
        scans = [scan(clip, profile, given.threads, Path(name) / profile) for profile in ("fast", "thorough")]
        others = [] if given.no_peer else peers(clip, FPS if given.quick else 4 * FPS, given.threads)
        size = clip.stat().st_size
    for row in others:
        row["times_ours"] = {
            one["profile"]: round(row["cpu_ms_per_video_s"] / one["cpu_ms_per_video_s"], 2) for one in scans
        }
    summary = {
        "version": __version__,
        "machine": host,
        "threads": given.threads or os.cpu_count(),
        "clip": {"seconds": seconds, "width": WIDTH, "height": HEIGHT, "fps": FPS, "bytes": size},
        "scans": scans,
        "peers": others,
    }
    show(summary)
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
