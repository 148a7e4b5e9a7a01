"""Streams for the camera bench: clips made from the sample videos, and a server that plays them at their speed.

The server speaks HTTP and sends MPEG-TS, which FFmpeg reads as it reads a camera. It runs in a process of its own,
so that none of its time is counted.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
FPS, KEY_FRAMES_EVERY = 25, 50
SIZES = {"main": (1920, 1080), "sub": (640, 360)}
SCENES = ("busy", "empty")
SAMPLE_SHAPE = (540, 960, 3)
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def make_clips(folder: Path, seconds: float) -> dict[str, Path]:
    """``main-busy`` and so on: H.264 without B-frames and a key frame in two seconds, as cameras encode.

    busy: the sample videos one after the other, cooks at work, some of whom violate. empty: the first one's kitchen
    with everybody painted out. A little noise is laid over both, as sensors have.
    """
    clips = {f"{size}-{scene}": folder / f"{size}-{scene}.mp4" for size in SIZES for scene in SCENES}
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for made in [pool.submit(_make_clip, *name.split("-"), seconds, path) for name, path in clips.items()]:
            made.result()
    return clips


def _make_clip(size: str, scene: str, seconds: float, path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 6, (4, *SAMPLE_SHAPE), np.uint8)
    with av.open(str(path), "w") as out:
        options = {"preset": "veryfast", "crf": "23", "bf": "0", "g": str(KEY_FRAMES_EVERY), "threads": "1"}
        stream = out.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height = SIZES[size]
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(_pictures(scene, seconds)):
            grainy = cv2.add(picture, noise[number % len(noise)])
            large = cv2.resize(grainy, SIZES[size], interpolation=cv2.INTER_LINEAR)
            frame = av.VideoFrame.from_ndarray(np.asarray(large, np.uint8), "rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _pictures(scene: str, seconds: float) -> Iterator[Pixels]:
    """25 pictures a second; the samples share the time evenly."""
    samples = sorted((ROOT / "sample_videos").glob("*.mp4"))[: 1 if scene == "empty" else None]
    each = round(seconds * FPS / len(samples))
    for sample in samples:
        people = _boxes(sample.with_suffix(".json"))
        with av.open(str(sample)) as opened:
            rate = float(opened.streams.video[0].average_rate or FPS)
            shown = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
        if scene == "empty":
            shown = [_without_people(shown[0], people)]
        for number in range(each):
            yield shown[int(number * rate / FPS) % len(shown)]


def _boxes(truth: Path) -> list[tuple[float, ...]]:
    """Everybody's boxes over the whole clip, from its truth (docs/formats.md)."""
    frames = json.loads(truth.read_text("utf-8"))["frames"]
    return [tuple(person["person"]) for frame in frames for person in frame["people"] if person["person"]]


def _without_people(picture: Pixels, boxes: list[tuple[float, ...]]) -> Pixels:
    mask = np.zeros(picture.shape[:2], np.uint8)
    for x0, y0, x1, y1 in boxes:
        mask[max(0, int(y0) - 8) : int(y1) + 8, max(0, int(x0) - 8) : int(x1) + 8] = 255
    return np.asarray(cv2.inpaint(picture, mask, 5, cv2.INPAINT_TELEA), np.uint8)


class _Written:
    """A file in memory that only grows."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, piece: bytes) -> int:
        self.data += piece
        return len(piece)


def as_sent(clip: Path, seconds: float) -> list[tuple[float, bytes]]:
    """(when, bytes) of the clip as MPEG-TS, played again and again with times that go on, for so many seconds."""
    written, sent, told = _Written(), [], 0
    with (
        av.open(str(clip)) as source,
        av.open(written, "w", format="mpegts", options={"flush_packets": "1"}) as out,
    ):
        recorded = source.streams.video[0]
        stream = out.add_stream_from_template(recorded)
        packets = [packet for packet in source.demux(recorded) if packet.size]
        ticks = round(len(packets) / FPS / recorded.time_base)
        for turn in range(int(seconds * FPS / len(packets)) + 1):
            source.seek(0)
            for number, packet in enumerate(p for p in source.demux(recorded) if p.size):
                packet.pts, packet.dts = packet.pts + turn * ticks, packet.dts + turn * ticks
                packet.stream = stream
                out.mux(packet)
                if len(written.data) > told:
                    sent.append(((turn * len(packets) + number) / FPS, bytes(written.data[told:])))
                    told = len(written.data)
    return [(when_s, piece) for when_s, piece in sent if when_s <= seconds]


def _handler(plays: dict[str, list[tuple[float, bytes]]]) -> type[BaseHTTPRequestHandler]:
    class Camera(BaseHTTPRequestHandler):
        """``/0.5/main-busy/3.ts``: at half the speed; what follows the name only tells cameras apart."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            _, speed, name, _ = self.path.split("/")
            began = time.monotonic()
            with suppress(OSError):
                for when_s, piece in plays[name]:
                    time.sleep(max(0.0, when_s / float(speed) - (time.monotonic() - began)))
                    self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            pass

    return Camera


def _serve(clips: dict[str, Path], seconds: float, link: Connection) -> None:
    plays = {name: as_sent(path, seconds) for name, path in clips.items()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(plays))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    link.send(server.server_address[1])
    with suppress(EOFError):
        link.recv()
    os._exit(0)


@contextmanager
def serving(clips: dict[str, Path], seconds: float) -> Iterator[str]:
    """A process that plays the clips to whoever asks, from their beginning; gives ``http://127.0.0.1:PORT``."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve, args=(clips, seconds, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        ours.close()
        process.kill()
        process.join()
