"""Pictures of a live stream that is kept as packets: decoded only when somebody asks for the picture of an instant.

Which picture is given depends on the packets and the instants at which they arrived, and on which instants were
asked for before: never on how late the question comes. So a late answer is the one that would have been given at
once, and a stream that is received again in the same way gives the same pictures.
"""

import threading
from datetime import datetime, timedelta

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from kitchenvision.frames.packet_ring import PacketRing
from kitchenvision.frames.picture import AvPicture, Orientation, orientation_of
from kitchenvision.frames.remux import TimedPacket
from kitchenvision.types import MainPicture, MainUse

# Somebody who walks is one head further by then, which is about as far as he is still recognised.
TOLERANCE = timedelta(seconds=0.25)
# What is decoded for one question: 60 pictures of 1080p, some 0.2 s during which other cameras wait.
_MOST_PIXELS = 60 * 1920 * 1080
# Without a question for so long the decoder begins anew, and its memory is given back some time later.
_REST = timedelta(seconds=10)
_USUAL_SIZE = (1920, 1080)


class OnDemand:
    """One connection.

    Args:
        ring: its packets, with the instants of their arrival. stream: theirs; only its parameters are used.

    Attributes:
        decoded: packets that were decoded so far.
    """

    def __init__(self, ring: PacketRing, stream: VideoStream) -> None:
        context = stream.codec_context
        self._ring = ring
        self._codec, self._extradata = context.name, context.extradata
        self._aspect = stream.sample_aspect_ratio
        width, height = context.width or _USUAL_SIZE[0], context.height or _USUAL_SIZE[1]
        self._most = max(1, _MOST_PIXELS // (width * height))
        self._lock = threading.Lock()
        self._decoder: VideoCodecContext | None = None
        self._fed: TimedPacket | None = None
        self._times: dict[int, datetime] = {}
        self._latest: MainPicture | None = None
        self._orientation: Orientation | None = None
        self._asked_at: datetime | None = None
        self.decoded = 0

    def picture(self, at: datetime) -> MainPicture | MainUse:
        """The latest picture of what had arrived when it was `at`, or why there is none. Ask in order of time."""
        with self._lock:
            rested = self._asked_at is not None and at - self._asked_at > _REST
            self._asked_at = at
            if rested:
                self._begin_anew()
            group = self._ring.arrived_by(at)
            if not group:
                return MainUse.ABSENT
            if at - max(_captured(timed) for timed in group) > TOLERANCE:
                return MainUse.LATE
            todo = self._not_yet(group)
            for timed in todo[: self._most]:
                self._feed(timed)
            if self._latest is not None and at - self._latest.captured_at <= TOLERANCE:
                return self._latest
            return MainUse.CATCHING_UP if len(todo) > self._most else MainUse.DAMAGED

    def rest(self, now: datetime) -> None:
        """Gives the decoder's memory back when nobody has asked for long; say it now and then."""
        if self._decoder is None or not self._lock.acquire(blocking=False):
            return
        try:
            if self._asked_at is not None and now - self._asked_at > 2 * _REST:
                self._begin_anew()
        finally:
            self._lock.release()

    def _not_yet(self, group: list[TimedPacket]) -> list[TimedPacket]:
        """What of the group is not decoded; all of it, and a fresh start, when the decoder was elsewhere."""
        for position in range(len(group) - 1, -1, -1):
            if group[position] is self._fed:
                return group[position + 1 :]
        if self._decoder is not None:
            self._decoder.flush_buffers()
        self._fed, self._latest = None, None
        self._times.clear()
        return group

    def _begin_anew(self) -> None:
        self._decoder, self._fed, self._latest = None, None, None
        self._times.clear()

    def _feed(self, timed: TimedPacket) -> None:
        if self._decoder is None:
            self._decoder = self._opened()
        self._fed, self.decoded = timed, self.decoded + 1
        if timed.packet.pts is not None:
            self._times[timed.packet.pts] = _captured(timed)
        try:
            frames = self._decoder.decode(timed.packet)
        except av.FFmpegError:
            return
        for frame in frames:
            captured_at = self._times.pop(frame.pts, None) if frame.pts is not None else None
            if captured_at is None or frame.is_corrupt:
                continue
            self._orientation = self._orientation or orientation_of(frame)
            self._latest = MainPicture(AvPicture(frame, self._aspect, self._orientation), captured_at)

    def _opened(self) -> VideoCodecContext:
        decoder = av.CodecContext.create(self._codec, "r")
        assert isinstance(decoder, VideoCodecContext)
        decoder.extradata = self._extradata
        decoder.thread_type, decoder.thread_count = "NONE", 1
        return decoder


def _captured(timed: TimedPacket) -> datetime:
    assert timed.captured_at is not None
    return timed.captured_at
