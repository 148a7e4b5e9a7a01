"""A star-shaped map of a head without its ears: how far the surface is in every direction.

Hair, hats and masks are built on it. Azimuth 0 is the face, positive is the cook's left; elevation is up. What
casts the rays is handed in, so that the map can be built on anything that answers them.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from training.synth.human import Human
from training.synth.mesh import Array

_AROUND, _UP = 72, 31
_LOWEST_DEG = -68.0


class Caster(Protocol):
    """Answers rays against a mesh."""

    def distance(self, origin: Array, direction: Array, reach_m: float) -> float | None:
        """Metres along a unit direction to the first hit within reach, or None."""


class Skull:
    """The map of one head; heights named `dz` are metres above the eyes at scale 1."""

    def __init__(self, human: Human, caster: Caster) -> None:
        """`caster` answers for the head without ears."""
        self.human, self.caster, self.scale = human, caster, human.scale
        self.centre = np.array([0, human.hc[1], human.eye_z + 0.015 * self.scale])
        left = human.v[np.flatnonzero(human.base.ears)]
        left = left[left[:, 0] > 0]
        self.ear_z = (float(left[:, 2].min()), float(left[:, 2].max()))
        self.ear_y = (float(left[:, 1].min()), float(left[:, 1].max()))
        self.ear_x = float(left[:, 0].max())
        self.ear_azimuth = math.atan2(left[:, 0].min(), -(left[:, 1].mean() - self.centre[1]))
        self._elevations = np.radians(np.linspace(_LOWEST_DEG, 90, _UP))
        self.radii = self._measured()
        self.padded = self._padded()

    def _measured(self) -> Array:
        azimuths = np.arange(_AROUND) * 2 * np.pi / _AROUND
        radii = np.full((_AROUND, _UP), np.nan)
        for i, azimuth in enumerate(azimuths):
            for j, elevation in enumerate(self._elevations):
                away = directions(azimuth, elevation)
                hit = self.caster.distance(self.centre + away * 0.3, -away, 0.27)
                if hit is not None:
                    radii[i, j] = 0.3 - hit
        for j in range(_UP):
            radii[:, j] = filled_ring(radii[:, j], 0.1)
        radii[:, -1] = radii[:, -1].mean()
        neck = np.interp(np.degrees(self._elevations), [-68, -40, -20, -5], [0.105, 0.108, 0.118, 0.2])
        return np.asarray(np.minimum(radii, neck[None] * self.scale))

    def _padded(self) -> Array:
        """The map with its hollows filled sideways: cloth spans them."""
        up = self._elevations > math.radians(-5)
        padded = self.radii.copy()
        for _ in range(2):
            beside = sum(np.roll(padded, k, 0) for k in (-2, -1, 1, 2)) / 4
            padded[:, up] = np.maximum(padded, beside)[:, up]
        return padded

    def radius(self, azimuth: Array, elevation: Array, padded: bool = False) -> Array:
        """Bilinear look-up of the map, metres from `centre`."""
        table = self.padded if padded else self.radii
        a = (np.asarray(azimuth) / (2 * np.pi) * _AROUND) % _AROUND
        step = self._elevations[1] - self._elevations[0]
        e = np.clip((np.asarray(elevation) - self._elevations[0]) / step, 0, _UP - 1.001)
        i, j = a.astype(int) % _AROUND, e.astype(int)
        u, v = a - np.floor(a), e - j
        k = (i + 1) % _AROUND
        low = table[i, j] * (1 - u) + table[k, j] * u
        high = table[i, j + 1] * (1 - u) + table[k, j + 1] * u
        return np.asarray(low * (1 - v) + high * v)

    def point(self, azimuth: Array, elevation: Array, above: Array | float = 0.0, padded: bool = False) -> Array:
        """Points (..., 3) on the surface, or `above` it in metres."""
        radius = self.radius(azimuth, elevation, padded) + above
        return self.centre + directions(azimuth, elevation) * radius[..., None]

    def spherical(self, points: Array) -> tuple[Array, Array, Array]:
        """Azimuth, elevation and distance of points (..., 3) from `centre`."""
        away = points - self.centre
        radius = np.linalg.norm(away, axis=-1)
        up = np.clip(away[..., 2] / np.maximum(radius, 1e-6), -1, 1)
        return np.arctan2(away[..., 0], -away[..., 1]), np.arcsin(up), radius

    def elevation_at(self, azimuth: Array, height: Array) -> Array:
        """Elevation at which the surface is `height` metres above the eyes (not scaled)."""
        elevations = np.linspace(-1.15, 1.5, 80)
        azimuth, height = np.broadcast_arrays(np.asarray(azimuth, float), np.asarray(height, float))
        found = np.empty_like(azimuth)
        for i, a in enumerate(azimuth):
            z = self.centre[2] + np.sin(elevations) * self.radius(np.full(80, a), elevations)
            found[i] = np.interp(self.human.eye_z + height[i], np.maximum.accumulate(z), elevations)
        return found

    def edge(self, azimuth: Array, front: float, side: float, back: float) -> Array:
        """Height above the eyes (scaled) of a hat's edge with these heights in front, at the side, behind."""
        knots = [0, 0.5, math.pi / 2, 2.4, math.pi]
        heights = [front, front * 0.96 + side * 0.04, side, back * 0.7 + side * 0.3, back]
        return np.asarray(np.interp(folded(azimuth), knots, heights) * self.scale)

    def above_eyes(self, z: float) -> float:
        """A height as `dz`."""
        return (z - self.human.eye_z) / self.scale


def directions(azimuth: Array | float, elevation: Array | float) -> Array:
    """Unit vectors (..., 3)."""
    azimuth, elevation = np.asarray(azimuth, float), np.asarray(elevation, float)
    return np.stack(
        [
            np.sin(azimuth) * np.cos(elevation),
            -np.cos(azimuth) * np.cos(elevation),
            np.sin(elevation) + 0 * azimuth,
        ],
        -1,
    )


def folded(azimuth: Array) -> Array:
    """Angle from the face, 0 to pi."""
    return np.asarray(np.abs((np.asarray(azimuth) + np.pi) % (2 * np.pi) - np.pi))


def filled_ring(values: Array, otherwise: float) -> Array:
    """NaNs of a closed ring interpolated from their neighbours; `otherwise` where there are none."""
    known = ~np.isnan(values)
    if not known.any():
        return np.full_like(values, otherwise)
    n = len(values)
    three = np.tile(known, 3)
    return np.asarray(np.interp(np.arange(3 * n), np.flatnonzero(three), np.tile(values, 3)[three])[n : 2 * n])
