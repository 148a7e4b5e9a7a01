"""Projection, angles and boxes are exact: checked on things whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.synth.lens import Lens
from training.synth.posing import root_at
from training.synth.truth import (
    PART,
    PERSON,
    View,
    aimed,
    angles_to,
    bounds,
    box_of,
    clipped,
    face_seen,
    mirrored,
    part_index,
    rounded,
    share_visible,
    silhouette,
    united,
    window,
)

CAMERA, TARGET = np.array([1.0, 0.5, 2.5]), np.array([2.0, 4.0, 1.6])
coordinates = st.floats(-3, 3)


def a_view(width: int = 960, height: int = 540) -> View:
    return View(aimed(CAMERA, TARGET), 700.0, width, height)


def test_what_a_camera_is_aimed_at_is_in_the_middle() -> None:
    pixels, ahead = a_view().project(TARGET[None])
    assert pixels[0] == pytest.approx([480, 270])
    assert ahead.all()


def test_up_is_up_and_the_right_hand_is_right() -> None:
    above, aside = a_view().project(np.array([TARGET + np.array([0, 0, 0.1]), TARGET + np.array([0.1, 0, 0])]))[0]
    assert above[1] < 270
    assert aside[0] > 480


def test_a_metre_has_focal_length_over_distance_pixels() -> None:
    view = View(aimed([0, 0, 1], [0, 10, 1]), 700.0, 960, 540)
    pixels, _ = view.project(np.array([[-0.5, 7, 1], [0.5, 7, 1.0]]))
    assert pixels[1, 0] - pixels[0, 0] == pytest.approx(100)


def test_what_lies_behind_the_camera_is_told() -> None:
    _, ahead = a_view().project(np.array([CAMERA + (CAMERA - TARGET), TARGET]))
    assert ahead.tolist() == [False, True]


@given(st.floats(-0.5, 0.5), st.floats(-0.3, 0.3), st.floats(-0.1, 0.1), st.floats(40, 90))
def test_a_window_has_its_target_in_the_middle_at_the_wanted_size(
    aside: float, up: float, roll: float, head_px: float
) -> None:
    view = window(aimed(CAMERA, TARGET, (aside, up), roll), TARGET, 0.225, head_px, 192, (0.0, 0.0))
    pixels, _ = view.project(TARGET[None])
    assert pixels[0] == pytest.approx([96, 96], abs=1e-6)
    depth = -(np.linalg.inv(view.matrix) @ np.r_[TARGET, 1])[2]
    assert view.focal_px * 0.225 / depth == pytest.approx(head_px)


def test_jitter_moves_the_window_by_shares_of_its_side() -> None:
    view = window(aimed(CAMERA, TARGET), TARGET, 0.225, 60, 192, (0.1, -0.05))
    assert view.project(TARGET[None])[0][0] == pytest.approx([96 - 19.2, 96 - 9.6])


@pytest.mark.parametrize(("degrees", "yaw"), [(0, 0), (90, 90), (-45, -45), (170, 170)])
def test_yaw_is_measured_from_the_camera(degrees: float, yaw: float) -> None:
    """Somebody who faces the camera (towards -y) and turns by so much."""
    head = root_at(0, 0, np.radians(degrees))
    angles = angles_to(head, np.zeros(3), np.array([0, -5.0, 0]))
    assert angles.yaw == pytest.approx(yaw)
    assert angles.angle == pytest.approx(abs(yaw))


def test_a_level_face_looks_below_a_camera_above_it() -> None:
    angles = angles_to(np.eye(4), np.zeros(3), np.array([0, -1.0, 1.0]))
    assert angles.pitch == pytest.approx(-45)
    assert angles.yaw == pytest.approx(0)


LANDMARKS = np.array([[50, 50], [48, 60], [52, 60], [50, 66], [46, 42], [54, 42.0]])


def face(**painted: tuple[slice, slice]) -> np.ndarray:
    parts = np.zeros((100, 100), int)
    parts[30:80, 30:70] = PART["head"]
    for name, where in painted.items():
        parts[where] = PART[name]
    return parts


def front() -> object:
    return angles_to(np.eye(4), np.zeros(3), np.array([0, -5.0, 0]))


def test_a_bare_face_is_visible() -> None:
    assert face_seen(face(), LANDMARKS, front()) == (True, 6)


def test_the_own_mask_does_not_hide_a_face() -> None:
    assert face_seen(face(mask=(slice(48, 75), slice(38, 62))), LANDMARKS, front())[0]


def test_a_hand_over_nose_and_mouth_does() -> None:
    assert face_seen(face(hands=(slice(45, 75), slice(38, 62))), LANDMARKS, front()) == (False, 2)


def test_another_person_before_it_does() -> None:
    parts = face()
    parts[:, :] = 0
    assert face_seen(parts, LANDMARKS, front()) == (False, 0)


def test_a_face_turned_away_is_not_visible_though_its_pixels_are() -> None:
    away = angles_to(root_at(0, 0, np.radians(100)), np.zeros(3), np.array([0, -5.0, 0]))
    assert not face_seen(face(), LANDMARKS, away)[0]


def test_a_landmark_outside_the_picture_is_not_seen() -> None:
    outside = LANDMARKS.copy()
    outside[0] = [-4, 50]
    assert face_seen(face(), outside, front()) == (False, 5)


def test_a_box_is_the_bounds_of_its_pixels() -> None:
    mask = np.zeros((20, 30), bool)
    mask[4:9, 7:12] = True
    assert box_of(mask) == [7, 4, 12, 9]
    assert box_of(np.zeros((5, 5), bool)) is None


def test_boxes_unite_clip_mirror_and_round() -> None:
    assert united([[1, 2, 3, 4], [0, 3, 2, 9]]) == [0, 2, 3, 9]
    assert clipped([-5, 3, 300, 40], 192, 30) == [0, 3, 192, 30]
    assert mirrored([10, 5, 30, 20], 192) == [162, 5, 182, 20]
    assert mirrored(None, 192) is None
    assert rounded([1.04, 2.06, 3, 4]) == [1.0, 2.1, 3.0, 4.0]
    assert rounded(None) is None


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=20))
def test_bounds_hold_every_point(points: list[tuple[float, float]]) -> None:
    x0, y0, x1, y1 = bounds(np.array(points))
    assert all(x0 <= x <= x1 and y0 <= y <= y1 for x, y in points)


def test_bounds_can_leave_out_strays() -> None:
    points = np.r_[np.zeros((200, 2)), [[500, 500]]]
    assert bounds(points, 0.6) == pytest.approx([0, 0, 0, 0])


def test_a_silhouette_is_what_the_mesh_covers() -> None:
    square = np.array([[10, 10], [19, 10], [19, 29], [10, 29.0]])
    whole = silhouette(square, [[0, 1, 2, 3]], 60, 50)
    assert whole.sum() == 10 * 20
    seen = whole.copy()
    seen[:20] = False
    assert share_visible(seen, whole) == pytest.approx(0.5)
    assert share_visible(seen, np.zeros_like(whole)) == 0


def test_a_mesh_outside_the_picture_covers_nothing() -> None:
    far = np.array([[-900, -900], [-800, -900], [-800, -800.0]])
    assert not silhouette(far, [[0, 1, 2]], 60, 50).any()


@pytest.mark.parametrize(
    ("name", "part"),
    [("hat", "hat"), ("hatnet", "hat"), ("maskloop", "maskloop"), ("cig2", "cig"), ("propcup0", "prop")],
)
def test_a_part_is_known_by_the_beginning_of_its_name(name: str, part: str) -> None:
    assert part_index(name) == PART[part]
    assert part_index(name) < PERSON


def test_an_unknown_part_is_an_error() -> None:
    with pytest.raises(KeyError):
        part_index("umbrella")


LENS = Lens(960, 540, 0.06)


@given(st.floats(60, 900), st.floats(40, 500))
def test_the_lens_bends_points_as_it_bends_pictures(x: float, y: float) -> None:
    bent = LENS.points(np.array([[x, y]]))
    back = LENS._straight(bent)
    assert back[0] == pytest.approx([x, y], abs=1e-3)


def test_a_dot_of_the_picture_is_where_its_point_goes() -> None:
    image = np.zeros((540, 960), np.uint8)
    image[100:104, 200:204] = 255
    box = box_of(LENS.bent(image, nearest=True) > 0)
    assert box is not None
    assert box == pytest.approx(LENS.box([200, 100, 204, 104]), abs=1.5)


def test_the_middle_stays_and_the_sides_stay_in_the_picture() -> None:
    assert LENS.points(np.array([[480, 270.0]]))[0] == pytest.approx([480, 270])
    assert LENS.points(np.array([[0, 270.0], [960, 270]]))[:, 0] == pytest.approx([0, 960], abs=0.5)


def test_a_lens_without_bend_changes_nothing() -> None:
    image = np.random.default_rng(1).integers(0, 255, (54, 96, 3)).astype(np.uint8)
    assert (Lens(96, 54, 0.0).bent(image) == image).all()
    assert Lens(96, 54, 0.0).box([3, 4, 50, 40]) == pytest.approx([3, 4, 50, 40])
