"""Recorded files: true times, spans, sampling."""

from pathlib import Path

import pytest
from made_media import Recipe, make_video, number_of

from kitchenvision.frames.file import FileSource
from kitchenvision.frames.open import open_source
from kitchenvision.frames.source import SourceOptions

VARIABLE_S = (0.0, 0.04, 0.9, 0.94, 1.0, 1.7, 1.74, 2.5, 2.9)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_variable_rate_keeps_its_times(tmp_path: Path, name: str) -> None:
    """Times come from the file, not from counting."""
    path = make_video(tmp_path / name, Recipe(times_s=VARIABLE_S, b_frames=0))
    with open_source(path, SourceOptions(analysis_fps=1000)) as source:
        frames = list(source.frames())
    assert [frame.media_s for frame in frames] == pytest.approx(VARIABLE_S, abs=0.002)
    assert [number_of(frame.image) for frame in frames] == pytest.approx(range(9), abs=1)


def test_a_long_last_picture_is_no_early_end(tmp_path: Path) -> None:
    """A slow source ends with a long picture."""
    path = make_video(tmp_path / "a.mp4", Recipe(times_s=(0.0, 4.0, 8.0), b_frames=0))
    with open_source(path) as source:
        assert [frame.media_s for frame in source.frames()] == pytest.approx([0.0, 4.0, 8.0])


def test_six_frames_a_second_at_five_give_about_five(tmp_path: Path) -> None:
    """INTERFACES' example."""
    with open_source(make_video(tmp_path / "a.mp4", Recipe(seconds=10, fps=6))) as source:
        assert abs(len(list(source.frames())) - 50) <= 1


def test_sampled_pictures_are_those_nearest(tmp_path: Path) -> None:
    """At 8 fps: 0, 2, 3, 5, 6, 8."""
    with open_source(make_video(tmp_path / "a.mp4", Recipe(seconds=1.25, fps=8))) as source:
        numbers = [number_of(frame.image) for frame in source.frames()]
    assert numbers[:6] == pytest.approx([0, 2, 3, 5, 6, 8], abs=0.5)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.flv", "a.avi", "a.264", "a.ps"])
@pytest.mark.parametrize("from_s", [3.5, 12.3, 15.0])
def test_a_seek_leads_to_the_same_frames(tmp_path: Path, name: str, from_s: float) -> None:
    """--from gives what the whole run gives there, with the same media times."""
    containers = {".264": "h264", ".ps": "mpeg"}
    recipe = Recipe(seconds=16, gop=50, format=containers.get(Path(name).suffix))
    path = make_video(tmp_path / name, recipe)
    with open_source(path) as whole:
        expected = [(round(f.media_s, 3), f.image.tobytes()) for f in whole.frames() if f.media_s >= from_s + 0.2]
    with open_source(path, SourceOptions(from_s=from_s)) as part:
        got = [(round(f.media_s, 3), f.image.tobytes()) for f in part.frames()]
    assert got[-len(expected) :] == expected
    assert len(got) - len(expected) <= 2
    assert from_s <= got[0][0] <= from_s + 0.2


def test_a_seek_does_not_decode_what_comes_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key frame before the place is where decoding begins."""
    path = make_video(tmp_path / "a.mp4", Recipe(seconds=16, gop=25))
    with FileSource(path, SourceOptions(from_s=14.0)) as source:
        decoded: list[float] = []
        timed = FileSource._timed

        def counted(self: FileSource, *args: object, **kwargs: object) -> object:
            for media_s, frame in timed(self, *args, **kwargs):  # type: ignore[arg-type]
                decoded.append(media_s)
                yield media_s, frame

        monkeypatch.setattr(FileSource, "_timed", counted)
        assert list(source.frames())
    assert min(decoded) == pytest.approx(14.0, abs=1.0)


def test_a_bare_stream_says_that_its_rate_is_guessed(tmp_path: Path) -> None:
    """25 a second, and the report can tell."""
    with open_source(make_video(tmp_path / "a.264", Recipe(format="h264"))) as source:
        assert source.info.fps == 25
        assert source.info.duration_s == pytest.approx(2.0)
        assert "25 frames a second assumed" in source.info.notes[0]


def test_info_of_a_file(tmp_path: Path) -> None:
    """Name, codec, rate, size, duration."""
    with open_source(make_video(tmp_path / "厨房.mp4", Recipe(fps=12, seconds=3))) as source:
        info = source.info
    assert (info.name, info.kind, info.codec, info.fps) == ("厨房.mp4", "file", "h264", 12)
    assert (info.width, info.height, info.duration_s, info.notes) == (64, 48, 3.0, ())


def test_the_hash_is_of_the_content_not_of_the_name(tmp_path: Path) -> None:
    """A copy under another name is the same source."""
    path = make_video(tmp_path / "a.mp4")
    copy = tmp_path / "b.mp4"
    copy.write_bytes(path.read_bytes())
    with open_source(path) as one, open_source(copy) as other:
        assert one.info.content_sha256 == other.info.content_sha256


def test_a_name_with_a_colon_is_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """08:30.mp4 is a file."""
    make_video(tmp_path / "08-30.mp4").rename(tmp_path / "08:30.mp4")
    monkeypatch.chdir(tmp_path)
    with open_source("08:30.mp4") as source:
        assert len(list(source.frames())) > 5


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    """Sound with a cover holds only sound; here the size of moving pictures tells which stream was taken."""
    with open_source(make_video(tmp_path / "a.mp4", Recipe(sound=True))) as source:
        assert source.info.codec == "h264"
