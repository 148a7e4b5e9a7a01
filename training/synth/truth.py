"""What a picture shows, exactly: projection, angles of a head to the camera, boxes out of rendered object indices.

Boxes are xyxy in pixels, the right and lower border exclusive. A rendered index is `PERSON * (person + 1) + part`,
0 is the room.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from training.synth.mesh import Array, Face, moved, unit

PERSON = 32
PART = {
    **{"head": 1, "hair": 2, "hat": 3, "mask": 4, "maskloop": 5, "eyes": 6, "brow": 6, "cig": 7, "hands": 8},
    **{"suit": 9, "prop": 10, "apron": 11, "glasses": 12, "shoes": 13},
}
HEAD_PARTS = (1, 2, 3, 4, 5, 6, 12)
# What may lie over a landmark of a face that still counts as visible: skin, eyes, own mask, cigarette, glasses.
_FACE_OVER = (1, 4, 5, 6, 7, 10, 12)
Box = list[float]


def part_index(name: str) -> int:
    """The index of a part by the longest known beginning of its name.

    Raises:
        KeyError: no part is called so.
    """
    known = [prefix for prefix in PART if name.startswith(prefix)]
    return PART[max(known, key=len)] if known else PART[name]


@dataclass(frozen=True)
class View:
    """A camera: `matrix` (4, 4) from camera to room, focal length in pixels, a window shifted by `shift` pixels."""

    matrix: Array
    focal_px: float
    width: int
    height: int
    shift: tuple[float, float] = (0.0, 0.0)

    @property
    def place(self) -> Array:
        """Where the camera hangs."""
        return np.asarray(self.matrix[:3, 3])

    def project(self, points: Array) -> tuple[Array, Array]:
        """Pixels (N, 2) of points (N, 3), and which of them lie in front of the camera."""
        seen = moved(points, np.linalg.inv(self.matrix))
        depth = -seen[:, 2]
        ahead = depth > 0.05
        scale = self.focal_px / np.where(ahead, depth, 1)
        x = self.width / 2 + seen[:, 0] * scale - self.shift[0]
        y = self.height / 2 - seen[:, 1] * scale + self.shift[1]
        return np.stack([x, y], -1), ahead


def aimed(place: Any, target: Any, off_axis: tuple[float, float] = (0.0, 0.0), roll: float = 0.0) -> Array:
    """Matrix of a camera at `place` that looks at `target`, then turned off it (radians: sideways, upwards)."""
    back = unit(np.asarray(place, float) - np.asarray(target, float))
    right = unit(np.cross([0, 0, 1.0], back))
    axes = np.stack([right, np.cross(back, right), back], 1)
    (ca, sa), (cb, sb), (cr, sr) = ((math.cos(a), math.sin(a)) for a in (*off_axis, roll))
    sideways = np.array([[ca, 0, sa], [0, 1, 0], [-sa, 0, ca]])
    upwards = np.array([[1, 0, 0], [0, cb, -sb], [0, sb, cb]])
    rolled = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes @ sideways @ upwards @ rolled, place
    return matrix


def window(
    matrix: Array, target: Array, head_m: float, head_px: float, size: int, jitter: tuple[float, float]
) -> View:
    """A square window around `target`: `head_m` metres there are `head_px` pixels; jitter in window sides."""
    x, y, z = moved(target[None], np.linalg.inv(matrix))[0]
    focal = head_px * -z / head_m
    shift = (focal * x / -z + jitter[0] * size, focal * y / -z + jitter[1] * size)
    return View(matrix, focal, size, size, shift)


@dataclass(frozen=True)
class Angles:
    """Degrees. Yaw 0 faces the camera, 180 turns the back to it; pitch below 0 looks below the camera."""

    yaw: float
    pitch: float
    angle: float


def angles_to(head: Array, centre: Array, camera: Array) -> Angles:
    """Of a head with the matrix `head` (rest to room) and the skull's middle `centre` (rest)."""
    forward = head[:3, :3] @ np.array([0, -1.0, 0])
    to_camera = camera - moved(centre[None], head)[0]
    yaw = math.degrees(math.atan2(forward[1], forward[0]) - math.atan2(to_camera[1], to_camera[0]))
    elevation = math.atan2(to_camera[2], math.hypot(to_camera[0], to_camera[1]))
    pitch = math.degrees(math.asin(np.clip(forward[2], -1, 1)) - elevation)
    angle = math.degrees(math.acos(np.clip(forward @ unit(to_camera), -1, 1)))
    return Angles((yaw + 180) % 360 - 180, pitch, angle)


def face_seen(parts: Array, landmarks: Array, angles: Angles) -> tuple[bool, int]:
    """Whether a face is visible, and how many of its landmarks are (the first is the nose).

    `parts` (H, W) are part indices of this person (0 elsewhere). Visible means turned less than 78 degrees
    sideways and 82 in all, with the nose and at least four landmarks not covered by anything but the own mask.
    """
    height, width = parts.shape
    seen = []
    for x, y in landmarks:
        inside = 0 <= x < width and 0 <= y < height
        near = parts[max(0, int(y) - 1) : int(y) + 2, max(0, int(x) - 1) : int(x) + 2] if inside else parts[:0]
        seen.append(bool(np.isin(near, _FACE_OVER).any()) and angles.angle < 95)
    visible = abs(angles.yaw) < 78 and angles.angle < 82 and seen[0] and sum(seen) >= 4
    return visible, sum(seen)


def box_of(mask: Array) -> Box | None:
    """Bounds of the true pixels of a mask (H, W)."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return [float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)]


def bounds(pixels: Array, cut: float = 0.0) -> Box:
    """Bounds of projected points (N, 2), without the outermost `cut` percent on each side."""
    low, high = np.percentile(pixels, [cut, 100 - cut], axis=0)
    return [float(low[0]), float(low[1]), float(high[0]), float(high[1])]


def united(boxes: Iterable[Sequence[float]]) -> Box:
    """The smallest box around all."""
    table = np.array(list(boxes))
    return [*table[:, :2].min(0).tolist(), *table[:, 2:].max(0).tolist()]


def clipped(box: Sequence[float], width: int, height: int) -> Box:
    """The part of a box inside the picture."""
    x0, y0, x1, y1 = box
    return [
        float(v)
        for v in (np.clip(x0, 0, width), np.clip(y0, 0, height), np.clip(x1, 0, width), np.clip(y1, 0, height))
    ]


def mirrored(box: Sequence[float] | None, width: int) -> Box | None:
    """A box of the picture seen in a mirror."""
    return None if box is None else [width - box[2], box[1], width - box[0], box[3]]


def rounded(box: Sequence[float] | None) -> Box | None:
    """To a tenth of a pixel."""
    return None if box is None else [round(float(v), 1) for v in box]


def silhouette(pixels: Array, faces: Sequence[Face], width: int, height: int) -> Array:
    """(H, W) bool: what a mesh with projected vertices (N, 2) would cover if nothing stood before it."""
    canvas = np.zeros((height, width), np.uint8)
    corners = np.rint(np.clip(pixels, -4 * width, 5 * width)).astype(np.int32)
    for face in faces:
        cv2.fillConvexPoly(canvas, corners[face], 1)
    return canvas.astype(bool)


def share_visible(seen: Array, whole: Array) -> float:
    """Which part of a silhouette is seen, 0 to 1; 0 where the silhouette is empty."""
    area = int(whole.sum())
    return min(1.0, float(seen.sum()) / area) if area else 0.0
