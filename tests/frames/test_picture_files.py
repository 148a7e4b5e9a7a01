"""Single pictures, and folders of them."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_media import number_of, numbered

from kitchenvision.errors import SourceNotFound, SourceUnreadable
from kitchenvision.frames.open import open_source
from kitchenvision.frames.pictures import PicturesSource, list_pictures, read_picture
from kitchenvision.frames.source import SourceOptions


def save(path: Path, number: int = 0) -> Path:
    """Writes `numbered(number)`, whatever script the name is in."""
    ok, data = cv2.imencode(path.suffix, cv2.cvtColor(numbered(number), cv2.COLOR_RGB2BGR))
    assert ok
    path.write_bytes(data.tobytes())
    return path


def with_orientation(jpeg: Path, orientation: int) -> Path:
    """Puts an EXIF orientation into a JPEG."""
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    data = jpeg.read_bytes()
    jpeg.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    return jpeg


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".JPG"])
def test_a_picture_is_read_as_rgb(tmp_path: Path, suffix: str) -> None:
    """Every format that `detect` promises; red is in channel 0."""
    path = save(tmp_path / f"一{suffix.lower()}", 9).rename(tmp_path / f"厨师{suffix}")
    picture = read_picture(path)
    assert (picture.width, picture.height) == (64, 48)
    assert number_of(picture.rgb()) == 9
    red, green, _ = picture.rgb()[4, 60]
    assert red > 200 > green


def test_exif_orientation_is_respected(tmp_path: Path) -> None:
    """A telephone held upright: 6 is a quarter to the right, so the top right corner comes to the bottom right."""
    picture = read_picture(with_orientation(save(tmp_path / "a.jpg"), 6))
    assert (picture.width, picture.height) == (48, 64)
    red, green, _ = picture.rgb()[60, 44]
    assert red > 200 > green


def test_what_is_no_picture(tmp_path: Path) -> None:
    """Each says what is wrong."""
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    for name, words in {
        "empty.png": r"empty \(0 bytes\)",
        "text.jpg": "expected a picture, got 10 bytes",
        "folder.png": "this is a folder",
    }.items():
        with pytest.raises(SourceUnreadable, match=words):
            read_picture(tmp_path / name)
    with pytest.raises(SourceNotFound, match="no such file"):
        read_picture(tmp_path / "nothing.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_cut_picture_is_no_picture(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is missing is not silently filled with grey, and no library writes to the terminal."""
    path = save(tmp_path / f"a{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(SourceUnreadable, match="cut off after"):
        read_picture(path)
    assert capfd.readouterr().err == ""


def test_pictures_are_listed_naturally(tmp_path: Path) -> None:
    """2 before 10; other files and hidden ones are skipped."""
    for name in ("p10.png", "p2.png", "p1.jpg", ".p0.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in list_pictures(tmp_path)] == ["p1.jpg", "p2.png", "p10.png"]


def test_listing_says_what_is_not_there(tmp_path: Path) -> None:
    """No folder, or a file instead of one."""
    with pytest.raises(SourceNotFound, match="no such folder"):
        list_pictures(tmp_path / "nothing")
    with pytest.raises(SourceUnreadable, match="cannot be listed"):
        list_pictures(save(tmp_path / "a.png"))


def test_a_corrupt_picture_is_reported_and_skipped(tmp_path: Path) -> None:
    """It keeps its moment, so that the others keep theirs."""
    for i in range(4):
        save(tmp_path / f"{i}.png", i)
    (tmp_path / "1.png").write_text("broken")
    with PicturesSource(tmp_path, SourceOptions(analysis_fps=2)) as source:
        frames = list(source.frames())
        assert [(f.index, f.media_s, number_of(f.image)) for f in frames] == [(0, 0.0, 0), (1, 1.0, 2), (2, 1.5, 3)]
        assert [path.name for path, _ in source.broken] == ["1.png"]
        assert len(source.problems()) == 1
        assert len(list(source.frames())) == 3
        assert len(source.broken) == 1


def test_a_folder_of_broken_pictures_is_refused(tmp_path: Path) -> None:
    """Says how many, and why the first."""
    for i in range(3):
        (tmp_path / f"{i}.png").write_text("broken")
    with pytest.raises(SourceUnreadable, match=r"none of 3 pictures can be read; the first says: 0\.png"):
        open_source(tmp_path)


def test_a_glob_and_a_single_picture(tmp_path: Path) -> None:
    """Both are sources."""
    for i in range(3):
        save(tmp_path / f"a{i}.png", i)
    save(tmp_path / "b.png", 9)
    with open_source(f"{tmp_path}/a*.png") as source:
        assert [number_of(frame.image) for frame in source.frames()] == [0, 1, 2]
    with open_source(tmp_path / "b.png") as source:
        assert [number_of(frame.image) for frame in source.frames()] == [9]


def test_the_hash_covers_every_picture(tmp_path: Path) -> None:
    """One pixel changed is another source."""
    save(tmp_path / "1.png", 1)
    save(tmp_path / "2.png", 2)
    before = open_source(tmp_path).info.content_sha256
    image = numbered(2)
    image[0, 0] = 1
    cv2.imwrite(str(tmp_path / "2.png"), image)
    assert open_source(tmp_path).info.content_sha256 != before


def test_sizes_may_differ(tmp_path: Path) -> None:
    """Each frame has its own; info has the first's."""
    save(tmp_path / "1.png")
    cv2.imwrite(str(tmp_path / "2.png"), np.zeros((1, 1, 3), np.uint8))
    with open_source(tmp_path) as source:
        assert [frame.image.shape for frame in source.frames()] == [(48, 64, 3), (1, 1, 3)]
        assert (source.info.width, source.info.height) == (64, 48)
