"""A head is found again on another picture of the same scene, and nothing else is taken for it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from two_streams import encoded, pixels_of

from kitchenvision.frames.alignment import found_again
from kitchenvision.geometry import Placement, iou
from kitchenvision.types import Pixels, Xyxy

TESTS = Path(__file__).resolve().parents[1]
HEAD: Xyxy = (150.0, 60.0, 180.0, 96.0)


def scene(seed: int = 3) -> Pixels:
    """(180, 320, 3): soft shapes, as kitchens have, nowhere the same."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (18, 32, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (320, 180), interpolation=cv2.INTER_CUBIC), np.uint8)


def enlarged(picture: Pixels, width: int, height: int) -> Pixels:
    """As a main stream would show it."""
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def moved(picture: Pixels, by: tuple[int, int]) -> Pixels:
    """Everything (x, y) further; what comes in at the edge is the edge."""
    return np.asarray(
        cv2.warpAffine(
            picture, np.float32([[1, 0, by[0]], [0, 1, by[1]]]), (320, 180), borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


@given(
    x=st.integers(-20, 20),
    y=st.integers(-20, 20),
    width=st.integers(400, 1920),
    height=st.integers(300, 1080),
)
def test_a_head_is_found_where_it_went(x: int, y: int, width: int, height: int) -> None:
    """Within three quarters of its size, at any size of the other picture, whatever the two aspects."""
    there = enlarged(moved(scene(), (x, y)), width, height)
    placement = found_again(scene(), there, HEAD)
    assert placement is not None
    true = (HEAD[0] + x, HEAD[1] + y, HEAD[2] + x, HEAD[3] + y)
    assert iou(placement.there(HEAD), Placement(width / 320, height / 180).there(true)) > 0.8
    assert placement.back(placement.there(HEAD)) == pytest.approx(HEAD)


def test_a_head_at_the_edge_of_the_picture_is_found_too() -> None:
    """What is looked for is smaller there."""
    for head in ((0.0, 0.0, 30.0, 36.0), (300.0, 150.0, 320.0, 180.0)):
        placement = found_again(scene(), enlarged(scene(), 960, 540), head)
        assert placement is not None
        assert iou(placement.there(head), Placement(3, 3).there(head)) > 0.8


@pytest.mark.parametrize("x", [40, 70, 120])
def test_who_went_further_is_not_looked_for(x: int) -> None:
    """He may be somebody else by then."""
    assert found_again(scene(), enlarged(moved(scene(), (x, 0)), 960, 540), HEAD) is None


def test_another_scene_is_not_recognised() -> None:
    """As when the two addresses are of two cameras."""
    for seed in range(10, 40):
        assert found_again(scene(), enlarged(scene(seed), 960, 540), HEAD) is None


def test_a_plain_surface_is_like_every_other() -> None:
    """Without anything on it nothing is recognised; nor on a few pixels."""
    flat = np.full((180, 320, 3), 90, np.uint8)
    assert found_again(flat, enlarged(flat, 960, 540), HEAD) is None
    assert found_again(scene(), enlarged(scene(), 960, 540), (100.0, 100.0, 104.0, 104.0)) is None
    assert found_again(scene(), enlarged(flat, 960, 540), HEAD) is None


def test_a_place_that_fits_somebody_else_better_is_nobodys() -> None:
    """Two heads side by side, and the one is found where the other was."""
    there = enlarged(moved(scene(), (20, 0)), 960, 540)
    assert found_again(scene(), there, HEAD) is not None
    beside = (HEAD[0] + 18, HEAD[1], HEAD[2] + 18, HEAD[3])
    assert found_again(scene(), there, HEAD, [beside]) is None
    assert found_again(scene(), there, HEAD, [(10.0, 10.0, 40.0, 46.0)]) is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["G1", "G2", "G3"])
def test_every_head_of_a_kitchen_is_found_in_its_place_and_no_other_is_taken_for_it(
    tmp_path: Path, name: str
) -> None:
    """Compressed as cameras do, heads of 20 to 36 px; the truth says where they are."""
    pictures = pixels_of(TESTS / "golden" / f"{name}.mp4")
    truth = json.loads((TESTS / "golden" / f"{name}.json").read_text("utf-8"))["frames"]
    main = pixels_of(encoded(pictures, tmp_path / "main.mp4", (960, 540), 6))
    sub = pixels_of(encoded(pictures, tmp_path / "sub.mp4", (384, 216), 6, crf="30"))
    looked_for = 0
    for here, there, frame in zip(sub, main, truth, strict=False):
        heads = [tuple(v * 0.4 for v in p["head"]) for p in frame["people"] if p["visible_fraction"] > 0.3]
        for head in heads:
            others = [other for other in heads if other is not head]
            placement = found_again(here, there, head, others)
            assert placement is not None
            assert iou(placement.there(head), Placement(2.5, 2.5).there(head)) > 0.8
            looked_for += 1
            for other in others:  # the very head, put where another's is
                dx, dy = round(other[0] - head[0]), round(other[1] - head[1])
                if max(abs(dx), abs(dy)) < 1.5 * (head[3] - head[1]):
                    continue  # it would be found where it is
                put = np.roll(here, (dy, dx), (0, 1))
                where = (head[0] + dx, head[1] + dy, head[2] + dx, head[3] + dy)
                assert found_again(put, there, where) is None
    assert looked_for > 80
