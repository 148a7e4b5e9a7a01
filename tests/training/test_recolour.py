"""Hats and hair in another colour."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training is not installed: training/setup PIP")

from training.recolour import dyed

BOX = np.array([60.0, 50.0, 120.0, 130.0])


def person(cap: tuple[int, int, int], wall: tuple[int, int, int] = (150, 150, 150)) -> Any:
    """A head of 60 x 80 px with skin below and a cap of a colour (BGR) above, before a wall."""
    picture = np.full((180, 180, 3), wall, np.uint8)
    rows, columns = np.mgrid[0:180, 0:180]
    head = ((columns - 90) / 30) ** 2 + ((rows - 90) / 40) ** 2 <= 1
    picture[head] = (140, 165, 215)
    picture[head & (rows < 80)] = cap
    return picture


def luma(picture: Any, rows: slice, columns: slice) -> float:
    return float(picture[rows, columns].mean())


TOP, FACE = (slice(56, 70), slice(82, 98)), (slice(96, 120), slice(80, 100))


def test_a_white_cap_gets_another_colour_and_the_face_and_the_wall_stay() -> None:
    picture = person((240, 240, 240), wall=(90, 120, 60))
    darker = 0
    for seed in range(20):
        out = dyed(picture, BOX, np.random.default_rng(seed))
        darker += luma(out, *TOP) < 90
        assert abs(luma(out, *FACE) - luma(picture, *FACE)) < 12
        assert np.array_equal(out[140:], picture[140:])
        assert np.array_equal(out[:, :20], picture[:, :20])
    assert darker >= 10  # most dyes are dark


def test_dark_hair_is_not_bleached() -> None:
    picture = person((35, 35, 40))
    for seed in range(20):
        assert luma(dyed(picture, BOX, np.random.default_rng(seed)), *TOP) < 80


@pytest.mark.parametrize(
    ("cap", "wall", "why"),
    [
        ((140, 165, 215), (60, 60, 60), "a bald head would seem to wear a cap"),
        ((240, 240, 240), (238, 240, 242), "the wall would be dyed too"),
    ],
)
def test_what_cannot_be_told_apart_stays_as_it_is(
    cap: tuple[int, int, int], wall: tuple[int, int, int], why: str
) -> None:
    picture = person(cap, wall)
    assert np.array_equal(dyed(picture, BOX, np.random.default_rng(1)), picture), why


@pytest.mark.parametrize("box", [(60.0, 50.0, 66.0, 58.0), (175.0, 2.0, 179.0, 9.0)])
def test_tiny_heads_stay_as_they_are(box: tuple[float, ...]) -> None:
    picture = person((240, 240, 240))
    assert np.array_equal(dyed(picture, np.array(box), np.random.default_rng(1)), picture)


@pytest.mark.parametrize(
    "box", [(-20.0, -30.0, 60.0, 70.0), (130.0, 120.0, 230.0, 260.0), (0.0, 0.0, 180.0, 180.0)]
)
def test_heads_at_the_rim_are_no_trouble_and_nothing_is_written_into_the_source(box: tuple[float, ...]) -> None:
    picture = person((240, 240, 240))
    before = picture.copy()
    for seed in range(5):
        out = dyed(picture, np.array(box), np.random.default_rng(seed))
        assert out.shape == picture.shape
        assert out.dtype == np.uint8
    assert np.array_equal(picture, before)


def test_the_same_seed_gives_the_same_colour() -> None:
    picture = person((240, 240, 240), wall=(90, 120, 60))
    one, other = (dyed(picture, BOX, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, other)
