"""Covers that follow the skull: bouffant, baseball cap, bandana and hairnet."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np

from training.synth.hair import Line, Strands
from training.synth.hats import BLACK, Hat
from training.synth.mesh import Array, Colour, Face, Look, Part, ellipsoid, grid_faces, joined, ribbon, tube_faces
from training.synth.skull import Skull, directions, folded

_AROUND = 96
_AZIMUTH = np.arange(_AROUND) * 2 * np.pi / _AROUND
Above = Callable[[Array, float, Array], Array]  # azimuth, share of the way to the crown, elevation -> metres


def skull_cap(
    kind: str, skull: Skull, rng: random.Random, colour: Colour, room: float, hair: Strands | None = None
) -> Hat:
    """A cover of that kind; `room` metres for the hair under it, `hair` what a net must span."""
    if kind == "bouffant":
        return _bouffant(skull, rng, colour, room)
    if kind == "cap":
        return _cap(skull, rng, colour, room)
    if kind == "bandana":
        return _bandana(skull, rng, colour, room)
    return _hairnet(skull, rng, colour, hair)


def _shell(skull: Skull, edge: Array, above: Above, rows: int) -> tuple[Array, list[Face]]:
    """A star-shaped shell from the edge's elevations to the crown."""
    rings = []
    for j in range(rows):
        u = j / rows
        elevation = edge + (np.pi / 2 - edge) * u**0.9
        rings.append(skull.point(_AZIMUTH, elevation, above(_AZIMUTH, u, elevation), padded=True))
    v = np.concatenate(rings)
    top = (rows - 1) * _AROUND
    faces = tube_faces(rows, _AROUND)
    faces += [[top + i, top + (i + 1) % _AROUND, len(v)] for i in range(_AROUND)]
    return np.vstack([v, v[top:].mean(0) + np.array([0, 0, 0.0015])]), faces


def _ear_top(skull: Skull) -> float:
    return skull.above_eyes(skull.ear_z[1])


def _bouffant(skull: Skull, rng: random.Random, colour: Colour, room: float) -> Hat:
    """A puffy disposable cap, gathered by elastic, often over the ears."""
    k = skull.scale
    front, back = rng.uniform(0.044, 0.062), -rng.uniform(0.05, 0.085)
    side = _ear_top(skull) + rng.uniform(-0.055, -0.012)
    puff, bulk = rng.uniform(0.016, 0.036) * k, rng.uniform(0.2, 1.0)
    phase = [rng.uniform(0, 6.28) for _ in range(5)]

    def line(azimuth: Array) -> Array:
        return skull.edge(azimuth, front, side, back)

    def above(a: Array, u: float, elevation: Array) -> Array:
        body = math.sin(min(1, u * 2.0) * math.pi / 2) ** 0.9 if u > 0 else 0.0
        ear = np.exp(-(((folded(a) - skull.ear_azimuth - 0.12) / 0.34) ** 2)) * np.exp(-((elevation / 0.45) ** 2))
        waves = 1 + 0.22 * np.sin(5 * a + phase[0] + 3 * u) + 0.16 * np.sin(9 * a + phase[1] - 5 * u)
        waves = (
            waves + 0.12 * np.sin(13 * a + phase[2] + 9 * u) + 0.10 * np.sin(21 * a + phase[3] + 12 * u) * (1 - u)
        )
        lower = 1 - 0.45 * max(0, u - 0.55) / 0.45
        gathers = np.sin(34 * a + phase[4] + 2 * np.sin(3 * a)) * math.exp(-u * 9) * (u > 0.02)
        swell = puff * body * waves * (1 + 0.6 * bulk * np.clip(-np.cos(a), 0, 1)) * lower
        return np.asarray(0.0045 + room * 0.5 + 0.017 * ear * k + swell + 0.0045 * k * gathers)

    v, faces = _shell(skull, skull.elevation_at(_AZIMUTH, line(_AZIMUTH)), above, 26)
    look = Look("nonwoven", colour, alpha=rng.uniform(0.72, 0.97))
    return Hat([Part("hat", v, skull.human.rigid(len(v)), faces, look)], line)


def _cap(skull: Skull, rng: random.Random, colour: Colour, room: float) -> Hat:
    """A baseball cap with six panels; one in ten is worn backwards."""
    front, back = rng.uniform(0.052, 0.066), rng.uniform(-0.01, 0.012)
    side = _ear_top(skull) + 0.012
    behind = rng.random() < 0.1
    crown = rng.uniform(0.006, 0.016)

    def line(azimuth: Array) -> Array:
        return skull.edge(azimuth, front, side, back)

    def above(a: Array, u: float, _: Array) -> Array:
        ahead = np.exp(-(folded(a + np.pi if behind else a) ** 2)) * math.sin(min(1, u * 1.6) * math.pi)
        seam = np.abs(np.sin(3 * a)) < 0.06
        height = 0.0045 + room * 0.7 + crown * ahead + 0.004 * math.sin(min(1, u * 2) * math.pi / 2)
        return np.asarray(height - 0.0012 * seam)

    shell = _shell(skull, skull.elevation_at(_AZIMUTH, line(_AZIMUTH)), above, 12)
    peak = _peak(skull, rng, line, room, behind)
    v, faces = joined([shell, peak])
    paint = np.tile(np.array(colour), (len(v), 1))
    if rng.random() >= 0.75 and max(colour) > 0.1:
        paint[len(shell[0]) :] = rng.choice([BLACK, (0.5, 0.04, 0.04), (0.05, 0.08, 0.3)])
    look = Look("fabric", colour, painted=True)
    return Hat([Part("hat", v, skull.human.rigid(len(v)), faces, look, colour=paint)], line)


def _peak(skull: Skull, rng: random.Random, line: Line, room: float, behind: bool) -> tuple[Array, list[Face]]:
    """The peak: two curved sheets, 2 mm apart."""
    m, rows = 15, 5
    azimuth = np.linspace(-0.98, 0.98, m) + (math.pi if behind else 0)
    elevation = skull.elevation_at(azimuth, line(azimuth) + 0.004)
    rim = skull.point(azimuth, elevation, 0.005 + room * 0.7, padded=True)
    length = rng.uniform(0.058, 0.075) * skull.scale
    drop, curve = rng.uniform(0.1, 0.45), rng.uniform(2.5, 7)
    out = np.array([0, 1 if behind else -1, 0.0])
    reach = np.cos(np.linspace(-1, 1, m) * 1.25)[:, None] ** 0.6
    sheets = []
    for u in np.linspace(0, 1, rows):
        down = (drop * length * u + curve * rim[:, 0] ** 2 * u)[:, None]
        sheets.append(rim + out * length * u * reach - np.array([0, 0, 1]) * down)
    v = np.concatenate(sheets)
    faces = grid_faces(rows, m) + [face[::-1] for face in grid_faces(rows, m, rows * m)]
    return np.vstack([v, v - [0, 0, 0.002]]), faces


def _bandana(skull: Skull, rng: random.Random, colour: Colour, room: float) -> Hat:
    """A cloth tied behind, with a knot and two ends."""
    k = skull.scale
    front, back = rng.uniform(0.050, 0.064), -rng.uniform(0.01, 0.04)
    side = _ear_top(skull) + rng.uniform(-0.006, 0.01)
    phase = [rng.uniform(0, 6.28) for _ in range(2)]

    def line(azimuth: Array) -> Array:
        return skull.edge(azimuth, front, side, back)

    def above(a: Array, u: float, _: Array) -> Array:
        folds = 0.0016 * np.sin(9 * a + phase[0] + 6 * u) + 0.0012 * np.sin(17 * a + phase[1] - 8 * u)
        bag = 0.005 * np.clip(-np.cos(a), 0, 1) * math.sin(min(1, u * 3) * math.pi)
        return np.asarray(0.004 + room * 0.8 + folds + bag)

    shell = _shell(skull, skull.elevation_at(_AZIMUTH, line(_AZIMUTH)), above, 14)
    behind = np.array([math.pi])
    up = skull.elevation_at(behind, line(behind))[0] + 0.06
    knot = skull.centre + directions(math.pi, up) * (skull.radius(behind, np.array([-0.1]))[0] + 0.022)
    pieces = [shell, ellipsoid(knot, ([1, 0, 0], [0, 1, 0], [0, 0, 1]), (0.022 * k, 0.014 * k, 0.014 * k))]
    for sign in (-1, 1):
        length, u = rng.uniform(0.07, 0.13) * k, np.linspace(0, 1, 6)
        path = np.stack([sign * (0.008 + 0.03 * u), 0.012 + 0.01 * np.sin(u * 2), -length * u], -1)
        pieces.append(ribbon(knot + path, 0.012, (1, 0, 0)))
    v, faces = joined(pieces)
    return Hat([Part("hat", v, skull.human.rigid(len(v)), faces, Look("fabric", colour))], line)


def _hairnet(skull: Skull, rng: random.Random, colour: Colour, hair: Strands | None) -> Hat:
    """A see-through net over all the hair, a bun included, with an elastic band."""
    k = skull.scale
    front, back = rng.uniform(0.056, 0.072), -rng.uniform(0.035, 0.06)
    side = _ear_top(skull) + rng.uniform(-0.012, 0.008)
    edge = skull.elevation_at(_AZIMUTH, skull.edge(_AZIMUTH, front, side, back))
    bun = hair.bun if hair is not None else None

    def above(a: Array, u: float, elevation: Array) -> Array:
        height = 0.0035 + 0.013 * math.sin(min(1, u * 3) * math.pi / 2) + 0 * a
        if bun is None:
            return height
        centre, radii = bun
        away = centre - skull.centre
        far = float(np.linalg.norm(away))
        angle = np.arccos(np.clip(directions(a, elevation) @ (away / far), -1, 1))
        over = far + radii[1] + 0.006 - skull.radius(a, elevation, padded=True)
        return np.asarray(np.maximum(height, over * np.exp(-((angle / 0.42) ** 4))))

    v, faces = _shell(skull, edge, above, 20)
    net = Look("net", colour, alpha=rng.uniform(0.7, 1.0), cell_m=rng.uniform(0.0045, 0.008) * k)
    parts = [Part("hatnet", v, skull.human.rigid(len(v)), faces, net)]
    band = np.concatenate([skull.point(_AZIMUTH, edge + e, 0.0048, padded=True) for e in (-0.022, 0, 0.022)])
    parts.append(
        Part("hatband", band, skull.human.rigid(len(band)), tube_faces(3, _AROUND), Look("fabric", colour))
    )
    return Hat(parts, None)
