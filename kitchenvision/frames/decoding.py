"""Decoding one recording from somewhere to its end, over what is damaged in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import av
from av.container import InputContainer
from av.video.stream import VideoStream

# A string, because the class takes no parameters at run time.
VideoPacket: TypeAlias = "av.Packet[VideoStream]"

# A demuxer that fails this often in a row will not find its way again.
_MOST_FAILURES = 50


@dataclass
class Damage:
    """What was left out. packets: could not be read or decoded. pictures: decoded, but with visible errors."""

    packets: int = 0
    pictures: int = 0

    @property
    def total(self) -> int:
        """Packets and pictures together."""
        return self.packets + self.pictures


def packets_of(container: InputContainer, stream: VideoStream, damage: Damage) -> Iterator[VideoPacket]:
    """Packets of `stream` and at last an empty one that flushes the decoder; what cannot be read is counted."""
    failures = 0
    while failures < _MOST_FAILURES:
        try:
            for packet in container.demux(stream):
                failures = 0
                yield packet
            return
        except av.FFmpegError:
            # At a damaged place the next read begins behind it.
            failures += 1
            damage.packets += 1


def frames_of(container: InputContainer, stream: VideoStream, damage: Damage) -> Iterator[av.VideoFrame]:
    """Pictures of `stream` in order of showing. Damaged packets and pictures are counted and left out."""
    for packet in packets_of(container, stream, damage):
        yield from decoded(packet, damage)


def decoded(packet: VideoPacket, damage: Damage) -> list[av.VideoFrame]:
    """Pictures that come out when `packet` goes in: none, one or more."""
    try:
        frames = packet.decode()
    except av.FFmpegError:
        damage.packets += 1
        return []
    sound = [frame for frame in frames if not frame.is_corrupt]
    damage.pictures += len(frames) - len(sound)
    return sound
