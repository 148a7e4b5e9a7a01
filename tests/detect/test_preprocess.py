"""Every pixel of the source can be found in the network's input, and the way back leads to it."""

import numpy as np
import pytest
from builders import GreyPicture, PixelPicture
from hypothesis import example, given
from hypothesis import strategies as st

from kitchenvision.detect.preprocess import (
    MOST_ENLARGED,
    PAD_GREY,
    STRIDE,
    Placed,
    letterbox,
    sharpness,
    square_crop,
)

SIDES = st.integers(1, 4000)
RAMP = np.stack(np.meshgrid(np.arange(200), np.arange(120)), axis=2)
IMAGE = np.concatenate([RAMP, np.zeros((120, 200, 1))], axis=2).astype(np.uint8)  # red is x, green is y


@given(SIDES, SIDES, st.sampled_from([320, 384, 640, 1280]))
def test_a_letterbox_fits_the_stride_and_is_no_larger_than_asked(width: int, height: int, longer_px: int) -> None:
    if max(width, height) > 60 * min(width, height):
        width = height
    placed = letterbox(GreyPicture(50, width, height), longer_px)
    rows, columns, channels = placed.pixels.shape
    assert rows % STRIDE == columns % STRIDE == 0
    assert channels == 3
    assert max(rows, columns) <= longer_px + STRIDE - 1
    assert max(placed.scale_x, placed.scale_y) <= MOST_ENLARGED + 1


@given(st.integers(20, 3000), st.integers(20, 3000), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_box_goes_into_the_letterbox_and_back_to_where_it_was(width: int, height: int, part: list[float]) -> None:
    placed = letterbox(GreyPicture(50, width, height), 640)
    box = np.asarray([part], np.float32) * np.asarray([width, height, width, height], np.float32)
    there = box * np.asarray([placed.scale_x, placed.scale_y] * 2, np.float32)
    assert np.allclose(placed.back(there), box, atol=0.01)


def test_the_picture_lies_at_the_upper_left_and_the_rest_is_grey() -> None:
    placed = letterbox(GreyPicture(200, 600, 330), 300)
    assert placed.pixels.shape == (192, 320, 3)
    assert (placed.pixels[:165, :300] == 200).all()
    assert (placed.pixels[165:] == PAD_GREY).all()
    assert (placed.pixels[:, 300:] == PAD_GREY).all()


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (1, 5000), (5000, 1), (3, 7), (1000, 7), (641, 479), (7680, 4320)]
)
def test_tiny_thin_and_odd_pictures_have_a_letterbox(width: int, height: int) -> None:
    placed = letterbox(GreyPicture(9, width, height), 640)
    assert min(placed.pixels.shape[:2]) >= STRIDE
    assert (placed.pixels[0, 0] == 9).all()
    rows, columns = np.nonzero((placed.pixels == 9).all(axis=2))
    whole = placed.back(np.asarray([[0, 0, columns.max() + 1, rows.max() + 1]], np.float32))
    assert np.allclose(whole, [[0, 0, width, height]], rtol=1e-4), "where the picture lies is where it came from"


@given(st.integers(20, 180), st.integers(20, 100), st.integers(4, 40))
def test_a_crop_shows_the_source_pixels_around_its_middle(x: int, y: int, side: int) -> None:
    placed = square_crop(IMAGE, (x, y), side, 64)
    assert placed.pixels.shape == (64, 64, 3)
    red, green, _ = placed.pixels[32, 32].astype(int)
    assert abs(red - x) <= 1 + side / 16
    assert abs(green - y) <= 1 + side / 16


@given(st.floats(-50, 250), st.floats(-50, 170), st.floats(0, 300), st.sampled_from([32, 64, 112]))
def test_a_crop_at_any_place_of_any_size_has_the_asked_size_and_knows_its_place(
    x: float, y: float, side: float, size: int
) -> None:
    placed = square_crop(IMAGE, (x, y), side, size)
    assert placed.pixels.shape == (size, size, 3)
    back = placed.back(np.asarray([[0, 0, size, size]], np.float32))[0]
    wanted = max(side, 2.0)
    assert np.allclose(back, [x - wanted / 2, y - wanted / 2, x + wanted / 2, y + wanted / 2], atol=1.01)


def test_what_lies_outside_the_picture_repeats_its_border() -> None:
    placed = square_crop(IMAGE, (0, 0), 40, 40)
    assert (placed.pixels[:20, :20] == IMAGE[0, 0]).all()
    assert np.array_equal(placed.pixels[20:, 20:], IMAGE[:20, :20])


def test_a_crop_wholly_outside_is_grey() -> None:
    assert (square_crop(IMAGE, (-500, -500), 20, 32).pixels == PAD_GREY).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_crops_of_tiny_pictures_do_not_fail(size: tuple[int, int]) -> None:
    tiny = np.full((*size, 3), 7, np.uint8)
    assert (square_crop(tiny, (0.5, 0.5), 3, 32).pixels == 7).all()
    assert sharpness(tiny, (0, 0, size[1], size[0])) == 0


def test_a_sharp_edge_is_sharper_than_a_soft_one_and_a_flat_part_has_none() -> None:
    hard = np.zeros((40, 40, 3), np.uint8)
    hard[:, 20:] = 200
    soft = np.clip((np.arange(40) - 10) * 10, 0, 200).astype(np.uint8)[None, :, None].repeat(40, 0).repeat(3, 2)
    box = (0.0, 0.0, 40.0, 40.0)
    assert sharpness(hard, box) > 2 * sharpness(soft, box) > 0
    assert sharpness(hard, (0, 0, 15, 40)) == 0


@given(st.lists(st.floats(-300, 500), min_size=4, max_size=4))
@example([-50.0, -50.0, -10.0, -10.0])
@example([-50.0, 0.0, -10.0, 40.0])
def test_sharpness_is_never_that_of_another_part(corners: list[float]) -> None:
    x0, y0, x1, y1 = corners
    found = sharpness(PixelPicture(NOISE).rgb(), (x0, y0, x1, y1))
    empty = min(x1, 40) - max(x0, 0) < 2 or min(y1, 40) - max(y0, 0) < 2
    assert found == 0 if empty else found >= 0


NOISE = np.random.default_rng(1).integers(0, 255, (40, 40, 3), np.uint8)


def test_back_moves_and_scales() -> None:
    placed = Placed(NOISE, scale_x=2.0, scale_y=4.0, left=10, top=20)
    assert placed.back(np.asarray([[2, 4, 6, 8]], np.float32)).tolist() == [[11, 21, 13, 22]]
