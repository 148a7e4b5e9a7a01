"""Opening a recording with FFmpeg: what is refused, and in which words."""

import contextlib
import hashlib
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from kitchenvision.errors import SourceNotFound, SourceUnreadable

# Demuxers that a recording may ask for. FFmpeg also knows play lists, which open other files and addresses,
# and takes plain text for terminal art; both must not happen to a file that somebody handed in.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,flv,live_flv,mpeg,mpegvideo,m4v,h264,hevc,mjpeg,mjpeg_2000,"
    "dhav,asf,ivf,nut,wtv,mxf,obu"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
# Formats whose header says how long the recording is, so that an early end can be noticed.
_SAY_DURATION = {"mov", "matroska", "avi", "flv"}
_HASHED_AT_ONCE = 1 << 20


def check_file(path: Path) -> None:
    """Says in words why `path` cannot be a recording.

    Raises:
        SourceNotFound: no such file. SourceUnreadable: a folder, empty, no permission.
    """
    try:
        if path.is_dir():
            raise SourceUnreadable(f"{path.name}: expected a video file, this is a folder")
        with path.open("rb") as file:
            head = file.read(1)
    except FileNotFoundError as error:
        raise SourceNotFound(f"{path}: no such file") from error
    except PermissionError as error:
        raise SourceUnreadable(f"{path.name}: no permission to read this file") from error
    except OSError as error:
        raise SourceUnreadable(f"{path.name}: cannot be read: {error.strerror}") from error
    if not head:
        raise SourceUnreadable(f"{path.name}: the file is empty (0 bytes)")


def open_container(path: Path) -> InputContainer:
    """An opened recording; the caller closes it.

    Raises:
        SourceUnreadable: FFmpeg cannot read it; says what is in the file instead, as far as that shows.
    """
    try:
        # The absolute path, because FFmpeg reads "08:30.mp4" as an address.
        return av.open(
            str(path.absolute()), "r", options=dict(_OPTIONS), metadata_encoding="utf-8", metadata_errors="replace"
        )
    except (av.FFmpegError, ValueError) as error:
        raise SourceUnreadable(f"{path.name}: {_why_not(path, error)}") from error


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first moving picture in `container`, set to decode in one thread.

    Raises:
        SourceUnreadable: there is sound only, or nothing.
    """
    cover = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        held = "only sound" if container.streams.audio else "no picture and no sound"
        raise SourceUnreadable(f"{path.name}: expected a video, the file holds {held}")
    stream = streams[0]
    if stream.codec_context is None:
        raise SourceUnreadable(f"{path.name}: the video's codec is not known to FFmpeg")
    # Frame threads cost 9-14 % more CPU; cameras, not frames, are what runs in parallel.
    stream.thread_type = "NONE"
    stream.thread_count = 1
    return stream


def is_raw(container: InputContainer) -> bool:
    """Whether the file is a bare elementary stream, without times."""
    return container.format.name in {"h264", "hevc", "m4v", "mpegvideo", "mjpeg", "obu"}


def counts_in_decoding_order(container: InputContainer) -> bool:
    """Whether the format's times are those of decoding, so that a frame's time is its `dts` (AVI)."""
    return container.format.name == "avi"


def has_all_times(container: InputContainer) -> bool:
    """Whether the format gives every packet its time of showing (program streams give it now and then)."""
    return bool({"mov", "matroska", "flv", "mpegts", "asf", "mxf", "nut"} & set(container.format.name.split(",")))


def slack_s(container: InputContainer) -> float:
    """How far times are to be from the frame rate before they are believed, seconds.

    A program stream gives a time per block, and FFmpeg hands it to the wrong one of the block's small frames.
    """
    return 0.5 if container.format.name == "mpeg" else 0.0


def told_duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds of video that the header promises, or None where the format does not say (or cannot know)."""
    if not _SAY_DURATION & set(container.format.name.split(",")):
        return None
    if counts_in_decoding_order(container) and stream.frames and stream.average_rate:
        # FFmpeg shortens the duration of a cut file to what is there; the count of frames stays as promised.
        return float(stream.frames / stream.average_rate)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    tagged = _seconds_of_clock(stream.metadata.get("DURATION", ""))
    if tagged:
        return tagged
    if container.duration:
        return container.duration / av.time_base
    return None


def reaches_s(path: Path) -> float:
    """Seconds from the first to the last moment of any stream in the file, sound included; reads it all."""
    container = open_container(path)
    first: float | None = None
    last = 0.0
    with contextlib.closing(container), contextlib.suppress(av.FFmpegError):
        for packet in container.demux():
            if packet.dts is not None and packet.time_base is not None:
                begin = float(packet.dts * packet.time_base)
                first = begin if first is None else min(first, begin)
                last = max(last, begin + float((packet.duration or 0) * packet.time_base))
    return last - (first or 0.0)


def sha256_of(path: Path) -> str:
    """SHA-256 of a whole file, hexadecimal.

    Raises:
        SourceUnreadable: the disk does not give it.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_HASHED_AT_ONCE):
                digest.update(block)
    except OSError as error:
        raise SourceUnreadable(f"{path.name}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _seconds_of_clock(text: str) -> float | None:
    """Seconds of ``00:00:14.000000000``, as Matroska's tags have it."""
    try:
        hours, minutes, seconds = text.strip("\0 ").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None


def _why_not(path: Path, error: Exception) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(64)
        size = path.stat().st_size
    except OSError as gone:
        return f"cannot be read any more: {gone.strerror}"
    if head[4:8] == b"ftyp":
        return (
            f"cut off before its index was written: expected an mp4 with a 'moov' box, "
            f"got {size} bytes without a usable one"
        )
    if not any(byte < 9 for byte in head):
        shown = head[:24].decode("utf-8", "replace").strip()
        return f"expected a video, this looks like text that begins with {shown!r}"
    said = error.strerror if isinstance(error, av.FFmpegError) and error.strerror else str(error)
    return f"expected a video that FFmpeg can read, got {size} bytes of something else ({said})"
