"""What every frame source promises; a new one is added to `SOURCES` and nowhere else."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_media import Recipe, make_video, number_of, numbered

from kitchenvision.frames.open import open_source
from kitchenvision.frames.segments import open_segments
from kitchenvision.frames.source import FrameSource, SourceOptions

STARTED = datetime(2026, 3, 12, 8, 30, tzinfo=UTC)


def video(name: str, recipe: Recipe) -> Callable[[Path, SourceOptions], FrameSource]:
    return lambda folder, options: open_source(make_video(folder / name, recipe), options)


def pictures(folder: Path, options: SourceOptions) -> FrameSource:
    for i in range(10):
        cv2.imwrite(str(folder / f"picture{i}.png"), numbered(i))
    return open_source(folder, options)


def segments(folder: Path, options: SourceOptions) -> FrameSource:
    for second in (0, 1, 4):
        make_video(folder / f"ch01_2026031208300{second}.mp4", Recipe(seconds=1))
    return open_segments(folder, options)


SOURCES: dict[str, Callable[[Path, SourceOptions], FrameSource]] = {
    "mp4 with B-frames": video("a.mp4", Recipe()),
    "mp4 of H.265": video("a.mp4", Recipe(codec="libx265")),
    "mkv": video("a.mkv", Recipe()),
    "mov": video("a.mov", Recipe(b_frames=0)),
    "avi with B-frames": video("a.avi", Recipe()),
    "avi of MJPEG": video("a.avi", Recipe(codec="mjpeg", pix_fmt="yuvj420p")),
    "ts": video("a.ts", Recipe()),
    "flv": video("a.flv", Recipe()),
    "program stream": video("a.ps", Recipe(format="mpeg")),
    "bare .264": video("a.264", Recipe(format="h264")),
    "bare .265": video("a.265", Recipe(format="hevc", codec="libx265")),
    "slow": video("a.mp4", Recipe(seconds=4, fps=2)),
    "variable rate": video("a.mkv", Recipe(times_s=(0, 0.04, 0.9, 0.94, 1.0, 1.7, 1.74, 2.5, 2.9), b_frames=0)),
    "turned": video("a.mp4", Recipe(rotation=90)),
    "with sound": video("a.mp4", Recipe(sound=True)),
    "Chinese name": video("厨房 一号机.mp4", Recipe()),
    "pictures": pictures,
    "segments": segments,
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES.keys())
class TestEverySource:
    """The promises of `FrameSource`."""

    @pytest.fixture
    def source(self, make: Callable[[Path, SourceOptions], FrameSource], tmp_path: Path) -> Iterator[FrameSource]:
        with make(tmp_path, SourceOptions(started_at=STARTED)) as source:
            yield source

    def test_times_start_at_0_and_grow(self, source: FrameSource) -> None:
        """The first frame shown is media time 0, and no two sampled frames share a time."""
        times = [frame.media_s for frame in source.frames()]
        assert times[0] == 0.0
        assert times == sorted(set(times))
        assert len(times) >= 5

    def test_the_index_counts(self, source: FrameSource) -> None:
        """0, 1, 2, ..."""
        indexes = [frame.index for frame in source.frames()]
        assert indexes == list(range(len(indexes)))

    def test_captured_at_is_the_start_plus_media_time(self, source: FrameSource) -> None:
        """Both times of a frame say the same."""
        assert source.info.started_at == STARTED
        assert source.info.started_at_source == "option"
        for frame in source.frames():
            assert frame.captured_at == STARTED + timedelta(seconds=frame.media_s)

    def test_picture_sizes_agree(self, source: FrameSource) -> None:
        """info, picture, rgb() and scaled() speak of the same displayed picture, in RGB."""
        frame = next(iter(source.frames()))
        shown = frame.picture
        assert (shown.width, shown.height) == (source.info.width, source.info.height)
        assert shown.rgb().shape == (shown.height, shown.width, 3)
        assert shown.rgb().dtype == np.uint8
        small = shown.scaled(shown.width // 2, shown.height // 2)
        assert small.shape == (shown.height // 2, shown.width // 2, 3)
        whole = cv2.resize(shown.rgb(), small.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(whole.astype(int) - small).mean() < 12

    def test_iterating_again_gives_the_same(self, source: FrameSource) -> None:
        """A recording has no memory of having been read."""
        once = [(frame.index, frame.media_s, frame.image.tobytes()) for frame in source.frames()]
        again = [(frame.index, frame.media_s, frame.image.tobytes()) for frame in source.frames()]
        assert once == again

    def test_nothing_of_a_sound_source_is_a_problem(self, source: FrameSource) -> None:
        """`problems` is empty after a whole run."""
        assert list(source.frames())
        assert source.problems() == ()

    def test_info_is_told(self, source: FrameSource) -> None:
        """Codec, duration and hash are there for what is recorded."""
        info = source.info
        assert info.name
        assert info.codec
        assert info.duration_s is not None
        assert info.content_sha256 is not None
        assert len(info.content_sha256) == 64
        last = max(frame.media_s for frame in source.frames())
        assert last <= info.duration_s + 0.1

    def test_a_span_gives_the_same_frames_with_the_same_times(
        self, make: Callable[[Path, SourceOptions], FrameSource], tmp_path: Path, source: FrameSource
    ) -> None:
        """from and to cut, media time remains that of the source."""
        whole = [frame for frame in source.frames() if 0.6 <= frame.media_s <= 1.5]
        folder = tmp_path / "again"
        folder.mkdir()
        with make(folder, SourceOptions(started_at=STARTED, from_s=0.55, to_s=1.55)) as part:
            frames = list(part.frames())
        assert {f.media_s for f in whole} <= {f.media_s for f in frames}
        assert all(0.55 <= f.media_s <= 1.55 for f in frames)
        assert [f.index for f in frames] == list(range(len(frames)))

    def test_closing_ends_iteration_and_twice_is_harmless(self, source: FrameSource) -> None:
        """No frame comes after `close`, and no error either."""
        frames = iter(source.frames())
        next(frames)
        source.close()
        source.close()
        assert len(list(frames)) <= 10

    def test_a_clip_is_none_or_covers(self, source: FrameSource, tmp_path: Path) -> None:
        """A clip begins at or before its beginning, ends at or after its end, and its span is true."""
        span = source.clip(0.5, 0.9, tmp_path / "out.mp4")
        if source.info.kind == "pictures":
            assert span is None
            return
        assert span is not None
        assert span.path.exists()
        assert span.from_s <= 0.5
        assert span.to_s >= 0.9
        with open_source(span.path, SourceOptions(analysis_fps=100)) as clip:
            frames = list(clip.frames())
            assert abs(clip.info.duration_s - (span.to_s - span.from_s)) < 0.05
            assert (clip.info.width, clip.info.height) == (source.info.width, source.info.height)
        assert frames[0].media_s == 0.0


NUMBERED = [name for name in SOURCES if name not in {"slow", "variable rate", "turned", "pictures", "segments"}]


@pytest.mark.parametrize("name", NUMBERED)
def test_the_picture_belongs_to_its_time(name: str, tmp_path: Path) -> None:
    """Frame k of 25 a second shows k: order of showing, not of decoding, in every container."""
    with SOURCES[name](tmp_path, SourceOptions()) as source:
        shown = [(round(frame.media_s * 25), number_of(frame.image)) for frame in source.frames()]
    assert [time for time, _ in shown] == [*range(0, 50, 5), 49]
    assert all(abs(time - number) <= 1 for time, number in shown), shown


@pytest.mark.parametrize("name", NUMBERED)
def test_a_clip_shows_what_its_span_says(name: str, tmp_path: Path) -> None:
    """The clip's first picture is the source's picture at `from_s`, and none is missing or doubled after it."""
    with SOURCES[name](tmp_path, SourceOptions()) as source:
        span = source.clip(1.2, 1.6, tmp_path / "out.mp4")
    assert span is not None
    with open_source(span.path, SourceOptions(analysis_fps=25)) as clip:
        numbers = [number_of(frame.image) for frame in clip.frames()]
    first = round(span.from_s * 25)
    assert all(abs(number - (first + i)) <= 1 for i, number in enumerate(numbers)), (first, numbers)
    assert len(numbers) == round((span.to_s - span.from_s) * 25)
