"""A live camera over RTSP (RFC 2326), interleaved in TCP: thin, without reconnecting."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
from av.container import InputContainer

from kitchenvision.errors import SourceBroken, SourceNotFound, SourceUnreadable
from kitchenvision.frames.decoding import Damage, VideoPacket, decoded
from kitchenvision.frames.packet_ring import PacketRing
from kitchenvision.frames.picture import AvPicture
from kitchenvision.frames.remux import TimedPacket
from kitchenvision.frames.sampler import sampled
from kitchenvision.frames.source import ClipSpan, FrameSource, SourceInfo, SourceOptions
from kitchenvision.frames.timeline import Timeline
from kitchenvision.types import Frame

# Clips reach 5 s back from a confirmation, whose window is at most 10 s before: 12 s cover the usual case.
_KEEP_S = 12.0
_PATIENCE_S = 10.0
_USUAL_FPS = 25.0
# Frames come in small bursts; more than this many waiting is a consumer that is too slow.
_MOST_WAITING = 3

Clock = Callable[[], datetime]


class CameraUnreachable(SourceNotFound):
    """Nobody answers at the address: try again later."""


class CameraRefused(SourceUnreadable):
    """The camera answers and wants another user or password: fix the settings."""


class NoSuchStream(SourceNotFound):
    """The camera answers and knows no stream of this name: fix the settings."""


@dataclass(frozen=True)
class _Arrived:
    """A decoded frame and when it came."""

    picture: AvPicture
    captured_at: datetime


_Timed = tuple[float, _Arrived]


class RtspSource(FrameSource):
    """One camera. `frames` gives the newest sampled frame; what a slow consumer misses is dropped and counted.

    Args:
        url: ``rtsp://user:password@host:554/path``. options: only `analysis_fps` counts for a live camera.
        clock: gives the UTC instant at which a frame arrives. patience_s: time-out of opening and of reading.

    Attributes:
        address: without user, password and query. dropped: sampled frames that nobody took in time.

    Raises:
        CameraUnreachable, CameraRefused, NoSuchStream, SourceUnreadable: none carries the user or the password.
    """

    def __init__(
        self,
        url: str,
        options: SourceOptions,
        clock: Clock = lambda: datetime.now(UTC),
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.address = shown_address(url)
        self.dropped = 0
        self._options, self._patience_s = options, patience_s
        self._slot = _Slot()
        self._reader: threading.Thread | None = None
        self._feed = _Feed(url, self.address, clock, patience_s)
        try:
            self._first = self._feed.first()
        except BaseException:
            self._feed.container.close()
            raise
        picture = self._first[1].picture
        self.info = SourceInfo(
            name=self.address,
            kind="rtsp",
            width=picture.width,
            height=picture.height,
            codec=self._feed.stream.codec_context.name,
            fps=self._feed.fps,
            duration_s=None,
            started_at=self._first[1].captured_at,
            started_at_source="camera",
            content_sha256=None,
        )

    def frames(self) -> Iterator[Frame]:
        """Newest sampled frames until the stream ends or `close` is called. A live camera is iterated once.

        Raises:
            SourceBroken: the camera sends no more.
        """
        if self._reader is None and not self._feed.stopping.is_set():
            self._reader = threading.Thread(target=self._read, name=f"rtsp {self.address}", daemon=True)
            self._reader.start()
        index = 0
        while (taken := self._slot.take()) is not None:
            media_s, arrived = taken
            yield Frame(arrived.picture, index, media_s, arrived.captured_at)
            index += 1
        if self._slot.error is not None:
            raise self._slot.error

    def clip(self, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
        """What the ring still holds of the span (12 s at least); call it when `to_s` has passed, before `close`.

        Raises:
            StorageError: `path` cannot be written.
        """
        return self._feed.ring.clip(from_s, to_s, self._feed.stream, path)

    def problems(self) -> tuple[str, ...]:
        """One line when packets were damaged."""
        damaged = self._feed.damage.total
        return (f"{self.address}: {damaged} damaged packets or pictures",) if damaged else ()

    def close(self) -> None:
        """Stops reading and hangs up; waits for the reader, at most the time-out of reading."""
        self._feed.stopping.set()
        if self._reader is not None:
            self._reader.join(self._patience_s + 1)
        else:
            self._slot.end(None)
        if self._reader is None or not self._reader.is_alive():
            self._feed.container.close()

    def _read(self) -> None:
        """The reader thread. Its end, good or bad, reaches the caller of `frames`."""
        error: Exception | None = None
        try:
            every = itertools.chain([self._first], self._feed.arrivals)
            for timed in sampled(every, self._options.analysis_fps):
                self.dropped += self._slot.put(timed)
        except Exception as caught:  # noqa: BLE001  # raised again, with its traceback, by `frames`
            error = caught
        finally:
            self._slot.end(None if self._feed.stopping.is_set() else error)


class _Feed:
    """The connection: packets come in, go into the ring, and come out as frames with their times."""

    def __init__(self, url: str, address: str, clock: Clock, patience_s: float) -> None:
        self.container = _opened(url, address, patience_s)
        self.ring = PacketRing(_KEEP_S)
        self.damage = Damage()
        self.stopping = threading.Event()
        self._address, self._clock = address, clock
        streams = self.container.streams.video
        if not streams:
            self.container.close()
            raise SourceUnreadable(f"{address}: expected a video, the stream carries none")
        self.stream = streams[0]
        self.stream.thread_type = "NONE"
        self.stream.thread_count = 1
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or _USUAL_FPS)
        self._base = float(self.stream.time_base or 0)
        self._timeline = Timeline(1 / self.fps)
        self._waiting: list[VideoPacket] = []
        self._due_s = 0.0
        self.arrivals = self._arrivals()

    def first(self) -> _Timed:
        """The first frame. Raises `SourceUnreadable` when none comes."""
        try:
            return next(self.arrivals)
        except (StopIteration, SourceBroken):
            raise SourceUnreadable(f"{self._address}: the camera answers but sends no picture") from None

    def _arrivals(self) -> Iterator[_Timed]:
        """Every decoded frame with its media time, until `stopping`."""
        media_s, why = 0.0, "it ended the stream"
        packets = self.container.demux(self.stream)
        while not self.stopping.is_set():
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                why = error.strerror or "no data"
                packet = None
            if packet is None or not packet.size:
                raise SourceBroken(f"{self._address}: the camera sends no more ({why})", media_s)
            captured_at = self._clock()
            self._waiting.append(packet)
            for frame in decoded(packet, self.damage):
                media_s = self._timeline.at(None if frame.pts is None else frame.pts * self._base)
                yield media_s, _Arrived(AvPicture(frame, self.stream.sample_aspect_ratio), captured_at)
            self._keep()

    def _keep(self) -> None:
        """Puts packets into the ring as soon as the first frame says where media time begins."""
        origin_s = self._timeline.origin_s
        if origin_s is None:
            return
        for packet in self._waiting:
            lasts_s = packet.duration * self._base if packet.duration else 1 / self.fps
            # The first packets of a stream come without a time, until FFmpeg has seen how the clock runs.
            shown_s = self._due_s if packet.pts is None else packet.pts * self._base - origin_s
            self.ring.add(TimedPacket(packet, shown_s, lasts_s))
            self._due_s = shown_s + lasts_s
        self._waiting.clear()


class _Slot:
    """Hands the newest frames to one taker, in order; drops the oldest when they are not taken."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self._changed = threading.Condition()
        self._held: deque[_Timed] = deque()
        self._ended = False

    def put(self, timed: _Timed) -> int:
        """Adds a frame; how many were dropped for it."""
        with self._changed:
            self._held.append(timed)
            lost = max(0, len(self._held) - _MOST_WAITING)
            for _ in range(lost):
                self._held.popleft()
            self._changed.notify()
            return lost

    def take(self) -> _Timed | None:
        """Waits for the next frame; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._ended)
            return self._held.popleft() if self._held else None

    def end(self, error: Exception | None) -> None:
        """Nothing more will come."""
        with self._changed:
            self._ended, self.error = True, error
            self._changed.notify()


def shown_address(url: str) -> str:
    """`url` without user, password and query, which some cameras put passwords into."""
    scheme, _, rest = url.partition("://")
    # The last @: passwords with a slash or an @ of their own are common and never quoted.
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def _opened(url: str, address: str, patience_s: float) -> InputContainer:
    # TCP: over UDP a lost packet is a grey smear in the evidence.
    options = {
        "rtsp_transport": "tcp",
        "allowed_media_types": "video",
        "timeout": str(round(patience_s * 1e6)),
        "protocol_whitelist": "rtsp,rtsps,rtp,tcp,tls",
    }
    began = time.monotonic()
    # FFmpeg's errors carry the address with its password: none of them is passed on or chained.
    try:
        return av.open(url, "r", options=options, timeout=(patience_s, patience_s), metadata_errors="replace")
    except (av.HTTPUnauthorizedError, av.HTTPForbiddenError):
        raise CameraRefused(f"{address}: the camera refuses this user or password") from None
    except (av.HTTPNotFoundError, av.HTTPBadRequestError, av.HTTPOtherClientError):
        raise NoSuchStream(f"{address}: the camera knows no stream of this name") from None
    except av.InvalidDataError:
        if time.monotonic() - began >= patience_s:  # FFmpeg gives silence in the middle of a greeting this name
            raise CameraUnreachable(f"{address}: no answer within {patience_s:g} s") from None
        raise SourceUnreadable(f"{address}: what answers there does not speak RTSP, or sends no video") from None
    except av.FFmpegError as error:
        raise CameraUnreachable(f"{address}: no answer within {patience_s:g} s ({error.strerror})") from None
