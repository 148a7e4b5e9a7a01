"""Hats that sit on a ring around the head: toque, flat cap, forage cap. Those that follow the skull: `caps.py`."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from training.synth.hair import Line
from training.synth.mesh import Array, Colour, Look, Part, closed, turn
from training.synth.skull import Skull, filled_ring

WHITE, BLACK, NAVY = (0.82, 0.82, 0.80), (0.015, 0.015, 0.017), (0.012, 0.018, 0.055)
_AROUND = 72


@dataclass(frozen=True)
class Hat:
    """Parts of a hat, and its edge: None where hair shows through."""

    parts: list[Part]
    line: Line | None


@dataclass(frozen=True)
class _Ring:
    """The plane a hat sits on: tilted back by `tilt` radians about `centre`, with the band's radii (72,)."""

    turned: Array
    centre: Array
    azimuth: Array
    band: Array
    top: float

    def place(self, levels: list[tuple[float, Array, tuple[float, float]]]) -> list[Array]:
        """Levels (height, radii, shift) as rings of points in the body's frame."""
        rings = []
        for z, radius, (dx, dy) in levels:
            x, y = radius * np.sin(self.azimuth) + dx, -radius * np.cos(self.azimuth) + dy
            local = np.stack([x, y, np.full(len(x), z)], -1)
            rings.append(self.centre + local @ self.turned.T)
        return rings


def ring_hat(kind: str, skull: Skull, rng: random.Random, colour: Colour, room: float) -> Hat:
    """A toque, flat cap or forage cap; `room` metres for the hair under it."""
    k = skull.scale
    tilt, front = rng.uniform(0.10, 0.24), rng.uniform(0.050, 0.066) * k
    base = front - 0.085 * math.tan(tilt) * k
    ring = _seat(skull, tilt, base, room)
    build = {"toque": _toque, "flat": _flat, "forage": _forage}[kind]
    v, faces = closed(ring.place(build(ring, rng, k)), 0.002 if kind != "forage" else -0.004)
    part = Part("hat", v, skull.human.rigid(len(v)), faces, Look("fabric", colour))
    return Hat([part], lambda a: np.asarray(base + np.cos(a) * 0.092 * k * math.tan(tilt)))


def _seat(skull: Skull, tilt: float, base: float, room: float) -> _Ring:
    """Where the band sits: the widest of four cuts through the skull, smoothed."""
    k = skull.scale
    centre = np.array([0, skull.centre[1], skull.human.eye_z + base])
    turned = turn([1, 0, 0], -math.degrees(tilt))
    azimuth = np.arange(_AROUND) * 2 * np.pi / _AROUND
    cuts = []
    for z in (-0.004, 0.012, 0.028, 0.045):
        radii = np.full(_AROUND, np.nan)
        for i, a in enumerate(azimuth):
            away = turned @ np.array([math.sin(a), -math.cos(a), 0])
            origin = centre + turned @ np.array([0, 0, z * k])
            hit = skull.caster.distance(origin + away * 0.3, -away, 0.29)
            if hit is not None:
                radii[i] = 0.3 - hit
        cuts.append(filled_ring(radii, 0.085))
    band = np.max(cuts, 0)
    for _ in range(3):
        band = np.maximum(band, (np.roll(band, 1) + np.roll(band, -1)) / 2)
    band = (band + np.roll(band, 1) + np.roll(band, -1)) / 3 + room + 0.0035
    top = skull.padded[:, -1].mean() + skull.centre[2] - centre[2]
    return _Ring(turned, centre, azimuth, band, float(top))


def _toque(ring: _Ring, rng: random.Random, k: float) -> list[tuple[float, Array, tuple[float, float]]]:
    """A band and a puffed, tall or low body with pleats."""
    t, b = ring.azimuth, ring.band
    kind = rng.choice(["puff", "puff", "tall", "low"])
    band_h = rng.uniform(0.045, 0.075) * k
    span = {"puff": (0.15, 0.21), "tall": (0.19, 0.27), "low": (0.125, 0.15)}[kind]
    height = max(rng.uniform(*span) * k, ring.top + 0.03 * k)
    phase, pleats = rng.random() * 6, rng.choice([12, 16, 22])
    lean = np.array([rng.uniform(-0.03, 0.03), rng.uniform(-0.01, 0.04)])
    still = (0.0, 0.0)
    levels = [(0.0, b, still), (band_h * 0.5, b * 1.005, still), (band_h, b * 1.012, still)]
    levels.append((band_h + 0.001, b * 1.012 - 0.003, still))
    for u in np.arange(1, 12) / 11:
        if kind == "tall":
            fold = np.sin(pleats * 1.5 * t)
            wide = (1.01 + 0.05 * u) * (1 + 0.018 * np.sign(fold) * np.abs(fold) ** 0.5)
            rise = u
        else:
            puff = (0.30 if kind == "puff" else 0.2) * math.sin(min(1, u * 1.25) * math.pi / 2)
            sag = 1 if u < 0.75 else 1 - 0.45 * ((u - 0.75) / 0.25) ** 2
            folds = 0.04 * np.sin(pleats * t + phase + 0.5 * math.sin(3 * u)) * (1 - u * 0.35)
            dents = 0.035 * np.sin(3 * t + phase + 4 * u) + 0.02 * np.sin(7 * t - 5 * u + phase)
            wide = (1 + puff * sag) * (1 + folds + dents)
            rise = u if u < 0.75 else 0.75 + 0.25 * math.sin((u - 0.75) / 0.25 * 1.57)
        levels.append((band_h + (height - band_h) * rise, b * wide, tuple(lean * u)))
    z, radii, shift = levels[-1]
    inwards = -0.004 if kind == "tall" else 0.004
    return [*levels, (z + inwards, radii * 0.8, shift), (z + inwards * 2, radii * 0.4, shift)]


def _flat(ring: _Ring, rng: random.Random, k: float) -> list[tuple[float, Array, tuple[float, float]]]:
    """A pill box or a beret-like cap."""
    t, b = ring.azimuth, ring.band
    height = max(0.06 * k, ring.top + 0.012 * k)
    still, back = (0.0, 0.0), (0.0, 0.01)
    if rng.random() < 2 / 3:
        w = rng.uniform(0.97, 1.03)
        rise = [(0, 1), (0.5, (1 + w) / 2), (0.86, w), (0.95, w * 0.965), (1, w * 0.85), (1.03, w * 0.4)]
        return [(height * z, b * wide, still) for z, wide in rise]
    band_h, w, phase = 0.032 * k, rng.uniform(1.12, 1.28), rng.random() * 6
    wrinkled = 1 + 0.03 * np.sin(14 * t + phase) + 0.02 * np.sin(5 * t)
    top = max(height, band_h + 0.04)
    return [
        (0.0, b, still),
        (band_h, b * 1.01, still),
        (band_h + 0.008, b * (1 + w) / 2 * wrinkled, still),
        (band_h + 0.022, b * w * wrinkled, (0.0, 0.008)),
        (top, b * w * 0.93 * wrinkled, back),
        (top + 0.006, b * w * 0.7, back),
        (top + 0.008, b * w * 0.35, back),
    ]


def _forage(ring: _Ring, rng: random.Random, k: float) -> list[tuple[float, Array, tuple[float, float]]]:
    """A paper boat: its sides lean together towards a ridge from front to back."""
    b, t = ring.band, ring.azimuth
    height, narrow = max(rng.uniform(0.072, 0.10) * k, ring.top + 0.018), rng.uniform(0.22, 0.5)
    levels = []
    for u in np.linspace(0, 1, 9):
        x, y = b * np.sin(t) * (1 - (1 - narrow) * u**1.6), b * np.cos(t) * (1 + 0.05 * u)
        # The skull is about round above the band: stay outside it while below its top.
        below = max(0.0, 1 - (u * height / max(ring.top, 1e-6)) ** 2)
        radius = np.maximum(np.hypot(x, y), b * math.sqrt(below) * 0.97)
        levels.append((float(u * height), radius, (0.0, 0.0)))
    return levels
