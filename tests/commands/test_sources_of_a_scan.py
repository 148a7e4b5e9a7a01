"""Which sources a scan reads, and under which names: every one once, and no name twice."""

import os
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.commands.options import LONGEST_ID_BYTES
from kitchenvision.commands.scan import Request, opened_sources
from kitchenvision.errors import SourceNotFound
from kitchenvision.frames.listing import find_videos
from kitchenvision.frames.open import open_source
from kitchenvision.frames.source import SourceOptions


def request(*sources: object, camera_id: str | None = None, one_camera: bool = False) -> Request:
    return Request([str(source) for source in sources], Path("out"), SourceOptions(), camera_id, one_camera)


def ids(*sources: object, camera_id: str | None = None, one_camera: bool = False) -> list[str]:
    return [name for name, _ in opened_sources(request(*sources, camera_id=camera_id, one_camera=one_camera))]


def made(folder: Path, *names: str | bytes) -> Path:
    """Files of one byte, also under names that are no UTF-8."""
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(b"x")
    return folder


def test_two_names_that_look_the_same_in_print_are_two_cameras(tmp_path: Path) -> None:
    """A recorder writes GBK, the disk shows marks: both must be read, and each keeps its own evidence."""
    made(tmp_path, "早上.mp4".encode("gbk"), "晚上.mp4".encode("gbk"), "????.mp4")
    found = ids(tmp_path)
    assert len(found) == len(set(found)) == 3
    assert all(name.encode() for name in found)


def test_two_folders_of_one_name_are_two_cameras_and_one_folder_twice_is_one(tmp_path: Path) -> None:
    made(tmp_path, "x/ch01/a.mp4", "y/ch01/a.mp4")
    places = (tmp_path / "x" / "ch01", tmp_path / "y" / "ch01", tmp_path / "x" / "ch01")
    assert ids(*places, one_camera=True) == ["ch01", "ch01-2"]


def test_one_name_for_many_sources_is_counted_up(tmp_path: Path) -> None:
    made(tmp_path, "a.mp4", "b.mp4", "cam-2.mp4")
    assert ids(tmp_path, camera_id="cam") == ["cam", "cam-2", "cam-3"]
    assert ids(tmp_path / "a.mp4", tmp_path / "cam-2.mp4", camera_id="cam-2") == ["cam-2", "cam-2-2"]


@pytest.mark.parametrize("letter", ["x", "厨"])
def test_the_longest_names_that_a_disk_takes_leave_room_for_the_evidence(tmp_path: Path, letter: str) -> None:
    stem = letter * (250 // len(letter.encode()))
    made(tmp_path, f"a/{stem}.mp4", f"b/{stem}.mp4")
    found = ids(tmp_path)
    assert len(set(found)) == 2
    for name in found:
        assert name.startswith(letter * 50)
        assert len(name.encode()) <= LONGEST_ID_BYTES + 2
        (tmp_path / f"{name}-no_hat-0123456789").mkdir()


@given(st.lists(st.binary(min_size=1, max_size=6).map(lambda b: b.replace(b"/", b"-").replace(b"\0", b"-"))))
def test_whatever_files_are_called_each_is_a_camera_of_its_own(names: list[bytes]) -> None:
    sources = [os.fsdecode(name) for name in names]
    found = ids(*sources, one_camera=True)
    assert len(found) == len(set(found)) == len(set(sources))
    assert [name for name in found if name.encode("utf-8", "replace") != name.encode()] == []


def test_a_source_is_opened_only_when_its_turn_comes_and_as_itself(tmp_path: Path) -> None:
    made(tmp_path, "a.mp4", "b.mp4")
    for name, opened in opened_sources(request(tmp_path)):
        with pytest.raises(Exception, match=rf"{name}\.mp4"):
            opened()


@pytest.mark.parametrize("place", ["x" * 300, "x" * 300 + ".mp4", "a/" * 3000, "no/such/place.mp4"])
def test_a_place_that_no_disk_can_have_is_not_found_in_words(place: str) -> None:
    with pytest.raises(SourceNotFound, match=r"(cannot be looked at|no such file)"):
        find_videos([place])
    with pytest.raises(SourceNotFound, match=r"(cannot be looked at|no such file|no pictures)"):
        open_source(place)


@pytest.mark.parametrize("pattern", ["*.mp4", "**/*.mp4", "[ab].mp4", "nothing*"])
def test_a_pattern_that_meets_nothing_says_what_it_met(tmp_path: Path, pattern: str) -> None:
    made(tmp_path, "notes.txt", "nothing.txt")
    with pytest.raises(SourceNotFound, match=r"no video matches \([01] other matches\)"):
        find_videos([f"{tmp_path}/{pattern}"])


def test_a_recording_whose_header_names_no_possible_year_takes_its_own_time(tmp_path: Path) -> None:
    for text in ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+14:00"):
        path = tmp_path / "a.mkv"
        with av.open(str(path), "w") as container:
            container.metadata["creation_time"] = text
            stream = container.add_stream("libx264", rate=5)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for _ in range(5):
                container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
            container.mux(stream.encode(None))
        os.utime(path, (1_700_000_000, 1_700_000_000))
        with open_source(path) as source:
            assert source.info.started_at_source == "file time"
            assert len(list(source.frames())) == 5
