"""A live camera over RTSP (RFC 2326) or whatever else FFmpeg reads from a network: thin, without reconnecting."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
from av.video.stream import VideoStream

from kitchenvision.errors import SourceBroken, SourceUnreadable
from kitchenvision.frames.decoding import Damage, VideoPacket, decoded
from kitchenvision.frames.dialing import CodecUnsupported, dial, shown_address
from kitchenvision.frames.dozing import Dozing, Held
from kitchenvision.frames.hardware import SOFTWARE, Device, device_of
from kitchenvision.frames.packet_ring import PacketRing
from kitchenvision.frames.picture import AvPicture, Orientation, orientation_of
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


@dataclass(frozen=True)
class _Arrived:
    """A decoded frame and when it came."""

    picture: AvPicture
    captured_at: datetime


_Timed = tuple[float, _Arrived]


class RtspSource(FrameSource):
    """One camera. `frames` gives the newest sampled frame; what a slow consumer misses is dropped and counted.

    Args:
        url: ``rtsp://user:password@host:554/path``, or rtmp, http-flv, HLS, MJPEG.
        options: `analysis_fps`, `transport` and `key_frames_only` count for a live camera.
        clock: gives the UTC instant at which a frame arrives. patience_s: time-out of opening.
        stall_s: time-out of reading; as `patience_s` when None.

    Attributes:
        address: without user, password and query. dropped: sampled frames that nobody took in time.

    Raises:
        CameraUnreachable, CameraRefused, NoSuchStream, CodecUnsupported, SourceUnreadable: none carries the user
            or the password.
    """

    def __init__(
        self,
        url: str,
        options: SourceOptions,
        clock: Clock = lambda: datetime.now(UTC),
        patience_s: float = _PATIENCE_S,
        stall_s: float | None = None,
    ) -> None:
        self.address = shown_address(url)
        self.dropped = 0
        self._options, self._patience_s = options, max(patience_s, stall_s or 0.0)
        self._slot = _Slot()
        self._reader: threading.Thread | None = None
        device, patience = device_of(options.decoder), (patience_s, stall_s or patience_s)
        self._feed = _Feed(url, options, clock, patience, device)
        try:
            self._first = self._first_of(self._feed)
        except SourceUnreadable:
            if device.name == SOFTWARE:
                raise
            device = Device(SOFTWARE, f"{device.name}: no picture came of it")
            self._feed = _Feed(url, options, clock, patience, device)
            self._first = self._first_of(self._feed)
        picture = self._first[1].picture
        self.info = SourceInfo(
            name=self.address,
            kind="rtsp" if url.lower().startswith("rtsp") else "stream",
            width=picture.width,
            height=picture.height,
            codec=self._feed.stream.codec_context.name,
            fps=self._feed.fps,
            duration_s=None,
            started_at=self._first[1].captured_at,
            started_at_source="camera",
            content_sha256=None,
            notes=(f"decoded in software, since {device.why}",) if device.why else (),
            decoder=device.name if self._feed.stream.codec_context.is_hwaccel else SOFTWARE,
        )

    @staticmethod
    def _first_of(feed: "_Feed") -> _Timed:
        try:
            return feed.first()
        except BaseException:
            feed.container.close()
            raise

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

    def key_times(self) -> list[float]:
        """Media times of the key frames that the ring holds, seconds."""
        return self._feed.ring.key_times()

    def nothing_happens(self, calm: bool) -> None:
        """Said by whoever looks: while nothing happens, key frames are enough, until something moves."""
        self._feed.dozing.calm = calm

    @property
    def damaged(self) -> int:
        """Packets or pictures that were damaged so far."""
        return self._feed.damage.total

    def problems(self) -> tuple[str, ...]:
        """One line when packets were damaged."""
        damaged = self._feed.damage.total
        return (f"{self.address}: {damaged} damaged packets or pictures",) if damaged else ()

    def hang_up(self) -> None:
        """Ends `frames` at once, without waiting for a reader that may be stuck; `close` it later."""
        self._feed.stopping.set()
        self._slot.end(None)

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
                self._feed.wait_for(timed[0])
                self.dropped += self._slot.put(timed)
        except Exception as caught:  # noqa: BLE001  # raised again, with its traceback, by `frames`
            error = caught
        finally:
            self._slot.end(None if self._feed.stopping.is_set() else error)


class _Feed:
    """The connection: packets come in, go into the ring, and come out as frames with their times."""

    def __init__(
        self, url: str, options: SourceOptions, clock: Clock, patience: tuple[float, float], device: Device
    ) -> None:
        began, self._first_s = time.monotonic(), patience[0]
        self.container = dial(url, *patience, options.transport, device.accel)
        self.ring = PacketRing(_KEEP_S)
        self.damage = Damage()
        self.stopping = threading.Event()
        self._address, self._clock = shown_address(url), clock
        try:
            self.stream = self._video()
        except BaseException:
            self.container.close()
            raise
        self.dozing: Dozing[VideoPacket] = Dozing()
        self.dozing.usable = not (options.key_frames_only or self.stream.codec_context.has_b_frames)
        if options.key_frames_only:
            self.stream.codec_context.skip_frame = "NONKEY"
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or _USUAL_FPS)
        self._base = float(self.stream.time_base or 0)
        # Motion JPEG over HTTP carries no times: FFmpeg would count 25 a second, whatever the camera does.
        self._by_arrival = "mpjpeg" in self.container.format.name
        # A playlist hands out seconds of video at a time.
        self._paced_from = time.monotonic() if "hls" in self.container.format.name else None
        # Some cameras stamp pictures in the order of sending: with B-frames shown times then go back and forth.
        self._by_dts = False
        self._last_pts: int | None = None
        self._orientation: Orientation | None = None  # a camera that is turned over calls anew
        self._timeline = Timeline(1 / self.fps)
        self._waiting: list[VideoPacket] = []
        self._due_s = 0.0
        self._began = began
        self.arrivals = self._arrivals()

    def _video(self) -> VideoStream:
        streams = self.container.streams.video
        if not streams:
            raise SourceUnreadable(f"{self._address}: expected a video, the stream carries none")
        stream = streams[0]
        # PyAV's types say that there always is one; for a codec that FFmpeg does not know there is none.
        if getattr(stream, "codec_context", None) is None:
            raise CodecUnsupported(f"{self._address}: the video's codec is not known here; choose H.264 or H.265")
        stream.thread_type = "NONE"
        stream.thread_count = 1
        return stream

    def wait_for(self, media_s: float) -> None:
        """Holds a stream that arrives in lumps to the speed at which it was filmed."""
        if self._paced_from is not None:
            self.stopping.wait(max(0.0, media_s - (time.monotonic() - self._paced_from)))

    def first(self) -> _Timed:
        """The first frame. Raises `SourceUnreadable` when none comes."""
        try:
            return next(self.arrivals)
        except (StopIteration, SourceBroken):
            if self.damage.total:
                raise CodecUnsupported(f"{self._address}: video comes, but none that can be decoded") from None
            raise SourceUnreadable(f"{self._address}: the camera answers but sends no picture") from None

    def _arrivals(self) -> Iterator[_Timed]:
        """Every decoded frame with its media time, until `stopping`."""
        media_s, why, pictures = 0.0, "it ended the stream", 0
        packets = self.container.demux(self.stream)
        while not self.stopping.is_set():
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                why = error.strerror or "no data"
                packet = None
            if not pictures and time.monotonic() - self._began > 2 * self._first_s:
                why, packet = "packets, but no picture", None
            if packet is None or not packet.size:
                raise SourceBroken(f"{self._address}: the camera sends no more ({why})", media_s)
            captured_at = self._clock()
            self._waiting.append(packet)
            for media_s, arrived in self._decoded(Held(packet, time.monotonic(), captured_at)):
                pictures += 1
                yield media_s, arrived
            self._keep()

    def _decoded(self, now: Held[VideoPacket]) -> Iterator[_Timed]:
        """The pictures of what is to be decoded now: of this packet, of more that were held, or none."""
        due = self.dozing.due(now)
        for held in due:
            damaged = self.damage.total
            frames = decoded(held.packet, self.damage)
            if self.dozing.calm and not frames and held.packet.is_keyframe and self.damage.total == damaged:
                self.dozing.usable = False  # its key frames need what was left out before them
            for frame in frames:
                self._orientation = self._orientation or orientation_of(frame)
                picture = AvPicture(frame, self.stream.sample_aspect_ratio, self._orientation)
                assert isinstance(held.stamp, datetime)
                yield self._timeline.at(self._own_s(frame)), _Arrived(picture, held.stamp)

    def _own_s(self, frame: av.VideoFrame) -> float | None:
        if self._by_arrival:
            return time.monotonic() - self._began
        if frame.pts is not None and self._last_pts is not None and frame.pts < self._last_pts:
            self._by_dts = True
        self._last_pts = frame.pts
        ticks = frame.dts if self._by_dts else frame.pts
        return None if ticks is None else ticks * self._base

    def _keep(self) -> None:
        """Puts packets into the ring as soon as the first frame says where media time begins."""
        origin_s = self._timeline.origin_s
        if origin_s is None:
            return
        for packet in self._waiting:
            lasts_s = packet.duration * self._base if packet.duration else 1 / self.fps
            # The first packets of a stream come without a time, until FFmpeg has seen how the clock runs.
            shown_s = self._shown_s(packet, origin_s)
            self.ring.add(TimedPacket(packet, shown_s, lasts_s))
            self._due_s = shown_s + lasts_s
        self._waiting.clear()

    def _shown_s(self, packet: VideoPacket, origin_s: float) -> float:
        if self._by_arrival:
            return time.monotonic() - self._began - origin_s
        return self._due_s if packet.pts is None else packet.pts * self._base - origin_s


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
