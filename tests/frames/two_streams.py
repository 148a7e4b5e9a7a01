"""A camera with two streams, made of one clip: one scene in two sizes, the main stream fed packet by packet."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from kitchenvision.frames.on_demand import OnDemand
from kitchenvision.frames.packet_ring import PacketRing
from kitchenvision.frames.remux import TimedPacket
from kitchenvision.types import Pixels


def pixels_of(clip: Path) -> list[Pixels]:
    """Every picture of a clip, RGB."""
    with av.open(str(clip)) as opened:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in opened.decode(video=0)]


def encoded(pictures: Sequence[Pixels], path: Path, size: tuple[int, int], fps: int, **options: str) -> Path:
    """H.264 as cameras send it, without B-frames, a key frame in two seconds; scaled to (width, height)."""
    chosen = {"bf": "0", "g": str(2 * fps), "crf": "23", "preset": "veryfast", "threads": "1"} | options
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options=chosen)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        for number, picture in enumerate(pictures):
            small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(np.asarray(small, np.uint8), "rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


class Played:
    """A clip's packets, each of which arrives at its own time after `began`, and `late_s` later.

    Attributes:
        ring, pictures: as a connection has them. packets: in order of arrival.
    """

    def __init__(self, clip: Path, began: datetime, late_s: float | Sequence[float] = 0.0) -> None:
        self._container = av.open(str(clip))
        stream = self._container.streams.video[0]
        self.ring = PacketRing(1e9)
        self.packets: list[TimedPacket] = []
        for packet in self._container.demux(stream):
            if packet.pts is None:
                continue
            shown_s = float(packet.pts * packet.time_base)
            late = late_s if isinstance(late_s, float) else late_s[len(self.packets) % len(late_s)]
            taken_at = began + timedelta(seconds=shown_s)
            arrived_at = max(taken_at + timedelta(seconds=late), self._last(began))
            self.packets.append(TimedPacket(packet, shown_s, 0.04, arrived_at, taken_at))
        self.pictures = OnDemand(self.ring, stream)

    def _last(self, began: datetime) -> datetime:
        known = self.packets[-1].arrived_at if self.packets else None
        return known or began

    def all(self) -> "Played":
        """Puts everything into the ring: what has arrived when is told by the stamps."""
        for timed in self.packets:
            self.ring.add(timed)
        return self

    def close(self) -> None:
        """The file."""
        self._container.close()
