"""A folder of recorder segments is one camera."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from made_media import Recipe, make_video, number_of

from kitchenvision.errors import SourceNotFound, SourceUnreadable
from kitchenvision.frames.open import open_source
from kitchenvision.frames.segments import SegmentsSource, open_segments
from kitchenvision.frames.source import SourceOptions

SHANGHAI = SourceOptions(timezone=ZoneInfo("Asia/Shanghai"))
MORNING = datetime(2026, 3, 12, 0, 30, tzinfo=UTC)


def segment(folder: Path, clock: str, seconds: float = 2.0, **recipe: object) -> Path:
    """A segment that starts at `clock` (hhmmss) in Shanghai."""
    return make_video(folder / f"ch01_20260312_{clock}.mp4", Recipe(seconds=seconds, **recipe))  # type: ignore[arg-type]


def times_of(source: SegmentsSource) -> list[float]:
    return [round(frame.media_s, 3) for frame in source.frames()]


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    """Media time is seconds since the first segment's start; wall-clock time follows."""
    for clock in ("083010", "083000", "083002"):
        segment(tmp_path, clock)
    with open_segments(tmp_path, SHANGHAI) as source:
        frames = list(source.frames())
        info = source.info
    assert (info.kind, info.started_at, info.started_at_source) == ("segments", MORNING, "file name")
    assert info.duration_s == pytest.approx(12.0)
    assert "3 segments, 1 gaps" in info.notes[-1]
    assert {int(frame.media_s) for frame in frames} == {0, 1, 2, 3, 10, 11}
    assert all(frame.captured_at == MORNING + timedelta(seconds=frame.media_s) for frame in frames)
    assert [frame.index for frame in frames] == list(range(len(frames)))


def test_the_name_is_believed_before_the_container(tmp_path: Path) -> None:
    """Recorders write the export's time into the container."""
    segment(tmp_path, "083000", creation_time="2026-03-12T15:00:00Z")
    segment(tmp_path, "083002", creation_time="2026-03-12T15:00:00Z")
    with open_segments(tmp_path, SHANGHAI) as source:
        assert source.info.started_at == MORNING
        assert [s.offset_s for s in source.segments] == [0.0, 2.0]


def test_names_in_whole_seconds_make_no_overlap(tmp_path: Path) -> None:
    """2.4 s that begin at :00 end after the next begins at :02; nothing is lost or doubled."""
    segment(tmp_path, "083000", seconds=2.4)
    segment(tmp_path, "083002", seconds=2.4)
    with open_segments(tmp_path, SHANGHAI) as source:
        assert [s.offset_s for s in source.segments] == [0.0, pytest.approx(2.4)]
        times = times_of(source)
    assert times == sorted(set(times))
    assert len(times) >= 24


def test_seconds_recorded_twice_are_given_once(tmp_path: Path) -> None:
    """A segment that begins long before the last one ends."""
    segment(tmp_path, "083000", seconds=6)
    segment(tmp_path, "083002", seconds=6)
    with open_segments(tmp_path, SHANGHAI) as source:
        times = times_of(source)
    assert times == sorted(set(times))
    assert times[-1] > 7.5


def test_a_broken_segment_is_reported_and_the_next_goes_on(tmp_path: Path) -> None:
    """One that cannot be opened, one that ends early."""
    segment(tmp_path, "083000")
    (tmp_path / "ch01_20260312_083002.mp4").write_text("not a video")
    cut = segment(tmp_path, "083004", seconds=4, noise=True)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    segment(tmp_path, "083010")
    with open_segments(tmp_path, SHANGHAI) as source:
        seconds = {int(time) for time in times_of(source)}
        assert {0, 1, 4, 10, 11} <= seconds
        assert not {2, 3, 7, 8} & seconds
        assert [path.name for path, _ in source.broken] == ["ch01_20260312_083002.mp4", cut.name]
        assert len(source.problems()) == 2
        times_of(source)
        assert len(source.broken) == 2


def test_a_clip_comes_from_its_segment_in_times_of_the_whole(tmp_path: Path) -> None:
    """And none from a gap."""
    segment(tmp_path, "083000")
    segment(tmp_path, "083100")
    with open_segments(tmp_path, SHANGHAI) as source:
        span = source.clip(61.2, 61.5, tmp_path / "clip.mp4")
        assert source.clip(20, 30, tmp_path / "none.mp4") is None
    assert span is not None
    assert span.from_s == pytest.approx(61.0)
    assert span.to_s >= 61.5
    with open_source(span.path) as clip:
        assert number_of(next(iter(clip.frames())).image) == pytest.approx(25, abs=1)


def test_a_span_over_two_segments(tmp_path: Path) -> None:
    """--from and --to count in media time of the whole."""
    for clock in ("083000", "083002", "083004"):
        segment(tmp_path, clock)
    options = SourceOptions(timezone=ZoneInfo("Asia/Shanghai"), from_s=1.0, to_s=3.0)
    with open_segments(tmp_path, options) as source:
        times = times_of(source)
    assert times[0] == 1.0
    assert times[-1] == pytest.approx(3.0, abs=0.05)
    assert len(times) == pytest.approx(11, abs=2)


def test_without_times_in_the_names_they_follow_each_other(tmp_path: Path) -> None:
    """In natural order, and the report says so."""
    for number in (10, 2):
        path = make_video(tmp_path / f"part{number}.mp4", Recipe())
        os.utime(path, (1_000_000 - number, 1_000_000 - number))
    with open_segments(tmp_path) as source:
        assert [s.path.name for s in source.segments] == ["part2.mp4", "part10.mp4"]
        assert [s.offset_s for s in source.segments] == [0.0, 2.0]
        assert "no times in the file names" in source.info.notes[-1]


def test_what_is_no_camera(tmp_path: Path) -> None:
    """No folder, nothing in it, nothing readable in it."""
    with pytest.raises(SourceNotFound, match="no such folder"):
        open_segments(tmp_path / "nothing")
    with pytest.raises(SourceNotFound, match="no video in this folder"):
        open_segments(tmp_path)
    (tmp_path / "a.mp4").write_text("not a video")
    with pytest.raises(SourceUnreadable, match="none of 1 segments can be read"):
        open_segments(tmp_path)
