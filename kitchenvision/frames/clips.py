"""Finding the packets of a span of media time, also in recordings whose times are missing or broken."""

from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from kitchenvision.frames.decoding import Damage, VideoPacket, decoded, packets_of
from kitchenvision.frames.remux import TimedPacket
from kitchenvision.frames.timeline import Timeline

_ROUNDING_S = 1e-6
# Nearer to the start than this, reading from the start is as quick as a seek.
_SEEK_FROM_S = 3.0
# Longer than most distances between key frames.
_SEEK_BACK_S = 10.0


@dataclass(frozen=True)
class Cutting:
    """How media time and a recording's own times belong together.

    Attributes:
        step_s: seconds from frame to frame where times are missing. origin_s: own time of the first picture.
        raw: there are no times at all. by_dts: a frame's time is that of its decoding (AVI).
        all_times: every packet carries its time of showing. matrix: display matrix (36 bytes) or None.
        slack_s: as of `Timeline`.
        breaks: the times were found to jump, so that they do not say where a moment lies.
    """

    step_s: float
    origin_s: float | None
    raw: bool
    by_dts: bool
    all_times: bool
    matrix: bytes | None
    slack_s: float
    breaks: bool = False

    @property
    def can_seek(self) -> bool:
        """Whether own times lead to a moment directly."""
        return self.all_times and not self.raw and not self.by_dts and self.origin_s is not None

    def own_s(self, frame: av.VideoFrame, stream: VideoStream) -> float | None:
        """The recording's own time of a decoded frame, seconds, or None where it has none."""
        ticks = frame.dts if self.by_dts else frame.pts
        if self.raw or ticks is None or stream.time_base is None:
            return None
        return float(ticks * stream.time_base)

    def seeks(self, media_s: float) -> list[float | None]:
        """Where to seek in order to read from `media_s` on: first there, then earlier, at last None, the start.

        An index can be wrong, and a transport stream has none: its seek leads behind the key frame at times.
        """
        if not self.can_seek or self.breaks or media_s < _SEEK_FROM_S:
            return [None]
        earlier = media_s - _SEEK_BACK_S
        return [media_s, earlier, None] if earlier > 0 else [media_s, None]

    def seek(self, opened: InputContainer, stream: VideoStream, media_s: float) -> None:
        """Goes to the key frame at or before `media_s`, as far as the file's index is right."""
        assert self.origin_s is not None
        assert stream.time_base is not None
        opened.seek(int((self.origin_s + media_s) / stream.time_base), stream=stream, backward=True)


def packets_between(
    opened: InputContainer, stream: VideoStream, cutting: Cutting, span: tuple[float, float], begin: float | None
) -> list[TimedPacket]:
    """Packets in order of decoding from the key frame at or before a moment to the last shown until another.

    Args:
        opened, stream: fresh, at their start. cutting: of this recording. span: from and to, seconds of media time.
        begin: where to seek first; None reads from the start.

    Returns:
        Nothing, when the seek led behind the beginning: try again with an earlier `begin`.
    """
    if begin is None and (cutting.breaks or not cutting.can_seek):
        found = _by_decoding(opened, stream, cutting, *span)
    else:
        if begin is not None:
            cutting.seek(opened, stream, begin)
        found = _by_times(opened, stream, cutting, *span)
        if begin is not None and found and found[0].shown_s > span[0] + _ROUNDING_S:
            return []
    return found if any(timed.shown_s + timed.lasts_s > span[0] for timed in found) else []


def _by_times(
    opened: InputContainer, stream: VideoStream, cutting: Cutting, from_s: float, to_s: float
) -> list[TimedPacket]:
    assert cutting.origin_s is not None
    assert stream.time_base is not None
    base = float(stream.time_base)
    kept: list[TimedPacket] = []
    latest_s = 0.0
    for packet in _whole(packets_of(opened, stream, Damage())):
        if packet.pts is None:
            continue
        shown_s = packet.pts * base - cutting.origin_s
        sent_s = shown_s if packet.dts is None else packet.dts * base - cutting.origin_s
        # Beyond the end only what is shown before a picture that was already taken, so that no hole is left.
        if kept and sent_s > to_s and shown_s > latest_s and (packet.dts is not None or packet.is_keyframe):
            break
        if packet.is_keyframe and shown_s <= from_s + _ROUNDING_S:
            kept.clear()
            latest_s = shown_s
        if kept or (packet.is_keyframe and shown_s <= to_s):
            latest_s = max(latest_s, shown_s)
            kept.append(TimedPacket(packet, shown_s, packet.duration * base if packet.duration else cutting.step_s))
    return kept


def _by_decoding(
    opened: InputContainer, stream: VideoStream, cutting: Cutting, from_s: float, to_s: float
) -> list[TimedPacket]:
    """Without usable times: reads from the start, and decodes from the key frame on for the order of showing."""
    sent = Timeline(cutting.step_s, slack_s=cutting.slack_s)
    base = float(stream.time_base or 0)
    group: list[VideoPacket] = []
    begin_s = 0.0
    for packet in _whole(packets_of(opened, stream, Damage())):
        sent_s = sent.at(None if cutting.raw or packet.dts is None else packet.dts * base)
        if packet.is_keyframe and (not group or sent_s <= from_s + _ROUNDING_S):
            group, begin_s = [], sent_s
        # A few packets more than the span: pictures come out of a decoder later than they go in.
        if group and sent_s > to_s + 16 * cutting.step_s:
            break
        if group or packet.is_keyframe:
            group.append(packet)
    shown = _shown(group, stream, cutting, begin_s)
    last = max((i for i, at in shown.items() if at <= to_s + _ROUNDING_S), default=-1)
    latest_s = max((shown[i] for i in range(last + 1) if i in shown), default=0.0)
    last = max((i for i, at in shown.items() if at <= latest_s), default=-1)
    return [TimedPacket(group[i], shown[i], cutting.step_s) for i in range(last + 1) if i in shown]


def _shown(group: list[VideoPacket], stream: VideoStream, cutting: Cutting, begin_s: float) -> dict[int, float]:
    """Media time of showing by position in `group`, whose first packet is shown at `begin_s`."""
    times = Timeline(cutting.step_s, slack_s=cutting.slack_s)
    shown: dict[int, float] = {}
    context = stream.codec_context
    context.flush_buffers()
    context.copy_opaque = True
    damage = Damage()
    for position, packet in enumerate(group):
        packet.opaque = position
        for frame in decoded(packet, damage):
            shown[_position(frame)] = begin_s + times.at(cutting.own_s(frame, stream))
    for frame in context.decode(None):
        shown[_position(frame)] = begin_s + times.at(cutting.own_s(frame, stream))
    return shown


def _position(frame: av.VideoFrame) -> int:
    position = frame.opaque
    assert isinstance(position, int)
    return position


def _whole(packets: Iterator[VideoPacket]) -> Iterator[VideoPacket]:
    """Without the empty packet that flushes a decoder."""
    return (packet for packet in packets if packet.size)
