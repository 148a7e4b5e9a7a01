"""A live camera: frames with the time of their arrival, clips from the ring, and errors without a password."""

import logging
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_media import LEVELS, Recipe, make_video, number_of
from rtsp_servers import answering, free_port, playing

from kitchenvision.errors import SourceBroken, SourceError
from kitchenvision.frames.dialing import (
    CameraRefused,
    CameraUnreachable,
    ConnectionRefused,
    NoSuchStream,
    shown_address,
    with_credentials,
)
from kitchenvision.frames.open import open_source
from kitchenvision.frames.rtsp import RtspSource, _Slot
from kitchenvision.frames.source import SourceOptions

REFUSES = (
    b'RTSP/1.0 401 Unauthorized\r\nCSeq: SEQUENCE\r\nWWW-Authenticate: Basic realm="camera"\r\n'
    b"Content-Length: 0\r\n\r\n"
)
KNOWS_NOTHING = b"RTSP/1.0 404 Not Found\r\nCSeq: SEQUENCE\r\nContent-Length: 0\r\n\r\n"
NO_RTSP = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class TickingClock:
    """A clock that goes on by a millisecond each time it is asked."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 12, 8, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[str]:
    """Address of a real RTSP server on loopback that plays 3 s of numbered pictures."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    make_video(tmp_path / "kitchen.mp4", Recipe(seconds=3, b_frames=0, movflags=""))
    with playing(tmp_path) as host:
        yield f"rtsp://inspector:secret@{host}/kitchen.mp4"


def watched(source: RtspSource) -> tuple[list[tuple[float, int, datetime]], SourceBroken | None]:
    """(media time, number, arrival) of every frame until the camera sends no more, and how it ended."""
    seen: list[tuple[float, int, datetime]] = []
    try:
        for frame in source.frames():
            assert frame.index == len(seen)
            seen.append((frame.media_s, number_of(frame.image), frame.captured_at))
    except SourceBroken as error:
        return seen, error
    return seen, None


def test_a_camera_from_its_first_frame_to_its_end(camera: str, tmp_path: Path) -> None:
    """Media time is that of the picture, arrival comes from the clock, the ring gives clips, the end is told."""
    clock = TickingClock()
    with RtspSource(camera, SourceOptions(), clock) as source:
        seen, error = watched(source)
        span = source.clip(1.3, 2.0, tmp_path / "clip.mp4")
        info, dropped = source.info, source.dropped
    times = [media_s for media_s, _, _ in seen]
    assert (info.kind, info.codec, info.width, info.height) == ("rtsp", "h264", 64, 48)
    assert (info.started_at_source, info.content_sha256, info.duration_s) == ("camera", None, None)
    assert 0.0 <= times[0] <= 1.2  # FFmpeg looks at a second of a stream first; of that burst the newest count
    assert times == sorted(set(times))
    assert len(times) + dropped == pytest.approx(15, abs=1)
    assert [number for _, number, _ in seen] == pytest.approx([round(t * 25) % LEVELS for t in times], abs=1.5)
    arrivals = [arrival for _, _, arrival in seen]
    assert arrivals == sorted(set(arrivals))
    assert arrivals[-1] <= clock.now
    assert error is not None
    assert "the camera sends no more" in str(error)
    assert error.media_s == pytest.approx(2.96, abs=0.1)
    assert span is not None
    assert span.from_s == pytest.approx(1.0, abs=0.05)
    assert span.to_s >= 2.0
    with open_source(span.path) as clip:
        assert number_of(next(iter(clip.frames())).image) == pytest.approx(25, abs=1.5)


def test_times_that_were_stamped_in_the_order_of_sending_do_not_run_at_another_speed(tmp_path: Path) -> None:
    """Some cameras do that with B-frames (this server does): shown times then go back and forth by some frames."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    make_video(tmp_path / "kitchen.mp4", Recipe(seconds=3, b_frames=2, movflags=""))
    with playing(tmp_path) as host, open_source(f"rtsp://{host}/kitchen.mp4") as source:
        seen, _ = watched(source)  # type: ignore[arg-type]
    assert seen[-1][0] == pytest.approx(3.0, abs=0.3)
    assert [number for _, number, _ in seen] == pytest.approx([round(t * 25) % LEVELS for t, _, _ in seen], abs=6)


def test_closing_ends_the_frames_without_an_error(camera: str) -> None:
    """The reader thread ends with it, and nothing comes after."""
    source = open_source(camera)
    frames = source.frames()
    next(frames)
    source.close()
    source.close()
    assert len(list(frames)) <= 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rtsp ")]


def test_closing_before_anybody_looked(camera: str) -> None:
    """No thread was started, none is left, no frame comes."""
    source = open_source(camera)
    source.close()
    assert list(source.frames()) == []


def test_no_password_is_told_anywhere(camera: str) -> None:
    """Not in the name, not in an error, not in what an error is chained to."""
    with open_source(camera) as source:
        assert source.info.name == camera.replace("inspector:secret@", "")
    with pytest.raises(NoSuchStream, match="knows no stream of this name") as caught:
        open_source(camera.replace("kitchen", "cellar"))
    told = "".join(traceback.format_exception(caught.value))
    assert "rtsp://127" in told
    assert "secret@" not in told.replace(camera, "")
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (REFUSES, CameraRefused, "refuses this user or password"),
        (KNOWS_NOTHING, NoSuchStream, "knows no stream of this name"),
        (NO_RTSP, SourceError, "127.0.0.1"),
        (None, CameraUnreachable, "no answer within 0.5 s"),
    ],
)
def test_what_a_camera_can_answer(reply: bytes | None, error: type[Exception], words: str) -> None:
    """Wrong password, no such stream, not a camera, silence: each has its own error."""
    with answering(reply) as host, pytest.raises(error, match=words) as caught:
        RtspSource(f"rtsp://inspector:se@cret@{host}/live", SourceOptions(), patience_s=0.5)
    assert "cret" not in str(caught.value)
    assert "inspector" not in str(caught.value)


def test_nobody_at_the_address() -> None:
    """Told at once, as something that may be tried again."""
    began = time.monotonic()
    with pytest.raises(ConnectionRefused, match=r"no answer .*refused"):
        open_source(f"rtsp://inspector:secret@127.0.0.1:{free_port()}/live")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://camera.local:554/live",
        "rtsp://user:password@camera.local:554/live",
        "rtsp://user:pass/w@rd@camera.local:554/live",
        "rtsp://camera.local:554/live?user=user&password=password",
    ],
)
def test_the_shown_address_is_without_credentials(url: str) -> None:
    """Also where a password has an @ or a slash, or stands in the query."""
    assert shown_address(url) == "rtsp://camera.local:554/live"


def test_a_slow_taker_gets_the_newest() -> None:
    """What waits is bounded; the oldest goes first, and is counted."""
    slot = _Slot()
    lost = [slot.put((float(i), None)) for i in range(6)]  # type: ignore[arg-type]
    slot.end(None)
    assert lost == [0, 0, 0, 1, 1, 1]
    assert [slot.take(), slot.take(), slot.take(), slot.take()] == [(3.0, None), (4.0, None), (5.0, None), None]


def test_credentials_of_any_letters_become_part_of_an_address_and_leave_it_again() -> None:
    """What a person may choose as a password neither breaks the address nor stays in what is shown."""
    url = with_credentials("rtsp://old:one@camera.local:554/live", "in spector", "p@ss/w:rd?#")
    assert url == "rtsp://in%20spector:p%40ss%2Fw%3Ard%3F%23@camera.local:554/live"
    assert shown_address(url) == "rtsp://camera.local:554/live"


def test_hanging_up_ends_the_frames_without_waiting_for_the_reader(camera: str) -> None:
    """A reader that is stuck in a read must not hold up whoever gives it up."""
    with open_source(camera) as source:
        frames = source.frames()
        next(frames)
        assert isinstance(source, RtspSource)
        began = time.monotonic()
        source.hang_up()
        assert len(list(frames)) <= 3
        assert time.monotonic() - began < 1


@contextmanager
def motion_jpeg(fps: float, pictures: int) -> Iterator[str]:
    """An HTTP camera that sends `pictures` JPEGs at `fps`; gives its address."""
    jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=kitchen")
            self.end_headers()
            with suppress(OSError):
                for _ in range(pictures):
                    head = f"--kitchen\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                    time.sleep(1 / fps)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/video.mjpg"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_motion_jpeg_over_http_has_the_time_of_its_arrival() -> None:
    """It carries no times, and FFmpeg would count 25 a second: windows in seconds would be far too short."""
    seen: list[tuple[float, float]] = []
    with motion_jpeg(fps=10, pictures=60) as url, RtspSource(url, SourceOptions(), patience_s=5) as source:
        assert source.info.kind == "stream"
        with suppress(SourceBroken):
            for frame in source.frames():
                seen.append((frame.media_s, time.monotonic()))
    (first_s, began), (last_s, ended) = seen[2], seen[-1]
    assert ended - began > 1.5
    assert last_s - first_s == pytest.approx(ended - began, abs=0.7)
