"""Meshes of numpy arrays: parts of a cook, rotations, and the few shapes that everything is built from.

Lengths are metres. A body stands at the origin, z up, and faces -y; its left hand is at +x.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Face = list[int]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """What a surface looks like; `kind` names a recipe of `blender/materials.py`, colours are linear RGB."""

    kind: str = "plain"
    colour: Colour = (0.8, 0.8, 0.8)
    roughness: float = 0.6
    alpha: float = 1.0
    emission: float = 0.0
    texture: str | None = None
    normals: str | None = None
    scalp: Colour | None = None
    painted: bool = False  # the colour stands at the vertices
    cell_m: float = 0.006  # of a net
    thread: float = 0.1  # of a net: share of a cell that is thread


@dataclass
class Part:
    """One mesh of a cook in the rest pose: `v` (N, 3), `weights` (N, bones), faces of 3 or 4 vertices."""

    name: str
    v: Array
    weights: Array
    faces: list[Face]
    look: Look = field(default_factory=Look)
    uv: Array | None = None
    uv_faces: list[Face] | None = None
    colour: Array | None = None  # (N, 3), linear

    def kept(self, keep: Callable[[Array], bool]) -> None:
        """Drop the faces whose corners `keep` does not want."""
        chosen = [i for i, face in enumerate(self.faces) if keep(self.v[face])]
        self.faces = [self.faces[i] for i in chosen]
        if self.uv_faces is not None:
            self.uv_faces = [self.uv_faces[i] for i in chosen]

    def compact(self) -> None:
        """Drop the vertices that no face uses."""
        used = np.unique(np.concatenate([np.asarray(face) for face in self.faces]))
        place = np.full(len(self.v), -1)
        place[used] = np.arange(len(used))
        self.v, self.weights = self.v[used], self.weights[used]
        self.faces = [place[face].tolist() for face in self.faces]
        if self.colour is not None:
            self.colour = self.colour[used]


def unit(v: Any) -> Array:
    """The vector with length 1."""
    v = np.asarray(v, float)
    return np.asarray(v / np.linalg.norm(v))


def turn(axis: Any, degrees: float) -> Array:
    """Rotation matrix (3, 3) about an axis through the origin (Rodrigues)."""
    x, y, z = unit(axis)
    angle = np.radians(degrees)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def turn_onto(a: Any, b: Any) -> Array:
    """The shortest rotation that brings direction `a` onto `b`."""
    a, b = unit(a), unit(b)
    v, cosine = np.cross(a, b), float(a @ b)
    if cosine < -0.9999:
        side = np.cross(a, [1.0, 0, 0] if abs(a[0]) < 0.9 else [0, 1.0, 0])
        return turn(side, 180)
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + cosine))


def moved(points: Array, matrix: Array) -> Array:
    """Points (..., 3) under a 4x4 matrix."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def grid_faces(rows: int, columns: int, start: int = 0) -> list[Face]:
    """Quads of a `rows` x `columns` grid of vertices that begins at `start`."""
    return [
        [
            start + i * columns + j,
            start + i * columns + j + 1,
            start + (i + 1) * columns + j + 1,
            start + (i + 1) * columns + j,
        ]
        for i in range(rows - 1)
        for j in range(columns - 1)
    ]


def tube_faces(rows: int, around: int, start: int = 0) -> list[Face]:
    """Quads of a tube of `rows` closed rings with `around` vertices each."""
    return [
        [
            start + i * around + j,
            start + i * around + (j + 1) % around,
            start + (i + 1) * around + (j + 1) % around,
            start + (i + 1) * around + j,
        ]
        for i in range(rows - 1)
        for j in range(around)
    ]


def closed(rings: Sequence[Array], lift: float = 0.0) -> tuple[Array, list[Face]]:
    """A tube over rings (each (N, 3)), its last ring closed by a point `lift` above the ring's middle."""
    around = len(rings[0])
    v = np.concatenate(rings)
    top = v[-around:].mean(0) + np.array([0, 0, lift])
    start = (len(rings) - 1) * around
    faces = tube_faces(len(rings), around)
    faces += [[start + i, start + (i + 1) % around, len(v)] for i in range(around)]
    return np.vstack([v, top]), faces


def joined(pieces: Sequence[tuple[Array, list[Face]]]) -> tuple[Array, list[Face]]:
    """Several meshes as one."""
    faces: list[Face] = []
    count = 0
    for v, own in pieces:
        faces += [[i + count for i in face] for face in own]
        count += len(v)
    return np.vstack([v for v, _ in pieces]), faces


def rod(
    origin: Array, direction: Array, span: tuple[float, float], radii: tuple[float, float], flat: float = 1.0
) -> tuple[Array, list[Face]]:
    """A closed cone or cylinder from `span[0]` to `span[1]` along a direction; `flat` squeezes it."""
    n = 10
    d = unit(direction)
    u = unit(np.cross(d, [0, 0, 1] if abs(d[2]) < 0.95 else [1, 0, 0]))
    w = np.cross(d, u) * flat
    t = np.arange(n) * 2 * np.pi / n
    circle = np.cos(t)[:, None] * u + np.sin(t)[:, None] * w
    ends = [origin + d * at + radius * circle for at, radius in zip(span, radii, strict=True)]
    v = np.vstack([*ends, origin + d * span[1], origin + d * span[0]])
    faces = tube_faces(2, n)
    faces += [[n + i, n + (i + 1) % n, 2 * n] for i in range(n)]
    faces += [[(i + 1) % n, i, 2 * n + 1] for i in range(n)]
    return v, faces


def ellipsoid(centre: Array, axes: Sequence[Any], radii: tuple[float, float, float]) -> tuple[Array, list[Face]]:
    """An ellipsoid with the given axes (directions)."""
    n, m = 7, 12
    a, b, c = (unit(axis) for axis in axes)
    polar = np.linspace(0, np.pi, n + 1)[:, None]
    around = np.arange(m)[None] * 2 * np.pi / m
    x = np.cos(polar) + 0 * around
    y, z = np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around)
    v = centre + radii[0] * x[..., None] * a + radii[1] * y[..., None] * b + radii[2] * z[..., None] * c
    return v.reshape(-1, 3), tube_faces(n + 1, m)


def ribbon(points: Array, width: float, across: Any = (0, 0, 1)) -> tuple[Array, list[Face]]:
    """A thin band along points (N, 3), half of `width` to each side, and a second one at a right angle to it."""
    side = unit(across) * width
    other = np.array([0, width, 0])
    v = np.stack([points + side, points - side, points + other, points - other], 1).reshape(-1, 3)
    faces = [
        [4 * i + e, 4 * i + e + 1, 4 * i + e + 5, 4 * i + e + 4] for i in range(len(points) - 1) for e in (0, 2)
    ]
    return v, faces
