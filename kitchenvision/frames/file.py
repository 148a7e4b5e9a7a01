"""Video files: mp4, mkv, mov, avi, ts, flv, recorder exports (.ps, .dav) and bare .264/.265 streams."""

import weakref
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from kitchenvision.errors import SourceBroken, SourceUnreadable
from kitchenvision.frames import container as recording
from kitchenvision.frames.clips import Cutting, packets_between
from kitchenvision.frames.decoding import Damage, frames_of, packets_of
from kitchenvision.frames.picture import AvPicture, display_matrix
from kitchenvision.frames.remux import write_clip
from kitchenvision.frames.sampler import sampled
from kitchenvision.frames.source import ClipSpan, FrameSource, SourceInfo, SourceOptions
from kitchenvision.frames.started import started_at
from kitchenvision.frames.timeline import Timeline
from kitchenvision.types import Frame

# A file that ends this much earlier than its header says was cut off; less is rounding and last frames.
_EARLY_END_S = 1.0
_GUESSED_FPS = 25.0


@dataclass(frozen=True)
class _Probe:
    """What the first picture and the header say."""

    info: SourceInfo
    cutting: Cutting
    told_s: float | None


class FileSource(FrameSource):
    """One recorded file. Nothing stays open between calls.

    Args:
        path: the file. options: how to read it.
        prefer_name: believe the date in the file's name before the container's (recorder segments).

    Attributes:
        info: what is known. damage: what the latest run of `frames` left out.

    Raises:
        SourceNotFound, SourceUnreadable: when made.
    """

    def __init__(self, path: Path, options: SourceOptions, prefer_name: bool = False) -> None:
        recording.check_file(path)
        self.path = path
        self.damage = Damage()
        self._options = options
        self._probe = _probed(path, options, prefer_name)
        self._rebased = False
        self._runs: weakref.WeakSet[Generator[Frame, None, None]] = weakref.WeakSet()
        self.info = self._probe.info
        end_s = self._probe.told_s
        if end_s is not None and options.from_s >= end_s:
            raise SourceUnreadable(
                f"{path.name}: nothing to read from {options.from_s:g} s on, the video has {end_s:.1f} s"
            )

    @property
    def skipped_packets(self) -> int:
        """Damaged packets and pictures that the latest run of `frames` left out."""
        return self.damage.total

    def frames(self) -> Iterator[Frame]:
        """Sampled frames from the start, each time anew.

        Raises:
            SourceBroken: after the last frame, where the header promised more than a second more.
        """
        run = self._frames()
        self._runs.add(run)
        return run

    def clip(self, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
        """Packets from the key frame at or before `from_s` to `to_s`, remuxed without the sound.

        The sound of a kitchen is nobody's business. The suffix of `path` becomes ``.mkv`` where mp4 cannot carry
        the codec; None when there is no packet in the span.

        Raises:
            StorageError: `path` cannot be written. SourceUnreadable: the file went away.
        """
        cutting = self._cutting()
        for begin in cutting.seeks(from_s):
            opened, stream = self._opened()
            try:
                packets = packets_between(opened, stream, cutting, (from_s, to_s), begin)
                if packets or begin is None:
                    return write_clip(packets, stream, cutting.matrix, path)
            finally:
                opened.close()
        return None

    def problems(self) -> tuple[str, ...]:
        """One line when something was damaged."""
        if not self.damage.total:
            return ()
        damage = self.damage
        return (f"{self.path.name}: left out as damaged: {damage.packets} packets, {damage.pictures} pictures",)

    def close(self) -> None:
        """Ends iterations that are under way."""
        for run in list(self._runs):
            run.close()

    def _opened(self) -> tuple[InputContainer, VideoStream]:
        opened = recording.open_container(self.path)
        try:
            return opened, recording.video_stream(opened, self.path)
        except SourceUnreadable:
            opened.close()
            raise

    def _frames(self) -> Generator[Frame, None, None]:
        options = self._options
        self.damage = Damage()
        timed = sampled(self._within(options.from_s, options.to_s), options.analysis_fps, options.from_s)
        for index, (media_s, (frame, stream)) in enumerate(timed):
            picture = AvPicture(frame, stream.sample_aspect_ratio)
            yield Frame(picture, index, media_s, self.info.started_at + timedelta(seconds=media_s))

    def _within(
        self, from_s: float, to_s: float | None
    ) -> Iterator[tuple[float, tuple[av.VideoFrame, VideoStream]]]:
        """Every decoded frame of the span with its media time."""
        for begin in self._cutting().seeks(from_s):
            opened, stream = self._opened()
            try:
                if begin is not None:
                    self._probe.cutting.seek(opened, stream, begin)
                missed = begin is not None
                for media_s, frame in self._timed(opened, stream, from_start=begin is None):
                    if missed and media_s > from_s + self._probe.cutting.step_s:
                        break  # the seek led behind the place
                    missed = False
                    if to_s is not None and media_s > to_s:
                        return
                    if media_s >= from_s:
                        yield media_s, (frame, stream)
                if not missed:
                    return
            finally:
                opened.close()

    def _cutting(self) -> Cutting:
        return replace(self._probe.cutting, breaks=self._rebased)

    def _timed(
        self, opened: InputContainer, stream: VideoStream, from_start: bool
    ) -> Iterator[tuple[float, av.VideoFrame]]:
        cutting = self._probe.cutting
        origin_s = None if from_start else cutting.origin_s
        timeline = Timeline(cutting.step_s, self._probe.told_s, origin_s, cutting.slack_s)
        end_s = 0.0
        for frame in frames_of(opened, stream, self.damage):
            media_s = timeline.at(cutting.own_s(frame, stream))
            self._rebased = self._rebased or timeline.rebased
            lasts = frame.duration * stream.time_base if frame.duration and stream.time_base else 0
            end_s = media_s + float(lasts)
            yield media_s, frame
        self._check_end(end_s)

    def _check_end(self, end_s: float) -> None:
        told_s = self._probe.told_s
        slack_s = max(_EARLY_END_S, 1.5 * self._probe.cutting.step_s)
        if told_s is None or end_s + slack_s >= told_s:
            return
        # Some headers promise the length of the longest stream: then the sound goes on to there.
        if recording.reaches_s(self.path) + slack_s >= told_s:
            return
        raise SourceBroken(
            f"{self.path.name}: the video ends at {end_s:.1f} s, its header promises {told_s:.1f} s", end_s
        )


def _probed(path: Path, options: SourceOptions, prefer_name: bool) -> _Probe:
    """Reads the header and the first picture."""
    opened = recording.open_container(path)
    try:
        stream = recording.video_stream(opened, path)
        told_s = recording.told_duration_s(opened, stream)
        raw = recording.is_raw(opened)
        average = stream.average_rate or stream.guessed_rate
        fps = _GUESSED_FPS if raw or not average else float(average)
        damage = Damage()
        first = next(frames_of(opened, stream, damage), None)
        if first is None:
            raise SourceUnreadable(
                f"{path.name}: expected {stream.codec_context.name} video, "
                f"no picture could be decoded ({damage.total} damaged packets)"
            )
        cutting = Cutting(
            step_s=1 / fps,
            origin_s=None,
            raw=raw,
            by_dts=recording.counts_in_decoding_order(opened),
            all_times=recording.has_all_times(opened),
            matrix=display_matrix(first),
            slack_s=recording.slack_s(opened),
        )
        cutting = replace(cutting, origin_s=cutting.own_s(first, stream))
        codec, metadata = stream.codec_context.name, dict(opened.metadata)
        size = AvPicture(first, stream.sample_aspect_ratio)
        duration_s = told_s if told_s is not None else _measured_s(opened, stream, path, 1 / fps)
    finally:
        opened.close()
    begun, begun_source = started_at(path, metadata, duration_s, options, prefer_name)
    info = SourceInfo(
        name=path.name,
        kind="file",
        width=size.width,
        height=size.height,
        codec=codec,
        fps=fps,
        duration_s=duration_s,
        started_at=begun,
        started_at_source=begun_source,
        content_sha256=recording.sha256_of(path),
        notes=(f"no times in this file: {_GUESSED_FPS:g} frames a second assumed",) if raw else (),
    )
    return _Probe(info, cutting, told_s)


def _measured_s(opened: InputContainer, stream: VideoStream, path: Path, step_s: float) -> float | None:
    """Seconds of a recording whose header does not say: FFmpeg's estimate from the last times, else counted."""
    if opened.format.name == "mpegts" and opened.duration:
        return opened.duration / av.time_base
    again = recording.open_container(path)
    try:
        video = again.streams[stream.index]
        assert isinstance(video, VideoStream)
        return sum(1 for packet in packets_of(again, video, Damage()) if packet.size) * step_s
    finally:
        again.close()
