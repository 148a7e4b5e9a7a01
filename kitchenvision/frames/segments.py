"""A folder of recorder segments as one camera: times from the file names, gaps kept."""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from kitchenvision.errors import SourceError, SourceNotFound, SourceUnreadable
from kitchenvision.frames.file import FileSource
from kitchenvision.frames.listing import videos_under
from kitchenvision.frames.pictures import natural_order
from kitchenvision.frames.source import ClipSpan, FrameSource, SourceInfo, SourceOptions
from kitchenvision.types import Frame

# File names carry whole seconds, so that neighbours seem to overlap by less than this.
_NAMING_S = 2.0


@dataclass(frozen=True)
class Segment:
    """One file of a camera; `offset_s` is the media time of its first frame."""

    path: Path
    info: SourceInfo
    offset_s: float

    @property
    def end_s(self) -> float:
        """Media time at which it ends."""
        return self.offset_s + (self.info.duration_s or 0.0)


class SegmentsSource(FrameSource):
    """Segments in order of their start. Media time is seconds since the first segment's start.

    Attributes:
        info: of the whole. broken: (path, reason) of segments that could not be read, or not to their end.
        segments: those that can be opened.

    Raises:
        SourceNotFound: no folder, or no video in it. SourceUnreadable: none of the segments can be read.
    """

    def __init__(self, folder: Path, options: SourceOptions) -> None:
        self._options = options
        self._unopened: list[tuple[Path, str]] = []
        self._cut: list[tuple[Path, str]] = []
        self._open: FileSource | None = None
        self._closings = 0
        infos = self._infos(folder)
        timed = all(info.started_at_source != "file time" for _, info in infos)
        self.segments = _placed(infos) if timed else _one_after_another(infos)
        first = self.segments[0].info
        begun = first.started_at if options.started_at is None else options.started_at
        digest = hashlib.sha256("".join(info.content_sha256 or "" for _, info in infos).encode()).hexdigest()
        self.info = replace(
            first,
            name=folder.name or str(folder),
            kind="segments",
            duration_s=max(segment.end_s for segment in self.segments),
            started_at=begun,
            started_at_source=first.started_at_source if options.started_at is None else "option",
            content_sha256=digest,
            notes=(
                *first.notes,
                f"{len(self.segments)} segments, {_gaps(self.segments)} gaps between them",
                *(() if timed else ("no times in the file names: segments were put one after another",)),
            ),
        )

    @property
    def broken(self) -> list[tuple[Path, str]]:
        """(path, reason) of every segment that could not be read, or not to its end."""
        return [*self._unopened, *self._cut]

    def frames(self) -> Iterator[Frame]:
        """Sampled frames of all segments; a segment that breaks is reported in `broken`, and the next goes on."""
        self._cut = []
        index, last_s, closings = 0, -1.0, self._closings
        for segment in self.segments:
            options = self._options_of(segment)
            if options is None:
                continue
            if closings != self._closings:
                return
            try:
                with FileSource(segment.path, options) as self._open:
                    for frame in self._open.frames():
                        media_s = segment.offset_s + frame.media_s
                        if media_s <= last_s:
                            continue  # recorders record some seconds twice
                        captured_at = self.info.started_at + timedelta(seconds=media_s)
                        yield Frame(frame.picture, index, media_s, captured_at)
                        index, last_s = index + 1, media_s
                    self._cut += [(segment.path, problem) for problem in self._open.problems()]
            except SourceError as error:  # cut off, or it went away since the start
                self._cut.append((segment.path, str(error)))
            finally:
                self._open = None

    def clip(self, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
        """As of a file, from the one segment that holds most of the span."""
        segment = max(self.segments, key=lambda s: min(to_s, s.end_s) - max(from_s, s.offset_s))
        if segment.end_s <= from_s or segment.offset_s >= to_s:
            return None
        with FileSource(segment.path, replace(self._options, from_s=0.0, to_s=None)) as file:
            span = file.clip(max(0.0, from_s - segment.offset_s), to_s - segment.offset_s, path)
        if span is None:
            return None
        return replace(span, from_s=span.from_s + segment.offset_s, to_s=span.to_s + segment.offset_s)

    def problems(self) -> tuple[str, ...]:
        """One line a segment that could not be read, or not to its end."""
        return tuple(reason for _, reason in self.broken)

    def close(self) -> None:
        """Ends an iteration that is under way."""
        self._closings += 1
        if self._open is not None:
            self._open.close()

    def _infos(self, folder: Path) -> list[tuple[Path, SourceInfo]]:
        if not folder.is_dir():
            raise SourceNotFound(f"{folder}: no such folder")
        paths = videos_under(folder)
        if not paths:
            raise SourceNotFound(f"{folder}: no video in this folder")
        plain = replace(self._options, started_at=None, from_s=0.0, to_s=None)
        found: list[tuple[Path, SourceInfo]] = []
        for path in paths:
            try:
                with FileSource(path, plain, prefer_name=True) as file:
                    found.append((path, file.info))
            except SourceError as error:
                self._unopened.append((path, str(error)))
        if not found:
            raise SourceUnreadable(f"{folder}: none of {len(paths)} segments can be read: {self._unopened[0][1]}")
        return sorted(found, key=lambda pair: (pair[1].started_at, pair[0].as_posix()))

    def _options_of(self, segment: Segment) -> SourceOptions | None:
        """The span that is asked for within `segment`; None when it lies outside."""
        to_s = None if self._options.to_s is None else self._options.to_s - segment.offset_s
        from_s = max(0.0, self._options.from_s - segment.offset_s)
        if (to_s is not None and to_s <= 0) or (segment.info.duration_s or 0.0) <= from_s > 0:
            return None
        return replace(self._options, started_at=None, from_s=from_s, to_s=to_s)


def open_segments(folder: str | Path, options: SourceOptions | None = None) -> SegmentsSource:
    """A folder of recorder segments as one camera; raises as `SegmentsSource`."""
    return SegmentsSource(Path(folder), options or SourceOptions())


def _placed(infos: list[tuple[Path, SourceInfo]]) -> list[Segment]:
    """Segments with their offsets. A seeming overlap that comes from whole seconds in names is closed up."""
    begun: datetime = infos[0][1].started_at
    placed: list[Segment] = []
    for path, info in infos:
        offset_s = (info.started_at - begun).total_seconds()
        if placed and 0 < placed[-1].end_s - offset_s <= _NAMING_S:
            offset_s = placed[-1].end_s
        placed.append(Segment(path, info, offset_s))
    return placed


def _one_after_another(infos: list[tuple[Path, SourceInfo]]) -> list[Segment]:
    """In natural order of the names, without gaps, where the names say no time."""
    placed: list[Segment] = []
    for path, info in sorted(infos, key=lambda pair: natural_order(pair[0])):
        placed.append(Segment(path, info, placed[-1].end_s if placed else 0.0))
    return placed


def _gaps(segments: list[Segment]) -> int:
    return sum(1 for before, after in itertools.pairwise(segments) if after.offset_s - before.end_s > _NAMING_S)
