"""The latest seconds of a live camera as packets, so that a clip can be cut after something happened."""

import threading
from collections import deque
from datetime import datetime
from pathlib import Path

from av.video.stream import VideoStream

from kitchenvision.frames.remux import TimedPacket, write_clip
from kitchenvision.frames.source import ClipSpan


class PacketRing:
    """Packets of at least the latest `keep_s` seconds, always from a key frame on. Safe to use from two threads."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._packets: deque[TimedPacket] = deque()
        self._keys: deque[float] = deque()
        self._lock = threading.Lock()

    def add(self, timed: TimedPacket) -> None:
        """The next packet in order of decoding. Before the first key frame nothing is kept."""
        with self._lock:
            if timed.packet.is_keyframe:
                self._keys.append(timed.shown_s)
            elif not self._keys:
                return
            self._packets.append(timed)
            while len(self._keys) > 1 and self._keys[1] <= timed.shown_s - self._keep_s:
                self._drop_first_group()

    def between(self, from_s: float, to_s: float) -> list[TimedPacket]:
        """Packets from the key frame at or before `from_s`, or the oldest there is, to `to_s`."""
        with self._lock:
            packets = list(self._packets)
        begin = 0
        for position, timed in enumerate(packets):
            if timed.packet.is_keyframe and timed.shown_s <= from_s:
                begin = position
        last = max((i for i, timed in enumerate(packets) if timed.shown_s <= to_s), default=-1)
        latest_s = max((timed.shown_s for timed in packets[begin : last + 1]), default=0.0)
        last = max((i for i, timed in enumerate(packets) if timed.shown_s <= latest_s), default=-1)
        return packets[begin : last + 1]

    def arrived_by(self, at: datetime) -> list[TimedPacket]:
        """The latest group when it was `at`: from its key frame to the last packet that had come."""
        with self._lock:
            packets = list(self._packets)
        group: list[TimedPacket] = []
        for timed in packets:
            if timed.arrived_at is None or timed.arrived_at > at:
                break
            if timed.packet.is_keyframe:
                group = []
            group.append(timed)
        return group

    def key_times(self) -> list[float]:
        """Times of the key frames that are held, seconds."""
        with self._lock:
            return list(self._keys)

    def clip(self, from_s: float, to_s: float, template: VideoStream, path: Path) -> ClipSpan | None:
        """Writes what is there of a span; None when nothing is. Raises `StorageError` as `write_clip`."""
        found = self.between(from_s, to_s)
        if not found or max(timed.shown_s for timed in found) < from_s:
            return None
        return write_clip(found, template, None, path)

    def _drop_first_group(self) -> None:
        self._keys.popleft()
        self._packets.popleft()
        while not self._packets[0].packet.is_keyframe:
            self._packets.popleft()
