"""Masks: surgical, folded respirator (N95) and cloth; on, under the nose, on the chin, or hanging from one ear."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.synth.mesh import Array, Colour, Face, Look, Part, grid_faces, joined, ribbon
from training.synth.skull import Caster, Skull

KINDS, STATES = ("surgical", "n95", "cloth"), ("on", "nose", "chin", "ear")
_ROWS, _COLUMNS = 17, 27
_REACH = {"surgical": 1.16, "cloth": 1.12, "n95": 0.98}  # radians from the nose to the sides


@dataclass(frozen=True)
class _Strap:
    """Loops of a mask, collected as ribbons."""

    pieces: list[tuple[Array, list[Face]]]

    def add(self, a: Array, b: Array, bow: Array | None = None, width: float = 0.0021) -> None:
        """A loop from a to b, bent outwards by `bow` (default: 8 mm to the side)."""
        u = np.linspace(0, 1, 10)[:, None]
        bent = np.array([np.sign(a[0] + 1e-9) * 0.008, 0, 0]) if bow is None else bow
        self.pieces.append(ribbon(a + (b - a) * u + bent * np.sin(u * math.pi), width))


def mask(state: str, kind: str, skull: Skull, face: Caster, rng: random.Random, colour: Colour) -> list[Part]:
    """Parts `mask` and `maskloop`; `face` answers rays against the head with its ears."""
    straps = _Strap([])
    if state == "ear":
        sheet = _hanging(skull, rng, straps)
    else:
        sheet = _worn(state, kind, skull, face, rng)
        if kind == "n95" and state == "on":
            _around_the_head(skull, sheet, straps)
        else:
            _around_the_ears(skull, sheet, straps)
    v, faces = sheet.reshape(-1, 3), grid_faces(*sheet.shape[:2])
    cloth = Look("fabric" if kind == "cloth" else "nonwoven", colour)
    loop_v, loop_faces = joined(straps.pieces)
    cord = Look(colour=(0.85, 0.85, 0.85) if sum(colour) > 0.3 else (0.05, 0.05, 0.05))
    rigid = skull.human.rigid
    return [
        Part("mask", v, rigid(len(v)), faces, cloth),
        Part("maskloop", loop_v, rigid(len(loop_v)), loop_faces, cord),
    ]


def _span(state: str, skull: Skull, rng: random.Random) -> tuple[float, float]:
    """Heights of the upper and lower edge on the face's middle."""
    human, k = skull.human, skull.scale
    if state == "on":
        return human.nose[2] + rng.uniform(0.016, 0.027) * k, human.chin_z - rng.uniform(0.006, 0.014) * k
    if state == "nose":
        return human.nose[2] - rng.uniform(0.008, 0.016) * k, human.chin_z - rng.uniform(0.006, 0.014) * k
    return human.chin_z + rng.uniform(0.012, 0.026) * k, human.chin_z - 0.036 * k


def _heights(state: str, kind: str, angle: Array, z: Array, row: Array) -> Array:
    """The edges' curve from the middle to the sides."""
    out = np.abs(angle) ** 1.5
    if state == "on":
        middle = np.abs(row - 0.5) * 2
        bend = middle if kind == "n95" else 1 - 0.2 * (middle < 0.3)
        return np.asarray(z - np.where(row < 0.5, 0.020, -0.014) * out * bend)
    if state == "nose":
        return np.asarray(z + 0.012 * np.abs(angle) ** 1.3 * (1 - row) + 0.012 * out * row)
    return np.asarray(z + 0.020 * np.abs(angle) ** 1.3)


def _worn(state: str, kind: str, skull: Skull, face: Caster, rng: random.Random) -> Array:
    """A sheet (17, 27, 3) stretched over the face by rays, with the kind's pleats, fold or seam."""
    human, k = skull.human, skull.scale
    top, low = _span(state, skull, rng)
    row = np.linspace(0, 1, _ROWS)[:, None]
    across = np.linspace(-1, 1, _COLUMNS)[None]
    narrow = 0.28 if kind == "n95" else 0.12
    reach = 1.05 if state == "chin" else _REACH[kind]
    angle = across * reach * (1 - narrow * np.abs(row - 0.5) * 2)
    z = _heights(state, kind, angle, top + (low - top) * row + 0 * across, row + 0 * across)
    depth = np.full((_ROWS, _COLUMNS), np.nan)
    for i in range(_ROWS):
        for j in range(_COLUMNS):
            away = np.array([math.sin(angle[i, j]), -math.cos(angle[i, j]), 0])
            origin = np.array([0, human.hc[1] + 0.01, z[i, j]])
            hit = face.distance(origin + away * 0.3, -away, 0.3)
            if hit is not None and 0.3 - hit < 0.19:
                depth[i, j] = 0.3 - hit
    for j in range(_COLUMNS):
        known = np.flatnonzero(~np.isnan(depth[:, j]))
        depth[:, j] = np.interp(np.arange(_ROWS), known, depth[known, j]) if len(known) else 0.08
    for _ in range(10 if state == "on" else 6):  # cloth spans hollows
        p = np.pad(depth, 1, mode="edge")
        depth = np.maximum(depth, (p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2]) / 4)
    if kind == "n95":
        dome = np.sin(row * np.pi) ** 0.8 * np.cos(np.clip(angle / reach * 1.35, -1.5, 1.5))
        depth = depth + 0.006 + 0.016 * k * dome + 0.003 * np.exp(-(((row - 0.5) / 0.04) ** 2))
    elif kind == "cloth":
        depth = depth + 0.0065 + 0.006 * k * np.exp(-((angle / 0.16) ** 2)) * np.sin(row * np.pi)
    else:
        pleats = 0.0022 * k * ((row * 4) % 1 - 0.5) * np.cos(angle) * (state != "chin")
        depth = depth + 0.0072 + pleats + 0.001 * np.sin(row * 20 + angle * 7)
    return np.stack([depth * np.sin(angle), human.hc[1] + 0.01 - depth * np.cos(angle), z], -1)


def _around_the_ears(skull: Skull, sheet: Array, straps: _Strap) -> None:
    human, k = skull.human, skull.scale
    top, low = skull.ear_z[1] - 0.008 * k, skull.ear_z[0] + 0.010 * k
    y = human.hc[1] * 0.3 + skull.ear_y[1] * 0.7 - 0.004
    for sign, column in ((-1, 0), (1, -1)):
        x = sign * (human.half_width + 0.009)
        above, below = np.array([x, y, top]), np.array([x, y, low])
        straps.add(sheet[0, column], above)
        straps.add(sheet[-1, column], below)
        straps.add(above, below + np.array([0, 0.004, 0]), np.array([sign * 0.002, 0, 0]))


def _around_the_head(skull: Skull, sheet: Array, straps: _Strap) -> None:
    """Two bands behind the head, above and below the ears."""
    k = skull.scale
    for z, row in ((skull.ear_z[1] + 0.02 * k, 4), (skull.ear_z[0] - 0.02 * k, _ROWS - 5)):
        for sign, column in ((-1, 0), (1, -1)):
            azimuth = sign * np.linspace(1.35, math.pi, 8)
            elevation = skull.elevation_at(azimuth, np.full(8, z - skull.human.eye_z))
            path = [sheet[row, column], *skull.point(azimuth, elevation, 0.008)]
            for a, b in pairwise(path):
                straps.add(a, b, np.zeros(3), 0.0028)


def _hanging(skull: Skull, rng: random.Random, straps: _Strap) -> Array:
    """A sheet (13, 7, 3) that hangs from one ear by its loop."""
    k, side = skull.scale, rng.choice([-1, 1])
    rows, columns = 13, 7
    width, length = 0.088 * k, rng.uniform(0.125, 0.155) * k
    x, y = side * (skull.ear_x + 0.006), skull.ear_y[0] - rng.uniform(0.012, 0.035) * k - 0.010 * k
    z = skull.ear_z[0] + rng.uniform(-0.012, 0.018) * k
    u, v = np.linspace(0, 1, rows)[:, None], (np.linspace(-0.5, 0.5, columns) * width)[None]
    twist = rng.uniform(-0.5, 0.5) * u
    facing, forward, fold = rng.uniform(-1.25, 1.25), rng.uniform(0.01, 0.05), rng.uniform(0, 0.02)
    out = 0.010 + 0.012 * np.sin(u * 2.2) + np.abs(v) * np.abs(np.sin(twist)) * 0.8
    out = out + (v + width / 2) * abs(math.sin(facing)) + fold * np.cos(v / width * 3) + 0.004 * np.sin(7 * u)
    depth = y + v * np.cos(twist) * math.cos(facing) - forward * u
    sheet = np.stack([x + side * out, depth, z - length * u + 0 * v], -1)
    ear_y = skull.ear_y[0] * 0.35 + skull.ear_y[1] * 0.65
    ear = np.array([side * (skull.ear_x - 0.004), ear_y, skull.ear_z[1] - 0.012 * k])
    straps.add(sheet[0, 0], ear, np.array([side * 0.008, -0.006, 0]))
    straps.add(sheet[0, -1], ear, np.array([side * 0.008, 0.004, 0]))
    below = sheet[-1, columns // 2] + [0, 0, -0.045 * k]
    straps.add(sheet[-1, 0], below, np.array([0, -0.012, 0]))
    straps.add(sheet[-1, -1], below, np.array([0, 0.012, 0]))
    return sheet
