"""A live stream that is kept as packets: for clips by the time of day, and decoded only for pictures asked for."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import av

from kitchenvision.errors import SourceBroken, SourceUnreadable
from kitchenvision.frames.dialing import CodecUnsupported, dial, shown_address
from kitchenvision.frames.on_demand import OnDemand
from kitchenvision.frames.packet_ring import PacketRing
from kitchenvision.frames.remux import TimedPacket
from kitchenvision.frames.source import ClipSpan
from kitchenvision.types import MainPicture, MainUse

# A clip of 10 s is asked for when its end has passed on another stream, which may be some seconds ahead.
_KEEP_S = 20.0
_USUAL_FPS = 25.0
# A camera's clock may be slower than ours by a thousandth; a picture is never on its way for longer than this.
_DRIFT = 1e-3
_LONGEST_WAY = timedelta(seconds=5)


class PacketTap:
    """One connection.

    Args:
        url: with credentials. transport: of RTSP. clock: the instant at which a packet arrives.
        open_s, stall_s: time-outs of opening and of reading.

    Raises:
        SourceError: as `dialing.dial`.
    """

    def __init__(
        self, url: str, transport: str, clock: Callable[[], datetime], open_s: float, stall_s: float
    ) -> None:
        self.address, self._clock = shown_address(url), clock
        self._container = dial(url, open_s, stall_s, transport)
        self._stopping, self._lock, self._open = threading.Event(), threading.Lock(), True
        self._ring = PacketRing(_KEEP_S)
        self._began_at: datetime | None = None
        streams = self._container.streams.video
        if not streams or getattr(streams[0], "codec_context", None) is None:
            self._container.close()
            kind = CodecUnsupported if streams else SourceUnreadable
            raise kind(f"{self.address}: no video that could be kept")
        self._stream = streams[0]
        self._base = float(self._stream.time_base or 0)
        self._lasts_s = 1 / float(self._stream.average_rate or self._stream.guessed_rate or _USUAL_FPS)
        self._pictures, self._stamping = OnDemand(self._ring, self._stream), threading.Lock()

    def run(self, on_packet: Callable[[], None]) -> None:
        """Receives until `hang_up`; `on_packet` is called for each.

        Raises:
            SourceBroken: the camera sends no more.
        """
        try:
            for packet in self._container.demux(self._stream):
                if self._stopping.is_set():
                    return
                if not packet.size:
                    break
                if packet.pts is not None:
                    self._add(packet, packet.pts * self._base)
                    on_packet()
        except av.FFmpegError as error:
            raise SourceBroken(f"{self.address}: the camera sends no more ({error.strerror})", 0.0) from None
        raise SourceBroken(f"{self.address}: it ended the stream", 0.0)

    def clip(self, at: datetime, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
        """Writes what came of a span around an instant; None when nothing did. Seconds are from `at`.

        Raises:
            StorageError: `path` cannot be written.
        """
        with self._lock:
            if self._began_at is None or not self._open:
                return None
            here_s = (at - self._began_at).total_seconds()
            span = self._ring.clip(here_s + from_s, here_s + to_s, self._stream, path)
        if span is None:
            return None
        return ClipSpan(span.path, span.from_s - here_s, span.to_s - here_s, span.media_type)

    def picture(self, at: datetime) -> MainPicture | MainUse:
        """As `OnDemand.picture`; also after `close`, of what came before."""
        with self._stamping:  # what has arrived by an instant that is past is in the ring
            pass
        return self._pictures.picture(at)

    def hang_up(self) -> None:
        """Ends `run` at the next packet."""
        self._stopping.set()

    def close(self) -> None:
        """Frees what is held."""
        with self._lock:
            self._open = False
            self._container.close()

    def _add(self, packet: "av.Packet[av.VideoStream]", shown_s: float) -> None:
        lasts_s = packet.duration * self._base if packet.duration else self._lasts_s
        with self._stamping:
            arrived_at = self._clock()
            self._began_at = _beginning(self._began_at, arrived_at - timedelta(seconds=shown_s), lasts_s)
            captured_at = self._began_at + timedelta(seconds=shown_s)
            self._ring.add(TimedPacket(packet, shown_s, lasts_s, arrived_at, captured_at))
        self._pictures.rest(arrived_at)


def _beginning(known: datetime | None, said: datetime, step_s: float) -> datetime:
    """The instant of media time 0, by what was known of it and what the next packet says, `step_s` later.

    Some packets come late, none early: the earliest says best when its time was. It is believed a little less from
    packet to packet, and no more at all once the stream's own times have jumped back.
    """
    if known is None or said - known > _LONGEST_WAY:
        return said
    return min(said, known + timedelta(seconds=_DRIFT * step_s))
