"""Where a part of one picture lies on another, which of two looks shows more, what is left of what was found."""

import numpy as np
import pytest
from builders import detections, observation
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.geometry import Placement, as_xyxy, clipped, in_polygon, nms
from kitchenvision.snapshot import to_millisecond, to_tenths
from kitchenvision.types import CIGARETTE, HEAD, PERSON, MainUse, Xyxy

NUMBERS = st.floats(-4000, 4000)
BOXES = st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
PLACEMENTS = st.builds(Placement, scale_x=st.floats(0.1, 10), scale_y=st.floats(0.1, 10), left=NUMBERS, top=NUMBERS)
CORNERS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=8).map(tuple)
Polygon = tuple[tuple[float, float], ...]


@given(PLACEMENTS, BOXES)
def test_there_and_back_is_the_same_place(placement: Placement, box: Xyxy) -> None:
    assert placement.back(placement.there(box)) == pytest.approx(box, abs=1e-6)
    assert placement.there(placement.back(box)) == pytest.approx(box, abs=1e-6)


@given(PLACEMENTS, BOXES)
def test_a_box_is_scaled_by_its_own_axis_only(placement: Placement, box: Xyxy) -> None:
    there = placement.there(box)
    assert there[2] - there[0] == pytest.approx((box[2] - box[0]) * placement.scale_x, abs=1e-6)
    assert there[3] - there[1] == pytest.approx((box[3] - box[1]) * placement.scale_y, abs=1e-6)


def test_the_place_of_a_picture_in_itself_moves_nothing() -> None:
    assert Placement(1.0, 1.0).there((1, 2, 3, 4)) == (1, 2, 3, 4)
    assert Placement(2.0, 3.0, 10.0, 20.0).there((1, 1, 2, 2)) == (12, 23, 14, 26)


@given(CORNERS, st.floats(0, 1), st.floats(0, 1))
def test_a_point_is_in_a_polygon_or_in_its_mirror_image_at_the_mirrored_place(
    polygon: Polygon, x: float, y: float
) -> None:
    turned = tuple((corner_y, corner_x) for corner_x, corner_y in polygon)
    doubled = tuple((2 * corner_x, 2 * corner_y) for corner_x, corner_y in polygon)
    assert in_polygon((2 * x, 2 * y), doubled) == in_polygon((x, y), polygon)
    if all(abs(x - cx) > 1e-6 and abs(y - cy) > 1e-6 for cx, cy in polygon):
        on_edge = any(
            abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) < 1e-9
            for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1], strict=True)
        )
        assert on_edge or in_polygon((y, x), turned) == in_polygon((x, y), polygon)


@given(CORNERS)
def test_who_stands_outside_the_picture_is_in_no_zone(polygon: Polygon) -> None:
    for point in ((-0.1, 0.5), (1.1, 0.5), (0.5, -0.1), (0.5, 1.1)):
        assert not in_polygon(point, polygon)


@given(st.lists(st.tuples(BOXES, st.floats(0, 1)), max_size=12), st.floats(0, 1))
def test_suppressing_again_what_was_kept_drops_nothing_more(
    found: list[tuple[Xyxy, float]], threshold: float
) -> None:
    boxes = np.asarray([box for box, _ in found], np.float32).reshape(-1, 4)
    scores = np.asarray([score for _, score in found], np.float32)
    kept = nms(boxes, scores, threshold)
    assert len(set(kept.tolist())) == len(kept)
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    again = nms(boxes[kept], scores[kept], threshold)
    assert again.tolist() == list(range(len(kept)))


def test_a_row_of_a_network_becomes_plain_numbers() -> None:
    box = as_xyxy(np.asarray([1.5, 2.0, 3.0, 4.25], np.float32))
    assert box == (1.5, 2.0, 3.0, 4.25)
    assert {type(value) for value in box} == {float}


@given(BOXES, st.floats(0.1, 4000), st.floats(0.1, 4000))
def test_what_is_written_of_a_box_is_a_tenth_of_a_pixel_near_and_stays_in_the_picture(
    box: Xyxy, width: float, height: float
) -> None:
    told = to_tenths(box)
    assert told == pytest.approx(box, abs=0.0501)
    assert to_tenths(told) == told
    assert clipped(clipped(box, width, height), width, height) == clipped(box, width, height)


@given(st.floats(0, 1e7))
def test_what_is_written_of_a_time_is_a_millisecond_near_and_written_again_the_same(seconds: float) -> None:
    assert to_millisecond(seconds) == pytest.approx(seconds, abs=0.000501)
    assert to_millisecond(to_millisecond(seconds)) == to_millisecond(seconds)
    assert type(to_millisecond(np.float64(seconds))) is float  # type: ignore[arg-type]


def look(main: MainUse, quality: float) -> tuple[int, float]:
    """The worth of such a look."""
    seen = observation(1.0, quality=quality)
    object.__setattr__(seen, "main", main)
    return seen.worth


@pytest.mark.parametrize("other", [use for use in MainUse if use is not MainUse.USED])
def test_the_main_stream_s_picture_shows_more_than_any_other(other: MainUse) -> None:
    assert look(MainUse.USED, 0.01) > look(other, 0.99)
    assert look(other, 0.2) < look(other, 0.3)


@pytest.mark.parametrize("other", [use for use in MainUse if use not in (MainUse.USED, MainUse.NOT_ASKED)])
def test_a_look_that_was_asked_for_shows_more_than_one_before_anything_was_asked(other: MainUse) -> None:
    assert look(other, 0.01) > look(MainUse.NOT_ASKED, 0.99)


def test_what_was_found_is_taken_apart_by_class_and_each_keeps_its_own_box() -> None:
    all_found = detections([(0, 0, 9, 9)], [(1, 1, 5, 5), (2, 2, 6, 6)], [(3, 3, 4, 4)])
    assert [len(all_found.of(one)) for one in (PERSON, HEAD, CIGARETTE)] == [1, 2, 1]
    assert all_found.of(HEAD).xyxy[:, 0].tolist() == [1, 2]
    assert len(all_found.of(HEAD, 0.91)) == 0
    assert len(all_found[np.asarray([3, 0])]) == 2
    assert all_found[np.asarray([3, 0])].class_id.tolist() == [CIGARETTE, PERSON]
