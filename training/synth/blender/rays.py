"""Rays against a mesh, by Blender's bounding-volume tree."""

from __future__ import annotations

from collections.abc import Sequence

import bpy  # noqa: F401  # mathutils comes with it, and only after it
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from training.synth.mesh import Array, Face


class Tree:
    """A `Caster` over vertices and faces."""

    def __init__(self, v: Array, faces: Sequence[Face]) -> None:
        self._tree = BVHTree.FromPolygons([tuple(map(float, p)) for p in v], [tuple(f) for f in faces])

    def distance(self, origin: Array, direction: Array, reach_m: float) -> float | None:
        """Metres along a unit direction to the first hit within reach, or None."""
        hit = self._tree.ray_cast(Vector(origin), Vector(direction), reach_m)
        return None if hit[0] is None else float(hit[3])
