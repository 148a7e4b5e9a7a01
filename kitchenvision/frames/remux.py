"""Clips: a source's own packets in a new container, never encoded again, the same bytes for the same packets."""

import contextlib
import errno
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from kitchenvision.errors import StorageError
from kitchenvision.frames.decoding import VideoPacket
from kitchenvision.frames.source import ClipSpan

# What a browser's mp4 can carry; the rest goes into Matroska.
_IN_MP4 = {"h264", "hevc", "mpeg4", "av1", "vp9", "mjpeg"}
# Seconds a tick; the clock of broadcast video, fine enough for any camera.
_CLOCK = Fraction(1, 90_000)


@dataclass(frozen=True)
class TimedPacket:
    """A packet and where it is shown.

    Attributes:
        packet: of a video stream. shown_s: media time of showing, seconds. lasts_s: seconds until the next.
        arrived_at, captured_at: of a live stream: when it came, and when that says that its picture was taken.
    """

    packet: VideoPacket
    shown_s: float
    lasts_s: float
    arrived_at: datetime | None = None
    captured_at: datetime | None = None


def write_clip(
    packets: Sequence[TimedPacket], template: VideoStream, matrix: bytes | None, path: Path
) -> ClipSpan | None:
    """Writes packets, the first of them a key frame, with times that start at 0. Sound is never written.

    Args:
        packets: in order of decoding. template: the stream they come from.
        matrix: the display matrix (36 bytes) of a rotated source. path: its suffix may be changed.

    Returns:
        What the clip spans, or None without packets.

    Raises:
        StorageError: `path` cannot be written; nothing is left under its name.
    """
    if not packets:
        return None
    begin_s = packets[0].shown_s
    # Pictures that are shown before the key frame need what came before it.
    kept = [timed for timed in packets if timed.shown_s >= begin_s]
    codec = template.codec_context.codec.canonical_name
    suffix, name, media_type = (
        (".mp4", "mp4", "video/mp4") if codec in _IN_MP4 else (".mkv", "matroska", "video/x-matroska")
    )
    path = path.with_suffix(suffix)
    partial = path.with_name(path.name + ".part")
    try:
        _write(kept, template, matrix, partial, name)
        partial.replace(path)
    except (av.FFmpegError, OSError) as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        why = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error))
        raise StorageError(f"{path}: the clip could not be written: {why}") from error
    end_s = max(timed.shown_s + timed.lasts_s for timed in kept)
    return ClipSpan(path, begin_s, end_s, media_type)


def sending_times(shown: Sequence[int]) -> list[int]:
    """Times of decoding that fit times of showing given in order of decoding: growing, never after the showing.

    They are computed and not copied, because recorders' own are often missing or wrong.
    """
    ordered = sorted(shown)
    delay = max(early - late for early, late in zip(ordered, shown, strict=True))
    times: list[int] = []
    for moment in ordered:
        times.append(max(moment - delay, times[-1] + 1) if times else moment - delay)
    return times


def _write(
    packets: Sequence[TimedPacket], template: VideoStream, matrix: bytes | None, path: Path, format_name: str
) -> None:
    # bitexact: no library version and no random identifiers; faststart: a browser plays before it has all.
    options = {"fflags": "+bitexact"}
    if format_name == "mp4":
        options["movflags"] = "+faststart"
    begin_s = packets[0].shown_s
    shown = [round((timed.shown_s - begin_s) / _CLOCK) for timed in packets]
    with av.open(str(path.absolute()), "w", format=format_name, options=options) as output:
        stream = output.add_stream_from_template(template, opaque=True)
        stream.time_base = _CLOCK
        if format_name == "mp4" and template.codec_context.name == "hevc":
            stream.codec_context.codec_tag = "hvc1"  # Safari plays no other
        if matrix is not None:
            stream.set_display_matrix(np.frombuffer(matrix, np.int32).tolist())
        for timed, moment, sent in zip(packets, shown, sending_times(shown), strict=True):
            copy = av.Packet(bytes(timed.packet))
            copy.is_keyframe = timed.packet.is_keyframe
            copy.stream = stream
            copy.time_base = _CLOCK
            copy.dts, copy.pts = sent, max(moment, sent)
            copy.duration = round(timed.lasts_s / _CLOCK)
            output.mux(copy)
