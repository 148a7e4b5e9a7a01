"""From a network's numbers to boxes in the source, one for each thing."""

import numpy as np
import pytest
from builders import SIZE, GreyPicture, detections
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.detect.decode import MOST_PER_CLASS, agreed, decode, joined, suppressed, without_small_heads
from kitchenvision.detect.preprocess import letterbox
from kitchenvision.geometry import iou_matrix
from kitchenvision.types import CIGARETTE, HEAD, PERSON, Detections

ROLES = (PERSON, HEAD, CIGARETTE)
PLACED = letterbox(GreyPicture(0, *SIZE), 320)


def predicted(*boxes: tuple[tuple[float, float, float, float], int, float]) -> np.ndarray:
    """What a network says of boxes of the source: (xyxy, class, score) each."""
    out = np.zeros((7, len(boxes)), np.float32)
    for i, ((x0, y0, x1, y1), class_id, score) in enumerate(boxes):
        out[:4, i] = (x0 + x1) / 4, (y0 + y1) / 4, (x1 - x0) / 2, (y1 - y0) / 2  # the letterbox halves
        out[4 + class_id, i] = score
    return out


BOXES = st.tuples(st.integers(0, 600), st.integers(0, 440), st.integers(1, 40), st.integers(1, 40)).map(
    lambda b: (float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3]))
)


@given(st.lists(st.tuples(BOXES, st.sampled_from(ROLES), st.floats(0.125, 1, width=32)), max_size=8))
def test_known_boxes_come_back_with_their_class_and_score(things: list) -> None:
    found = decode(predicted(*things), PLACED, ROLES, 0.05)
    said = sorted((int(c), *np.round(b, 2).tolist()) for b, c in zip(found.xyxy, found.class_id, strict=True))
    assert said == sorted((c, *b) for b, c, _ in things)
    assert sorted(found.confidence.tolist()) == sorted(s for *_, s in things)


def test_a_score_below_the_least_is_dropped() -> None:
    box = (10.0, 10.0, 50.0, 50.0)
    assert len(decode(predicted((box, HEAD, 0.049)), PLACED, ROLES, 0.05)) == 0
    assert len(decode(predicted((box, HEAD, 0.051)), PLACED, ROLES, 0.05)) == 1


def test_a_class_without_a_role_is_ignored_and_others_are_renamed() -> None:
    box = (10.0, 10.0, 50.0, 50.0)
    found = decode(predicted((box, 0, 0.9), (box, 1, 0.9)), PLACED, (None, PERSON, None), 0.05)
    assert found.class_id.tolist() == [PERSON]


def test_one_place_may_hold_two_classes() -> None:
    both = np.asarray([[20, 20, 20, 20, 0.9, 0.8, 0]], np.float32).T
    assert decode(both, PLACED, ROLES, 0.05).class_id.tolist() == [PERSON, HEAD]


@pytest.mark.parametrize("shape", [(6, 10), (8, 10), (7,), (1, 7, 10), (10, 7)])
def test_a_shape_that_does_not_fit_the_classes_is_refused_saying_expected_and_got(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected predictions \(7, A\), got"):
        decode(np.zeros(shape, np.float32), PLACED, ROLES, 0.05)


def test_of_too_many_candidates_the_best_are_kept() -> None:
    scores = np.linspace(0.1, 0.9, 1000)
    many = predicted(*(((10.0, 10.0, 50.0, 50.0), HEAD, float(s)) for s in scores))
    found = decode(many, PLACED, ROLES, 0.05)
    assert len(found) == MOST_PER_CLASS
    assert found.confidence.min() >= np.sort(scores)[-MOST_PER_CLASS] - 1e-6


@given(st.lists(st.tuples(BOXES, st.sampled_from(ROLES), st.floats(0.125, 1, width=32)), max_size=10))
def test_what_is_left_lies_in_the_picture_and_no_two_of_a_class_are_one_thing(things: list) -> None:
    found = suppressed(decode(predicted(*things), PLACED, ROLES, 0.05), 0.5, 620, 450)
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= [620, 450, 620, 450]).all()
    assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all(), "a box without area is no box"
    for class_id in ROLES:
        boxes = found.of(class_id).xyxy
        assert not len(boxes) or (iou_matrix(boxes, boxes) - np.eye(len(boxes))).max() <= 0.5 + 1e-4


def test_the_surer_of_two_boxes_of_one_thing_stays() -> None:
    found = Detections(
        np.asarray([[0, 0, 100, 100], [2, 2, 102, 102]], np.float32),
        np.asarray([0.6, 0.8], np.float32),
        np.asarray([HEAD, HEAD], np.int64),
    )
    assert suppressed(found, 0.5, 640, 480).confidence.tolist() == [np.float32(0.8)]


def test_a_face_under_a_toque_is_the_same_head_as_the_one_with_the_toque() -> None:
    toque_and_face, face, beside = (
        (100.0, 0.0, 160.0, 140.0),
        (102.0, 80.0, 158.0, 140.0),
        (170.0, 80.0, 220.0, 140.0),
    )
    found = suppressed(detections(heads=[toque_and_face, face, beside]), 0.5, 640, 480)
    assert sorted(tuple(box) for box in found.xyxy.tolist()) == [toque_and_face, beside]


def test_a_small_person_inside_a_large_one_stays() -> None:
    assert len(suppressed(detections([(0, 0, 300, 400), (100, 100, 180, 300)]), 0.5, 640, 480)) == 2


def test_a_head_does_not_suppress_its_person() -> None:
    same = (10.0, 10.0, 50.0, 50.0)
    assert len(suppressed(detections([same], [same]), 0.5, 640, 480)) == 2


def test_nothing_and_several_answers_can_be_joined() -> None:
    assert len(joined([])) == 0
    assert len(joined([Detections.none(), detections([(0, 0, 9, 9)]), detections([(0, 0, 9, 9)])])) == 2
    assert len(suppressed(Detections.none(), 0.5, 640, 480)) == 0


def test_where_two_looks_see_a_cigarette_the_mean_of_their_boxes_is_kept() -> None:
    boxes = np.array([[10, 10, 30, 14], [12, 10, 34, 14], [60, 60, 70, 64]], np.float32)
    found = Detections(boxes, np.array([0.75, 0.25, 0.5], np.float32), np.full(3, CIGARETTE))
    kept = suppressed(found, 0.4, 100, 100, averaged=True)
    np.testing.assert_allclose(kept.xyxy, [[10.5, 10, 31, 14], [60, 60, 70, 64]], atol=1e-4)
    np.testing.assert_allclose(kept.confidence, [0.75, 0.5])
    np.testing.assert_allclose(suppressed(found, 0.4, 100, 100).xyxy[0], [10, 10, 30, 14])


def cigarettes(*boxes: tuple[float, float, float, float, float]) -> Detections:
    rows = np.array(boxes, np.float32).reshape(-1, 5)
    return Detections(rows[:, :4], rows[:, 4], np.full(len(rows), CIGARETTE))


def test_several_looks_agree_on_the_mean_of_their_confidences_and_who_sees_none_counts_as_zero() -> None:
    looks = [
        cigarettes((10, 10, 30, 20, 0.9)),
        cigarettes((11, 10, 31, 20, 0.6), (60, 60, 70, 64, 0.3)),
        cigarettes(),
    ]
    both = agreed(looks, 0.5)
    np.testing.assert_allclose(both.xyxy, [[10, 10, 30, 20], [60, 60, 70, 64]])
    np.testing.assert_allclose(both.confidence, [0.5, 0.1], atol=1e-6)
    assert both.class_id.tolist() == [CIGARETTE, CIGARETTE]


def test_one_look_agrees_with_itself_and_no_look_with_anything() -> None:
    only = cigarettes((10, 10, 30, 20, 0.9), (10, 10, 29, 19, 0.2))
    assert agreed([only], 0.5) is only
    assert len(agreed([cigarettes(), cigarettes()], 0.5)) == 0


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.floats(0.0625, 1)), max_size=4),
        min_size=2,
        max_size=4,
    )
)
def test_what_is_agreed_is_never_surer_than_the_surest_look(raw: list[list[tuple[int, int, float]]]) -> None:
    """Nor does a look that sees nothing make anything surer."""
    looks = [suppressed(cigarettes(*((x, y, x + 12, y + 6, c) for x, y, c in look)), 0.5, 99, 99) for look in raw]
    both = agreed(looks, 0.5)
    surest = max((float(look.confidence.max(initial=0)) for look in looks), default=0.0)
    assert (both.confidence > 0).all()
    assert float(both.confidence.max(initial=0)) <= surest + 1e-6
    assert len(both) <= sum(map(len, looks))
    doubted = agreed([*looks, cigarettes()], 0.5)
    np.testing.assert_allclose(doubted.confidence, both.confidence * len(looks) / (len(looks) + 1), rtol=1e-5)


def test_heads_are_never_averaged() -> None:
    boxes = np.array([[10, 10, 30, 40], [12, 10, 34, 40]], np.float32)
    found = Detections(boxes, np.array([0.75, 0.25], np.float32), np.full(2, HEAD))
    np.testing.assert_allclose(suppressed(found, 0.4, 100, 100, averaged=True).xyxy, boxes[:1])


def test_small_heads_of_a_smaller_input_are_left_out_and_nothing_else_is() -> None:
    boxes = np.array([[0, 0, 30, 41], [0, 0, 39, 39], [0, 0, 5, 5]], np.float32)
    found = Detections(boxes, np.full(3, 0.9, np.float32), np.array([HEAD, HEAD, PERSON]))
    left = without_small_heads(found, 40.0)
    assert left.xyxy.tolist() == [boxes[0].tolist(), boxes[2].tolist()]
    assert len(without_small_heads(Detections.none(), 40.0)) == 0
