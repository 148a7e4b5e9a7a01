"""Pictures are as a player shows them: turned, stretched, and converted only as far as somebody needs them."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_media import Recipe, make_video

from kitchenvision.frames.open import open_source
from kitchenvision.frames.picture import ArrayPicture, oriented
from kitchenvision.types import Picture


def first_picture(path: Path) -> Picture:
    with open_source(path) as source:
        return next(iter(source.frames())).picture


def red_corner(image: np.ndarray) -> tuple[str, str]:
    """Where the red corner is."""
    height, width = image.shape[:2]
    rows, columns = np.nonzero(image[:, :, 0].astype(int) - image[:, :, 1] > 120)
    return ("top" if rows.mean() < height / 2 else "bottom", "left" if columns.mean() < width / 2 else "right")


@pytest.mark.parametrize(
    ("rotation", "size", "corner"),
    [
        (0, (64, 48), ("top", "right")),
        (90, (48, 64), ("top", "left")),
        (180, (64, 48), ("bottom", "left")),
        (270, (48, 64), ("bottom", "right")),
    ],
)
def test_a_rotation_flag_turns_the_picture(
    tmp_path: Path, rotation: int, size: tuple[int, int], corner: tuple[str, str]
) -> None:
    """Degrees are counterclockwise, as FFmpeg has them; the red corner was top right."""
    picture = first_picture(make_video(tmp_path / "turned.mp4", Recipe(seconds=0.2, rotation=rotation)))
    assert (picture.width, picture.height) == size
    assert picture.rgb().shape == (size[1], size[0], 3)
    assert red_corner(picture.rgb()) == corner
    assert red_corner(picture.scaled(size[0] // 2, size[1] // 2)) == corner


def test_samples_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    """An anamorphic recorder's picture is as wide as it is shown."""
    recipe = Recipe(seconds=0.2, sample_aspect=Fraction(4, 3))
    with open_source(make_video(tmp_path / "wide.mkv", recipe)) as source:
        picture = next(iter(source.frames())).picture
        assert (source.info.width, source.info.height) == (85, 48)
    assert picture.rgb().shape == (48, 85, 3)


def test_scaling_does_not_force_the_full_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector's small picture costs no large one."""
    picture = first_picture(make_video(tmp_path / "a.mp4", Recipe(seconds=0.2)))
    monkeypatch.setattr(type(picture), "rgb", lambda self: pytest.fail("converted in full"))
    assert picture.scaled(32, 24).shape == (24, 32, 3)


def test_the_full_conversion_happens_once(tmp_path: Path) -> None:
    """The same array is given again."""
    picture = first_picture(make_video(tmp_path / "a.mp4", Recipe(seconds=0.2)))
    assert picture.rgb() is picture.rgb()


def test_colours_are_rgb_and_white_is_white(tmp_path: Path) -> None:
    """Both ranges (H.264's 16-235 and MJPEG's 0-255) come out as 0-255; red is in channel 0."""
    for name, recipe in {
        "a.mp4": Recipe(seconds=0.2),
        "a.avi": Recipe(seconds=0.2, codec="mjpeg", pix_fmt="yuvj420p"),
    }.items():
        picture = first_picture(make_video(tmp_path / name, recipe))
        for image in (picture.rgb(), picture.scaled(32, 24), picture.scaled(31, 23)):
            height, width = image.shape[:2]
            assert image[height // 2, width // 16].min() > 245, name
            red = image[height // 12, width * 15 // 16]
            assert red[0] > 190, name
            assert red[1:].max() < 70, name


def test_shrinking_averages(tmp_path: Path) -> None:
    """Fine noise becomes grey, and does not alias."""
    recipe = Recipe(seconds=0.2, width=320, height=240, noise=True)
    picture = first_picture(make_video(tmp_path / "noise.mp4", recipe))
    assert picture.scaled(20, 15).astype(float).std() < picture.rgb().astype(float).std() / 3


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (63, 47)])
def test_odd_and_tiny_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    """1x1 pixels and odd sizes are read, and scaled up and down."""
    recipe = Recipe(seconds=0.4, codec="png", pix_fmt="rgb24", width=size[0], height=size[1], fps=5)
    picture = first_picture(make_video(tmp_path / "odd.mov", recipe))
    assert (picture.width, picture.height) == size
    assert picture.rgb().shape == (size[1], size[0], 3)
    assert picture.scaled(64, 36).shape == (36, 64, 3)
    assert picture.scaled(1, 1).shape == (1, 1, 3)


def test_8k_is_read(tmp_path: Path) -> None:
    """One frame of 7680x4320."""
    recipe = Recipe(seconds=0.2, fps=5, codec="mjpeg", pix_fmt="yuvj420p", width=7680, height=4320)
    picture = first_picture(make_video(tmp_path / "8k.avi", recipe))
    assert (picture.width, picture.height) == (7680, 4320)
    assert picture.scaled(640, 360).shape == (360, 640, 3)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True), (True, True)])
def test_turning_gives_contiguous_pixels(transpose: bool, flips: tuple[bool, bool]) -> None:
    """What comes out can go into OpenCV and ONNX Runtime as it is."""
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    turned = oriented(pixels, (transpose, *flips))
    assert turned.flags.c_contiguous
    assert turned.shape == ((3, 2, 3) if transpose else (2, 3, 3))
    assert sorted(turned.ravel().tolist()) == sorted(pixels.ravel().tolist())


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_an_array_of_another_shape_is_refused(wrong: np.ndarray) -> None:
    """Checked once, at the door, saying what was expected and what came."""
    with pytest.raises(ValueError, match=r"expected \(height, width, 3\) uint8, got"):
        ArrayPicture(wrong)


def test_an_array_picture_scales_both_ways() -> None:
    """Smaller averages, larger interpolates."""
    picture = ArrayPicture(np.full((30, 40, 3), 77, np.uint8))
    assert (picture.width, picture.height) == (40, 30)
    assert picture.scaled(4, 3).shape == (3, 4, 3)
    assert int(picture.scaled(80, 60).max()) == 77
