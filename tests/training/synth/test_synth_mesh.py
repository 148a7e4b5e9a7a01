"""Meshes close, rotations rotate, parts lose only what they do not use."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.synth.mesh import (
    Face,
    Part,
    closed,
    ellipsoid,
    grid_faces,
    joined,
    moved,
    ribbon,
    rod,
    turn,
    turn_onto,
    unit,
)

directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)


def open_edges(faces: list[Face]) -> int:
    """How many edges do not lie between exactly two faces."""
    edges = Counter(tuple(sorted(pair)) for face in faces for pair in zip(face, face[1:] + face[:1], strict=True))
    return sum(count != 2 for count in edges.values())


@given(directions, directions)
def test_the_shortest_turn_brings_one_direction_onto_another(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    matrix = turn_onto(a, b)
    assert np.allclose(matrix @ unit(a), unit(b), atol=2e-2)
    assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(matrix) == pytest.approx(1)


def test_a_direction_is_turned_onto_its_opposite() -> None:
    assert np.allclose(turn_onto([0, 0, 1], [0, 0, -1]) @ [0, 0, 1.0], [0, 0, -1], atol=1e-6)


@given(directions, st.floats(-180, 180))
def test_turning_back_undoes_a_turn(axis: tuple[float, ...], degrees: float) -> None:
    assert np.allclose(turn(axis, degrees) @ turn(axis, -degrees), np.eye(3))


def test_a_quarter_turn_about_z_brings_x_to_y() -> None:
    assert np.allclose(turn([0, 0, 1], 90) @ [1, 0, 0.0], [0, 1, 0])


def test_a_rod_is_closed_and_as_long_as_asked() -> None:
    v, faces = rod(np.zeros(3), np.array([0, 0, 2.0]), (0.1, 0.4), (0.01, 0.02))
    assert open_edges(faces) == 0
    assert v[:, 2].min() == pytest.approx(0.1)
    assert v[:, 2].max() == pytest.approx(0.4)
    assert np.hypot(v[:, 0], v[:, 1]).max() == pytest.approx(0.02)


def test_an_ellipsoid_has_its_radii() -> None:
    v, _ = ellipsoid(np.array([1.0, 2, 3]), ([1, 0, 0], [0, 1, 0], [0, 0, 1]), (0.3, 0.2, 0.1))
    assert np.allclose(np.abs(v - [1, 2, 3]).max(0), [0.3, 0.2, 0.1], atol=0.011)


def test_a_closed_tube_has_an_opening_only_at_its_foot() -> None:
    t = np.arange(12) * 2 * np.pi / 12
    rings = [np.stack([np.cos(t), np.sin(t), np.full(12, z)], -1) for z in (0.0, 1.0, 2.0)]
    v, faces = closed(rings, 0.5)
    assert open_edges(faces) == 12
    assert v[-1] == pytest.approx([0, 0, 2.5])


def test_joined_meshes_keep_their_faces() -> None:
    one = (np.zeros((4, 3)), [[0, 1, 2, 3]])
    v, faces = joined([one, one])
    assert len(v) == 8
    assert faces == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_grid_has_a_quad_between_each_four_vertices() -> None:
    faces = grid_faces(3, 4)
    assert len(faces) == 6
    assert {i for face in faces for i in face} == set(range(12))


def test_a_ribbon_follows_its_points() -> None:
    path = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0.0]])
    v, faces = ribbon(path, 0.01)
    assert np.allclose(v.reshape(3, 4, 3).mean(1), path + np.array([0, 0.0025, 0]), atol=0.003)
    assert len(faces) == 4


def test_a_part_forgets_what_no_face_uses() -> None:
    v = np.arange(15.0).reshape(5, 3)
    part = Part("x", v, np.eye(5), [[0, 2, 4], [2, 3, 4]], colour=v.copy())
    part.kept(lambda corners: bool(corners[:, 0].min() < 3))
    part.compact()
    assert part.faces == [[0, 1, 2]]
    assert part.v.tolist() == v[[0, 2, 4]].tolist()
    assert part.weights.shape == (3, 5)
    assert part.colour is not None
    assert len(part.colour) == 3


def test_uv_faces_stay_with_their_faces() -> None:
    part = Part("x", np.zeros((4, 3)), np.eye(4), [[0, 1, 2], [1, 2, 3]], uv_faces=[[7, 8, 9], [4, 5, 6]])
    part.v[3] = 1
    part.kept(lambda corners: bool(corners.max() == 1))
    assert part.uv_faces == [[4, 5, 6]]


def test_a_matrix_moves_points() -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = [1, 2, 3]
    assert moved(np.zeros((2, 3)), matrix).tolist() == [[1, 2, 3], [1, 2, 3]]
