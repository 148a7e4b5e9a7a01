"""What decoding costs: CPU milliseconds per source frame, ours at 5 fps against what else one could do.

    python bench/decode.py [--quick] [--codec libx264|libx265] [VIDEO]

Without VIDEO a 1080p25 clip is made: a moving texture with some noise, as a fixed camera's encoder gets it. All
ways run in one process by turns, so that they share the machine's mood; medians are told, and ratios to ours.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

from kitchenvision.frames.open import open_source
from kitchenvision.frames.source import SourceOptions

WIDTH, HEIGHT, FPS = 1920, 1080, 25
LOOK = (640, 384)


def make_clip(path: Path, seconds: int, codec: str) -> None:
    """Writes a 1080p clip whose texture moves by a few pixels a frame."""
    rng = np.random.default_rng(3)
    texture = cv2.resize(rng.integers(0, 255, (140, 250, 3), np.uint8), (WIDTH + 200, HEIGHT + 40))
    grain = [rng.integers(0, 6, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(4)]
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=FPS, options={"preset": "veryfast", "x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, "yuv420p", 50
        for number in range(seconds * FPS):
            left = 2 * number % 200
            image = texture[:HEIGHT, left : left + WIDTH] // 2 + grain[number % 4]
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")))
        output.mux(stream.encode())


def ours(path: Path) -> None:
    """Sampled to 5 fps, each straight to the detector's size."""
    with open_source(path, SourceOptions(analysis_fps=5)) as source:
        for frame in source.frames():
            frame.picture.scaled(*LOOK)


def ours_in_full(path: Path) -> None:
    """Sampled to 5 fps, each converted in full."""
    with open_source(path, SourceOptions(analysis_fps=5)) as source:
        for frame in source.frames():
            frame.image  # noqa: B018  # the conversion happens here


def with_cv2(path: Path) -> None:
    """OpenCV's `read`: every frame, converted in full."""
    video = cv2.VideoCapture(str(path))
    while video.read()[0]:
        pass
    video.release()


def with_pyav(path: Path) -> None:
    """PyAV as its manual shows it: every frame, converted in full."""
    with av.open(str(path)) as video:
        for frame in video.decode(video=0):
            frame.to_ndarray(format="rgb24")


WAYS: dict[str, Callable[[Path], None]] = {
    "ours, 5 fps to 640x384": ours,
    "ours, 5 fps in full": ours_in_full,
    "cv2 read(), every frame": with_cv2,
    "PyAV, every frame in full": with_pyav,
}


def frame_count(path: Path) -> int:
    """Frames in a video's file."""
    with av.open(str(path)) as video:
        return sum(1 for packet in video.demux(video=0) if packet.size)


def measure(path: Path, runs: int) -> dict[str, float]:
    """Median CPU milliseconds per source frame of each way; the runs take turns."""
    frames = frame_count(path)
    spent: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(runs):
        for name, way in WAYS.items():
            before = time.process_time()
            way(path)
            spent[name].append((time.process_time() - before) * 1000 / frames)
    return {name: statistics.median(times) for name, times in spent.items()}


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--quick", action="store_true", help="2 seconds, one run")
    parser.add_argument("--codec", default="libx264", help="encoder of the clip that is made")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.video or Path(folder) / "clip.mp4"
        if given.video is None:
            make_clip(path, 2 if given.quick else 12, given.codec)
        costs = measure(path, 1 if given.quick else 5)
    least = costs["ours, 5 fps to 640x384"]
    print(f"{'CPU ms per source frame':<28}{'ms':>8}{'to ours':>10}")
    for name, cost in costs.items():
        print(f"{name:<28}{cost:>8.2f}{cost / least:>10.2f}")


if __name__ == "__main__":
    main()
