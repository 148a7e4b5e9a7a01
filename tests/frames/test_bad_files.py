"""Bad input: refused in clear words, or read as far as it goes and then told."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from made_media import LEVELS, Recipe, make_sound, make_video, number_of

from kitchenvision.errors import SourceBroken, SourceError, SourceNotFound, SourceUnreadable, StorageError
from kitchenvision.frames.file import FileSource
from kitchenvision.frames.open import open_source
from kitchenvision.frames.source import SourceOptions


def cut(path: Path, share: float, name: str = "cut") -> Path:
    """The first part of a file."""
    data = path.read_bytes()
    shorter = path.with_name(name + path.suffix)
    shorter.write_bytes(data[: int(len(data) * share)])
    return shorter


def spoilt(path: Path, begin: float, end: float) -> Path:
    """A file with garbage from one share of it to another."""
    data = bytearray(path.read_bytes())
    first, last = int(len(data) * begin), int(len(data) * end)
    data[first:last] = bytes((i * 37 + 11) % 256 for i in range(last - first))
    path.write_bytes(bytes(data))
    return path


def read_to_the_end(source: FileSource) -> tuple[list[float], SourceBroken | None]:
    """Times of the frames that came, and the error after them."""
    times: list[float] = []
    try:
        times.extend(frame.media_s for frame in source.frames())
    except SourceBroken as error:
        return times, error
    return times, None


def every_frame(source: FileSource) -> list[float]:
    times: list[float] = []
    for frame in source.frames():
        times.append(frame.media_s)
    return times


class TestRefused:
    """Files in which nothing can be read."""

    def test_no_such_file(self, tmp_path: Path) -> None:
        """Its path is in the message."""
        with pytest.raises(SourceNotFound, match=r"nothing\.mp4: no such file"):
            open_source(tmp_path / "nothing.mp4")

    def test_an_empty_file(self, tmp_path: Path) -> None:
        """0 bytes are called 0 bytes."""
        (tmp_path / "empty.mp4").touch()
        with pytest.raises(SourceUnreadable, match=r"empty\.mp4: the file is empty \(0 bytes\)"):
            open_source(tmp_path / "empty.mp4")

    @pytest.mark.parametrize("name", ["text.mp4", "text.avi", "text.264", "文字.mkv"])
    def test_text_named_like_a_video(self, tmp_path: Path, name: str) -> None:
        """The message shows how the text begins."""
        (tmp_path / name).write_text("Dear inspector, the video is attached.\n" * 50)
        with pytest.raises(SourceUnreadable, match="looks like text that begins with 'Dear inspector"):
            open_source(tmp_path / name)

    def test_a_play_list_opens_nothing_else(self, tmp_path: Path) -> None:
        """A file that was handed in cannot make FFmpeg open other files or addresses."""
        make_video(tmp_path / "real.ts")
        for text in ("#EXTM3U\n#EXTINF:2,\nreal.ts\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile real.ts\n"):
            (tmp_path / "list.mp4").write_text(text)
            with pytest.raises(SourceUnreadable):
                open_source(tmp_path / "list.mp4")

    def test_random_bytes(self, tmp_path: Path) -> None:
        """Says how much of something else came."""
        (tmp_path / "noise.mp4").write_bytes(bytes((i * i * 31 + i) % 251 for i in range(5000)))
        with pytest.raises(SourceUnreadable, match="expected a video that FFmpeg can read, got 5000 bytes"):
            open_source(tmp_path / "noise.mp4")

    def test_sound_only(self, tmp_path: Path) -> None:
        """Sound is named as what it is."""
        with pytest.raises(SourceUnreadable, match="expected a video, the file holds only sound"):
            open_source(make_sound(tmp_path / "sound.mp4"))

    def test_a_folder_as_a_file(self, tmp_path: Path) -> None:
        """FileSource itself refuses a folder."""
        with pytest.raises(SourceUnreadable, match="expected a video file, this is a folder"):
            FileSource(tmp_path, SourceOptions())

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        """Says which pictures were looked for."""
        with pytest.raises(SourceNotFound, match="no pictures there"):
            open_source(tmp_path)

    def test_no_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Permission is named (simulated, since root may read everything)."""
        path = make_video(tmp_path / "locked.mp4", Recipe(seconds=0.2))

        def refuse(self: Path, *_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(SourceUnreadable, match=r"locked\.mp4: no permission to read this file"):
            open_source(path)

    def test_an_mp4_without_its_index(self, tmp_path: Path) -> None:
        """A recorder that lost power: says what was expected and how much came."""
        path = cut(make_video(tmp_path / "a.mp4", Recipe(movflags="")), 0.7)
        with pytest.raises(SourceUnreadable, match=r"expected an mp4 with a 'moov' box, got \d+ bytes"):
            open_source(path)

    def test_a_video_of_which_no_picture_can_be_decoded(self, tmp_path: Path) -> None:
        """A sound header with garbage behind it."""
        path = make_video(tmp_path / "a.mp4", Recipe(seconds=1))
        data = path.read_bytes()
        body = data.index(b"mdat") + 4
        path.write_bytes(data[:body] + bytes(len(data) - body))
        with pytest.raises(SourceUnreadable, match="no picture could be decoded"):
            open_source(path)

    def test_a_beginning_behind_the_end(self, tmp_path: Path) -> None:
        """--from beyond the video says how long the video is."""
        path = make_video(tmp_path / "a.mp4")
        with pytest.raises(SourceUnreadable, match=r"nothing to read from 60 s on, the video has 2\.0 s"):
            open_source(path, SourceOptions(from_s=60))


class TestBroken:
    """Files that can be read up to a moment."""

    @pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.flv", "a.avi"])
    @pytest.mark.parametrize("sound", [False, True])
    def test_cut_off_in_the_middle(self, tmp_path: Path, name: str, sound: bool) -> None:
        """Frames up to the cut come, then the error that says where and how much was promised."""
        path = make_video(tmp_path / name, Recipe(seconds=6, noise=True, sound=sound))
        with open_source(cut(path, 0.5)) as source:
            times, error = read_to_the_end(source)
        assert error is not None
        assert 2 < len(times) < 26
        assert 1.5 < error.media_s < 4.5
        assert error.media_s >= times[-1]
        assert re.search(r"the video ends at \d\.\d s, its header promises 6\.[01] s", str(error))

    @pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.flv"])
    def test_sound_that_goes_on_is_no_early_end(self, tmp_path: Path, name: str) -> None:
        """Some headers promise the length of the longest stream."""
        path = make_video(tmp_path / name, Recipe(seconds=2, sound=True, sound_s=6.0))
        with open_source(path) as source:
            times, error = read_to_the_end(source)
        assert error is None
        assert times[-1] > 1.7

    def test_a_clip_of_what_is_left(self, tmp_path: Path) -> None:
        """Evidence from before the cut can still be cut out."""
        path = cut(make_video(tmp_path / "a.mp4", Recipe(seconds=6, noise=True)), 0.5)
        with open_source(path) as source:
            span = source.clip(1.0, 20.0, tmp_path / "clip.mp4")
        assert span is not None
        assert span.from_s == pytest.approx(1.0)
        assert 2.0 < span.to_s < 4.5

    def test_a_span_before_the_cut_is_whole(self, tmp_path: Path) -> None:
        """Who asks only for what is there sees no error."""
        path = cut(make_video(tmp_path / "a.mp4", Recipe(seconds=6, noise=True)), 0.5)
        with open_source(path, SourceOptions(to_s=1.5)) as source:
            assert read_to_the_end(source)[1] is None

    def test_a_cut_transport_stream_is_read_to_its_end(self, tmp_path: Path) -> None:
        """It has no header that promises anything."""
        path = cut(make_video(tmp_path / "a.ts", Recipe(seconds=4, noise=True)), 0.5)
        with open_source(path) as source:
            times, error = read_to_the_end(source)
        assert error is None
        assert 1.5 < times[-1] < 2.5

    @pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
    def test_garbage_in_the_middle_is_left_out_and_counted(self, tmp_path: Path, name: str) -> None:
        """The rest is read to the end, with true times (but AVI's, which are counted and lose what was lost)."""
        path = spoilt(make_video(tmp_path / name, Recipe(seconds=6, noise=True, gop=10)), 0.4, 0.5)
        with open_source(path) as source:
            times, error = read_to_the_end(source)
            assert error is None
            assert source.skipped_packets > 0
            assert "left out as damaged" in source.problems()[0]
        assert times[-1] > (5.0 if name == "a.avi" else 5.5)
        assert times == sorted(times)
        assert len(times) < 31

    def test_pictures_with_visible_errors_are_not_evidence(self, tmp_path: Path) -> None:
        """What comes out beside the damage is what went in."""
        path = spoilt(make_video(tmp_path / "a.mkv", Recipe(seconds=4, gop=5, options={"crf": "1"})), 0.5, 0.52)
        with open_source(path, SourceOptions(analysis_fps=25)) as source:
            for frame in source.frames():
                assert number_of(frame.image) == pytest.approx(round(frame.media_s * 25) % LEVELS, abs=1)

    def test_the_count_is_of_the_latest_run(self, tmp_path: Path) -> None:
        """Reading twice does not double it."""
        path = spoilt(make_video(tmp_path / "a.mp4", Recipe(seconds=6, noise=True, gop=10)), 0.4, 0.5)
        with open_source(path) as source:
            every_frame(source)
            once = source.skipped_packets
            every_frame(source)
            assert source.skipped_packets == once


def test_a_full_disk_leaves_no_half_clip(tmp_path: Path) -> None:
    """/dev/full is a disk without room."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    target = tmp_path / "clip.mp4"
    target.with_name("clip.mp4.part").symlink_to("/dev/full")
    with (
        open_source(make_video(tmp_path / "a.mp4", Recipe(noise=True))) as source,
        pytest.raises(StorageError, match="the disk is full"),
    ):
        source.clip(0, 2, target)
    assert not target.exists()


def test_a_clip_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Says which path."""
    with (
        open_source(make_video(tmp_path / "a.mp4")) as source,
        pytest.raises(StorageError, match=r"no/clip\.mp4"),
    ):
        source.clip(0, 2, tmp_path / "no" / "clip.mp4")


def test_a_file_that_goes_away_is_an_error_of_ours(tmp_path: Path) -> None:
    """Not one of FFmpeg's."""
    path = make_video(tmp_path / "a.mp4")
    with open_source(path) as source:
        path.unlink()
        with pytest.raises(SourceError):
            next(iter(source.frames()))


def test_ffmpeg_says_nothing_to_the_terminal(tmp_path: Path) -> None:
    """Its log of damaged packets does not reach the user."""
    path = spoilt(make_video(tmp_path / "a.mp4", Recipe(seconds=4, noise=True)), 0.4, 0.6)
    code = (
        "import sys; from kitchenvision.frames.open import open_source\n"
        "with open_source(sys.argv[1]) as source: print(len(list(source.frames())) > 3, bool(source.problems()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout == "True True\n"
    assert done.stderr == ""
