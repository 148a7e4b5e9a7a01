"""The seam of all frame sources: one required method, `frames`; the rest has defaults."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self
from zoneinfo import ZoneInfo

from kitchenvision.frames.hardware import Decoder
from kitchenvision.types import Frame

SourceKind = Literal["file", "pictures", "segments", "rtsp", "stream"]
StartedAtSource = Literal["option", "container", "file name", "file time", "camera"]


@dataclass(frozen=True)
class SourceInfo:
    """What is known of a source once it is open.

    Attributes:
        name: file or folder name, or the address without credentials.
        kind: which sort of source. width, height: pixels as displayed (rotation and aspect applied).
        codec: FFmpeg's name, such as ``h264``; ``pictures`` for pictures.
        fps: average frames a second; None when unknown. duration_s: seconds of media time; None when unknown.
        started_at: UTC instant of media time 0. started_at_source: where that instant comes from.
        content_sha256: hash of the content, None for a live camera.
        notes: what a reader of the report should know, such as a guessed frame rate.
        decoder: the device that decodes, or ``software``.
    """

    name: str
    kind: SourceKind
    width: int
    height: int
    codec: str
    fps: float | None
    duration_s: float | None
    started_at: datetime
    started_at_source: StartedAtSource
    content_sha256: str | None
    notes: tuple[str, ...] = ()
    decoder: str = "software"


@dataclass(frozen=True)
class ClipSpan:
    """A clip that was written.

    Attributes:
        path: where it lies; its suffix can differ from the one asked for.
        from_s, to_s: media time of the source that it really spans. media_type: such as ``video/mp4``.
    """

    path: Path
    from_s: float
    to_s: float
    media_type: str


@dataclass(frozen=True)
class SourceOptions:
    """How a source is read.

    Attributes:
        analysis_fps: frames a second that are wanted, > 0.
        started_at: instant of media time 0, if the user knows it; must carry a time zone.
        transport: of RTSP. key_frames_only: decode nothing else; cheap, and only for cameras with many key frames.
        decoder: of a live camera; a device that cannot be used is told in `SourceInfo.notes`.
        timezone: of dates in file names. from_s, to_s: only this span of media time, seconds.
    """

    analysis_fps: float = 5.0
    started_at: datetime | None = None
    timezone: tzinfo = field(default_factory=lambda: ZoneInfo("UTC"))
    from_s: float = 0.0
    to_s: float | None = None
    transport: Literal["tcp", "udp"] = "tcp"
    key_frames_only: bool = False
    decoder: Decoder = "software"

    def __post_init__(self) -> None:
        if not self.analysis_fps > 0:
            raise ValueError(f"analysis_fps: expected more than 0, got {self.analysis_fps}")
        if self.started_at is not None and self.started_at.tzinfo is None:
            raise ValueError(f"started_at: expected a time with its zone, got {self.started_at.isoformat()}")
        if self.from_s < 0 or (self.to_s is not None and self.to_s <= self.from_s):
            raise ValueError(f"expected 0 <= from < to, got from {self.from_s} to {self.to_s}")


class FrameSource(Protocol):
    """A camera, a recording, a folder of pictures. Subclass it and write `frames`; `info` is set when opened."""

    info: SourceInfo

    def frames(self) -> Iterator[Frame]:
        """Sampled frames in order of media time; a recording can be iterated again and gives the same.

        Raises:
            SourceBroken: after the last frame that could be read, when more was to be expected.
        """
        ...

    def clip(self, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
        """Writes the source's own packets of a span of media time to `path`; None where there are none.

        Raises:
            StorageError: `path` cannot be written.
        """
        return None

    def problems(self) -> tuple[str, ...]:
        """What could not be read in the latest run of `frames` although it went on, in words."""
        return ()

    def close(self) -> None:
        """Frees what is held; twice is harmless."""
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
