"""Recordings whose own times break in the middle, and what the front door makes of what it is given."""

from pathlib import Path

import cv2
import pytest
from made_media import LEVELS, Recipe, make_video, number_of, numbered

from kitchenvision.frames.file import FileSource
from kitchenvision.frames.open import open_source
from kitchenvision.frames.pictures import PicturesSource
from kitchenvision.frames.segments import SegmentsSource
from kitchenvision.frames.source import SourceOptions


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """Two transport streams written one behind the other, as recorders do: times start anew after 4 s."""
    first = make_video(tmp_path / "1.ts", Recipe(seconds=4)).read_bytes()
    second = make_video(tmp_path / "2.ts", Recipe(seconds=4)).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(first + second)
    return path


def test_times_that_start_anew_go_on(joined: Path) -> None:
    """8 s of frames, growing, each with its picture."""
    with open_source(joined) as source:
        frames = list(source.frames())
        again = [frame.media_s for frame in source.frames()]
    times = [frame.media_s for frame in frames]
    assert times == sorted(set(times)) == again
    assert times[-1] == pytest.approx(7.9, abs=0.2)
    for frame in frames:
        assert number_of(frame.image) == pytest.approx(round(frame.media_s * 25) % 100 % LEVELS, abs=4)


def test_a_clip_behind_the_break_shows_what_it_says(joined: Path, tmp_path: Path) -> None:
    """After a run the source knows that its times cannot be trusted, and looks from the start."""
    with open_source(joined) as source:
        assert list(source.frames())
        span = source.clip(6.2, 6.6, tmp_path / "clip.mp4")
    assert span is not None
    assert span.from_s == pytest.approx(6.0, abs=0.2)
    assert span.to_s >= 6.6
    with open_source(span.path) as clip:
        assert number_of(next(iter(clip.frames())).image) == pytest.approx(50, abs=4)


def test_a_span_behind_the_break(joined: Path) -> None:
    """--from counts in the source's media time, not in the recorder's."""
    with open_source(joined) as source:
        whole = [f.media_s for f in source.frames() if f.media_s >= 6.2]
        assert len(whole) >= 8
        again = [f.media_s for f in source.frames() if f.media_s >= 6.2]
    assert whole == again


class TestFrontDoor:
    """`open_source` takes what it is given for what it is."""

    def test_a_video(self, tmp_path: Path) -> None:
        """Whatever its suffix says."""
        path = make_video(tmp_path / "a.mp4", Recipe(seconds=0.4)).rename(tmp_path / "export.bin")
        assert isinstance(open_source(str(path)), FileSource)

    def test_a_picture_and_a_folder_of_pictures(self, tmp_path: Path) -> None:
        """One picture is a source of one frame."""
        cv2.imwrite(str(tmp_path / "1.png"), numbered(1))
        cv2.imwrite(str(tmp_path / "2.png"), numbered(2))
        assert isinstance(open_source(tmp_path / "1.png"), PicturesSource)
        folder = open_source(tmp_path, SourceOptions(analysis_fps=2))
        assert isinstance(folder, PicturesSource)
        assert folder.info.duration_s == 1.0

    def test_a_folder_of_videos_is_one_camera(self, tmp_path: Path) -> None:
        """Also where a picture lies beside them."""
        make_video(tmp_path / "20260312_083000.mp4", Recipe(seconds=0.4))
        cv2.imwrite(str(tmp_path / "thumbnail.png"), numbered(1))
        assert isinstance(open_source(tmp_path), SegmentsSource)

    def test_by_default_five_frames_a_second_of_all_of_it(self, tmp_path: Path) -> None:
        """Without options."""
        with open_source(make_video(tmp_path / "a.mp4", Recipe(seconds=2))) as source:
            assert len(list(source.frames())) == pytest.approx(10, abs=1)
