"""Boxes and polygons: what has to hold for any of them."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from kitchenvision.geometry import (
    areas,
    centre,
    clipped,
    grown,
    in_polygon,
    intersection_matrix,
    iou,
    iou_matrix,
    nms,
)
from kitchenvision.types import Xyxy

SIDE = st.floats(0.5, 2000, width=32)
PLACE = st.floats(-500, 4000, width=32)
SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))


@st.composite
def boxes(draw: st.DrawFn) -> Xyxy:
    x, y = draw(PLACE), draw(PLACE)
    return x, y, x + draw(SIDE), y + draw(SIDE)


def rows(some: list[Xyxy]) -> np.ndarray:
    return np.asarray(some, np.float32).reshape(-1, 4)


@given(boxes(), boxes())
def test_iou_does_not_depend_on_the_order_and_lies_in_0_to_1(a: Xyxy, b: Xyxy) -> None:
    assert iou(a, b) == iou(b, a)
    assert 0 <= iou(a, b) <= 1 + 1e-5


@given(boxes())
def test_a_box_overlaps_itself_wholly(box: Xyxy) -> None:
    assert abs(iou(box, box) - 1) < 1e-4


def test_iou_of_known_boxes() -> None:
    assert abs(iou((0, 0, 10, 10), (5, 0, 15, 10)) - 1 / 3) < 1e-6
    assert iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0, "touching is not overlapping"
    assert iou((0, 0, 10, 10), (5, 5, 5, 5)) == 0, "a box without area overlaps nothing"
    assert iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0


@given(st.lists(boxes(), max_size=5), st.lists(boxes(), max_size=5))
def test_the_matrix_holds_every_pair_also_of_nothing(a: list[Xyxy], b: list[Xyxy]) -> None:
    matrix = iou_matrix(rows(a), rows(b))
    assert matrix.shape == (len(a), len(b))
    assert all(matrix[i, j] == np.float32(iou(a[i], b[j])) for i in range(len(a)) for j in range(len(b)))


@given(boxes(), boxes())
def test_what_two_boxes_share_is_no_larger_than_either(a: Xyxy, b: Xyxy) -> None:
    shared = float(intersection_matrix(rows([a]), rows([b]))[0, 0])
    assert shared <= float(areas(rows([a, b])).min()) * (1 + 1e-4)


def test_a_box_turned_inside_out_has_no_area() -> None:
    assert areas(rows([(10, 10, 0, 0), (10, 0, 0, 10)])).tolist() == [0, 0]


@given(st.lists(st.tuples(boxes(), st.floats(0, 1, width=32)), min_size=1, max_size=12), st.floats(0.1, 0.9))
def test_nms_keeps_the_best_and_no_two_that_overlap_more_than_allowed(
    scored: list[tuple[Xyxy, float]], threshold: float
) -> None:
    some, scores = rows([box for box, _ in scored]), np.asarray([score for _, score in scored], np.float32)
    kept = nms(some, scores, threshold)
    assert scores[kept[0]] == scores.max()
    assert list(scores[kept]) == sorted(scores[kept], reverse=True), "best first"
    among = iou_matrix(some[kept], some[kept]) - np.eye(len(kept), dtype=np.float32)
    assert float(among.max()) <= threshold + 1e-4
    dropped = set(range(len(some))) - set(kept.tolist())
    for lost in dropped:
        better = kept[scores[kept] >= scores[lost]]
        assert float(iou_matrix(some[[lost]], some[better]).max()) > threshold, "dropped without a better one"


def test_nms_of_nothing_is_nothing() -> None:
    assert nms(rows([]), np.zeros(0, np.float32), 0.5).tolist() == []


@given(boxes(), st.floats(0.5, 5))
def test_a_grown_box_keeps_its_middle_and_scales_its_sides(box: Xyxy, factor: float) -> None:
    bigger = grown(box, factor)
    assert np.allclose(centre(bigger), centre(box), atol=1e-3)
    assert abs((bigger[2] - bigger[0]) - factor * (box[2] - box[0])) < 1e-2
    assert abs((bigger[3] - bigger[1]) - factor * (box[3] - box[1])) < 1e-2


@given(boxes())
def test_a_clipped_box_lies_in_the_picture_and_clipping_again_changes_nothing(box: Xyxy) -> None:
    inside = clipped(box, 640, 480)
    assert 0 <= inside[0] <= inside[2] <= 640
    assert 0 <= inside[1] <= inside[3] <= 480
    assert clipped(inside, 640, 480) == inside


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_point_is_in_a_square_when_it_lies_between_its_sides(x: float, y: float) -> None:
    assume(min(abs(x - 0.2), abs(x - 0.8), abs(y - 0.2), abs(y - 0.8)) > 1e-9)
    assert in_polygon((x, y), SQUARE) == (0.2 < x < 0.8 and 0.2 < y < 0.8)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3))
def test_it_does_not_matter_where_a_polygon_starts_nor_which_way_it_turns(x: float, y: float, start: int) -> None:
    assume(min(abs(x - 0.2), abs(x - 0.8), abs(y - 0.2), abs(y - 0.8)) > 1e-9)
    turned = SQUARE[start:] + SQUARE[:start]
    assert in_polygon((x, y), turned) == in_polygon((x, y), SQUARE) == in_polygon((x, y), turned[::-1])


def test_a_polygon_may_have_a_bay() -> None:
    bay = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.2), (0.0, 1.0))
    assert in_polygon((0.1, 0.5), bay)
    assert in_polygon((0.9, 0.5), bay)
    assert not in_polygon((0.5, 0.5), bay)
