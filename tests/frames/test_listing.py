"""What a user typed becomes a list of sources, or a clear word."""

from pathlib import Path

import pytest

from kitchenvision.errors import SourceNotFound
from kitchenvision.frames.listing import find_videos


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Videos, other files, folders."""
    for name in ("cam2.mp4", "cam10.mkv", "cam1.MP4", "notes.txt", ".hidden.mp4", "day/a.ts", "day/deep/b.dav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def names(paths: list[Path], folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in paths]


def test_a_folder_gives_its_videos_and_those_below_in_natural_order(folder: Path) -> None:
    """Other files are skipped; 2 comes before 10."""
    assert names(find_videos([str(folder)]), folder) == [
        "cam1.MP4",
        "cam2.mp4",
        "cam10.mkv",
        "day/a.ts",
        "day/deep/b.dav",
    ]


def test_a_glob_gives_what_matches(folder: Path) -> None:
    """Only videos among the matches."""
    assert names(find_videos([f"{folder}/*"]), folder)[:2] == ["cam1.MP4", "cam2.mp4"]
    assert names(find_videos([f"{folder}/**/*.dav"]), folder) == ["day/deep/b.dav"]


def test_a_file_is_taken_whatever_its_suffix(folder: Path) -> None:
    """Who names a file means it; whether it is a video shows when it is opened."""
    assert names(find_videos([str(folder / "notes.txt")]), folder) == ["notes.txt"]


def test_none_twice(folder: Path) -> None:
    """A file and its folder give the file once, where it came first."""
    found = names(find_videos([str(folder / "cam10.mkv"), str(folder)]), folder)
    assert found[0] == "cam10.mkv"
    assert len(found) == len(set(found)) == 5


def test_a_folder_of_pictures_is_a_source_itself(tmp_path: Path) -> None:
    """A sequence of pictures is one camera."""
    (tmp_path / "1.jpg").write_bytes(b"x")
    assert find_videos([str(tmp_path)]) == [tmp_path]


def test_brackets_in_a_name_are_no_pattern(tmp_path: Path) -> None:
    """Dahua writes 08.30.00-08.30.59[M][0@0][0].dav."""
    path = tmp_path / "08.30.00-08.30.59[M][0@0][0].dav"
    path.write_bytes(b"x")
    assert find_videos([str(path)]) == [path]


@pytest.mark.parametrize(
    ("place", "words"),
    [("nothing.mp4", "no such file or folder"), ("*.mp4", "no video matches"), ("day", "no video in this folder")],
)
def test_what_leads_to_nothing_is_said(tmp_path: Path, place: str, words: str) -> None:
    """With the place that was typed."""
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "readme.txt").write_text("x")
    with pytest.raises(SourceNotFound, match=words):
        find_videos([str(tmp_path / place)])
