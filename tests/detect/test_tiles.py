"""Tiles cover the people of a picture of small heads, and what one finds comes back in the picture's own pixels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from builders import PixelPicture
from hypothesis import assume, given
from hypothesis import strategies as st
from networks import FakeSession, card

from kitchenvision.build import open_eyes
from kitchenvision.detect.model_card import CigaretteTiles
from kitchenvision.detect.onnx import OnnxDetector, open_session
from kitchenvision.detect.preprocess import Placed
from kitchenvision.detect.tiles import cigarettes_on_tiles, tiling
from kitchenvision.evidence import decode_jpeg
from kitchenvision.single_pictures import row_of
from kitchenvision.types import HEAD, PERSON, Detections

SETTINGS = CigaretteTiles()
HEAD_BOX, PERSON_BOX = (600.0, 200.0, 632.0, 240.0), (560.0, 200.0, 680.0, 460.0)


def heads(*boxes: tuple[float, ...]) -> np.ndarray:
    return np.asarray(boxes, np.float32).reshape(-1, 4)


def seen(*things: tuple[int, tuple[float, ...]], confidence: float = 0.8) -> Detections:
    """Detections of (class, box)."""
    return Detections(
        heads(*(box for _, box in things)),
        np.full(len(things), confidence, np.float32),
        np.asarray([kind for kind, _ in things], np.int64),
    )


SOMEBODY = seen((HEAD, HEAD_BOX), (PERSON, PERSON_BOX))


def white_spot(pixels: np.ndarray) -> list[np.ndarray]:
    """A cigarette network that finds what is white: (N, H, W, 3) uint8 -> [(N, 7, 1)]."""
    out = np.zeros((len(pixels), 7, 1), np.float32)
    for i, image in enumerate(pixels):
        rows, columns = np.nonzero(image.min(axis=2) > 200)
        if len(rows):
            x0, x1, y0, y1 = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
            out[i, :, 0] = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, 0, 0, 0.8
    return [out]


def looked_at(spot: tuple[int, int, int, int], people: Detections = SOMEBODY) -> tuple[FakeSession, np.ndarray]:
    """The boxes found for one white spot on a dark 1280x720 picture with these people."""
    pixels = np.full((720, 1280, 3), 30, np.uint8)
    x0, y0, x1, y1 = spot
    pixels[y0:y1, x0:x1] = 255
    session = FakeSession(white_spot)
    detector = OnnxDetector(card((640,), classes=("ignore", "ignore", "cigarette")), session)
    return session, cigarettes_on_tiles(detector, PixelPicture(pixels), people, SETTINGS).xyxy


@given(
    width=st.integers(540, 4000),
    height=st.integers(540, 3000),
    head=st.floats(8, 45),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_every_point_lies_inside_a_tile_and_no_tile_leaves_the_picture(
    width: int, height: int, head: float, x: float, y: float
) -> None:
    it = tiling(width, height, heads((0, 0, head, head)), SETTINGS)
    assume(it is not None)
    assert it is not None
    half = it.side / 2 + 1e-6
    assert any(abs(x * width - a) <= half and abs(y * height - b) <= half for a, b in it.middles)
    for a, b in it.middles:
        assert half - 1e-5 <= a <= width - half + 1e-5
        assert half - 1e-5 <= b <= height - half + 1e-5


@given(head=st.floats(1, 40), longer=st.integers(1000, 8000))
def test_the_number_of_tiles_is_bounded_whatever_the_picture(head: float, longer: int) -> None:
    it = tiling(longer, longer, heads((0, 0, head, head)), SETTINGS)
    assert it is not None
    assert len(it.middles) <= (SETTINGS.most_across / (1 - SETTINGS.overlap) + 1) ** 2


def test_a_tile_is_measured_by_the_heads_and_one_poster_does_not_decide() -> None:
    it = tiling(1920, 1080, heads(*[(0, 0, 60, 90)] * 9, (0, 0, 800, 800)), SETTINGS)
    assert it is not None
    assert it.side == pytest.approx(SETTINGS.heads * 90)


@pytest.mark.parametrize(
    ("size", "boxes"),
    [
        pytest.param((1280, 720), heads(), id="nobody"),
        pytest.param((640, 640), heads((0, 0, 300, 300)), id="a portrait"),
        pytest.param((300, 200), heads((0, 0, 20, 20)), id="a small picture"),
    ],
)
def test_no_tiles_where_they_show_nothing_more(size: tuple[int, int], boxes: np.ndarray) -> None:
    assert tiling(*size, boxes, SETTINGS) is None


@pytest.mark.parametrize("spot", [(620, 230, 632, 234), (665, 400, 671, 403), (551, 300, 557, 303)])
def test_a_spot_at_a_person_is_found_where_it_is(spot: tuple[int, int, int, int]) -> None:
    session, boxes = looked_at(spot)
    assert len(boxes) >= 1
    assert np.abs(boxes - np.asarray(spot)).max() <= 1.0
    assert all(fed.shape[1:] == (320, 320, 3) for fed in session.fed)


@pytest.mark.parametrize("corner", [(0, 0, 6, 3), (1270, 716, 1280, 720)])
def test_at_the_picture_s_own_border_nothing_is_cut_off(corner: tuple[int, int, int, int]) -> None:
    x = min(1248.0, float(corner[0]))
    people = seen((HEAD, (x, 0.0, x + 32, 40.0)), (PERSON, (x, 0.0, x + 60, 720.0)))
    _, boxes = looked_at(corner, people)
    assert np.abs(boxes - np.asarray(corner)).max(axis=1).min() <= 1.0


def test_what_lies_at_nobody_is_left_out_and_tiles_without_people_are_not_looked_at() -> None:
    session, boxes = looked_at((1100, 600, 1112, 604))
    assert len(boxes) == 0
    everywhere = tiling(1280, 720, heads(HEAD_BOX), SETTINGS)
    assert everywhere is not None
    assert 0 < sum(len(fed) for fed in session.fed) < len(everywhere.middles) / 2


def test_a_head_alone_is_somebody() -> None:
    _, boxes = looked_at((560, 300, 570, 304), seen((HEAD, HEAD_BOX)))
    assert len(boxes) >= 1


def test_who_is_hardly_there_is_nobody() -> None:
    session, boxes = looked_at((620, 230, 632, 234), seen((HEAD, HEAD_BOX), (PERSON, PERSON_BOX), confidence=0.15))
    assert len(boxes) == 0
    assert not session.fed


def test_what_a_tile_cuts_off_is_left_to_its_neighbour() -> None:
    it = tiling(1280, 720, heads(HEAD_BOX), SETTINGS)
    assert it is not None
    borders = sorted({round(x + it.side / 2) for x, _ in it.middles})
    border = next(x for x in borders if 590 < x < 660)
    spot = (border - 10, 300, border + 10, 304)
    _, boxes = looked_at(spot)
    assert len(boxes) >= 1
    assert np.abs(boxes - np.asarray(spot)).max() <= 1.0


def test_single_pictures_are_looked_at_in_tiles_where_the_card_says_so() -> None:
    models = Path(__file__).resolve().parents[2] / "models"
    eyes = open_eyes(models, None, "fast", "cpu", 1)
    assert eyes.card.self_test is not None
    pixels = decode_jpeg(eyes.card.path(eyes.card.self_test.picture).read_bytes())
    small = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    wide = np.full((720, 1280, 3), 90, np.uint8)
    wide[: small.shape[0], : small.shape[1]] = small
    fed: list[int] = []

    class Counting(OnnxDetector):
        def cigarettes_near(self, placed: Sequence[Placed]) -> list[Detections]:
            fed.append(len(placed))
            return super().cigarettes_near(placed)

    assert eyes.card.cigarette is not None
    session = open_session(str(eyes.card.path(eyes.card.cigarette.file)), "cpu", 1)
    for_cigarettes = eyes.card.for_cigarettes()
    assert for_cigarettes is not None
    counted = replace(eyes, cigarettes=Counting(for_cigarettes, session, "fast"))
    row_of("wide.webp", PixelPicture(wide), counted)
    assert sum(fed) > 0
    fed.clear()
    without = counted.card.model_copy(update={"cigarette_tiles": None})
    row_of("wide.webp", PixelPicture(wide), replace(counted, card=without))
    assert not fed
