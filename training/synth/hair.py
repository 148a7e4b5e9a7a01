"""Hair as strands: roots on the scalp, walked over the skull as a style wants, clumped, pressed by a hat."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.synth.mesh import Array
from training.synth.scalp import from_crown, hairline
from training.synth.skull import Skull, directions

Line = Callable[[Array], Array]  # azimuth -> metres above the eyes


@dataclass(frozen=True)
class Style:
    """`lift_deg` is how steeply strands leave the scalp, `clump` how much they join (0 to 1)."""

    count: int
    length_m: float
    radius_m: float
    lift_deg: float
    frizz_m: float = 0.0009
    clump: float = 0.0
    clumps: int = 300
    points: int = 6


STYLES = {
    "crew": Style(15000, 0.011, 0.0007, 60, 0.0016),
    "short": Style(11000, 0.033, 0.0007, 24, 0.0006, 0.45, 520),
    "side": Style(11000, 0.046, 0.0007, 20, 0.0006, 0.5),
    "slick": Style(8000, 0.085, 0.0007, 12, 0.0009, 0.45),
    "curly": Style(8500, 0.06, 0.0007, 55, 0.0009, 0.7, 420, 7),
    "bob": Style(8500, 0.21, 0.0008, 5, 0.0009, 0.4, 300, 7),
    "long": Style(8500, 0.36, 0.0008, 4, 0.0009, 0.4, 300, 7),
    "ponytail": Style(7500, 0.15, 0.0008, 6),
    "bun": Style(7500, 0.15, 0.0008, 6),
    "afro": Style(12000, 0.04, 0.0006, 75, 0.0022),
}
TIED, HANGING = ("ponytail", "bun"), ("bob", "long")


@dataclass(frozen=True)
class Growth:
    """How a head's hair differs from its style.

    `crown` is the angle (radians) of a bald crown, `recede` metres of receding hairline, `squash` below 1 is hair
    under a net, `tie_deg` the elevation of a knot, `hat_line` the edge of a hat: hair above it is left out.
    """

    style: str
    hat_line: Line | None = None
    crown: float = 0.0
    recede: float = 0.0
    squash: float = 1.0
    tie_deg: float | None = None


@dataclass(frozen=True)
class Strands:
    """`points` (N, K, 3) in the rest pose, thickness at the root, and a bun's middle and radii if there is one."""

    points: Array
    radius_m: float
    bun: tuple[Array, Array] | None = None


def grown(skull: Skull, growth: Growth, rng: random.Random) -> Strands | None:
    """Strands of a head, or None for bald ones and where a hat leaves fewer than 30."""
    if growth.style == "bald":
        return None
    style = STYLES[growth.style]
    noise = np.random.default_rng(rng.randint(0, 10**9))
    azimuth, elevation = _roots(skull, growth, style, noise)
    if len(azimuth) < 30:
        return None
    walk = _Walk(skull, growth, rng, noise, (azimuth, elevation))
    points = walk.tied() if growth.style in TIED else walk.hanging() if growth.style in HANGING else walk.swept()
    if style.clump:
        points = _clumped(points, style, noise)
    if growth.style == "curly":
        points = _curled(points, noise, skull.scale)
    spread = np.linspace(0.3, 1, style.points - 1)[None, :, None]
    points[:, 1:] += noise.normal(0, style.frizz_m, points[:, 1:].shape) * spread
    points = _pressed(skull, points, growth)
    bun = None
    if growth.style in TIED and _shows(skull, walk.knot, growth):
        extra, bun = _bun(walk, noise, rng) if growth.style == "bun" else (_tail(walk, noise, rng), None)
        points = np.concatenate([points, extra])
    return Strands(points.astype(np.float32), style.radius_m * skull.scale * rng.uniform(0.95, 1.25), bun)


def _roots(skull: Skull, growth: Growth, style: Style, noise: np.random.Generator) -> tuple[Array, Array]:
    """Roots spread evenly over the scalp that bears hair."""
    tries = int(style.count * (3.2 if growth.hat_line is None else 7))
    azimuth = noise.uniform(-np.pi, np.pi, tries)
    elevation = np.arcsin(noise.uniform(math.sin(math.radians(-50)), 1, tries))
    radius = skull.radius(azimuth, elevation)
    height = skull.point(azimuth, elevation)[:, 2] - skull.human.eye_z
    kept = noise.random(tries) < radius**2 / np.max(radius**2)
    ragged = noise.normal(0, 0.005, tries) + 0.003 * np.sin(11 * azimuth + 3 * elevation) * np.cos(5 * elevation)
    kept &= height > hairline(skull, azimuth, growth.recede) + ragged
    if growth.crown > 0:
        rim = growth.crown * (1 + 0.1 * noise.normal(size=tries))
        kept &= (from_crown(azimuth, elevation) > rim) | (noise.random(tries) < 0.04)
    if growth.hat_line is not None:
        kept &= height < growth.hat_line(azimuth) + 0.006
    chosen = np.flatnonzero(kept)[: style.count]
    return azimuth[chosen], elevation[chosen]


class _Walk:
    """Walks strands from their roots over the skull, one step a point."""

    def __init__(
        self,
        skull: Skull,
        growth: Growth,
        rng: random.Random,
        noise: np.random.Generator,
        roots: tuple[Array, Array],
    ) -> None:
        azimuth, elevation = roots
        style = STYLES[growth.style]
        self.skull, self.growth, self.style = skull, growth, style
        self.azimuth = azimuth
        self.root = skull.point(azimuth, elevation)
        self.n, self.k = len(azimuth), style.points
        scale = skull.scale
        self.length = style.length_m * scale * rng.uniform(0.85, 1.25) * noise.uniform(0.7, 1.15, self.n)
        self.whorl = skull.point(np.array([math.pi + rng.uniform(-0.3, 0.3)]), np.radians([58.0]))[0]
        self.parting = rng.choice([-1, 1]) * rng.uniform(0.02, 0.045) * scale
        tie = growth.tie_deg if growth.tie_deg is not None else rng.choice([55, 20, 15, -8, -15])
        self.knot = skull.point(np.array([math.pi]), np.radians([float(tie)]), 0.012)[0]
        self.jitter = noise.normal(0, 0.22, (self.n, 3))
        self.share = noise.random(self.n)
        self.comb = (rng.choice([23, 31, 43]), rng.uniform(0, 6))

    def _above(self) -> Array:
        return np.asarray((self.root[:, 2] - self.skull.human.eye_z) / self.skull.scale)

    def _out(self, q: Array, least: Array) -> Array:
        """Points pushed out to at least `least` metres from the skull's centre."""
        radius = np.maximum(np.linalg.norm(q - self.skull.centre, axis=1), 1e-6)
        factor = np.where(radius < least, least / radius, 1)[:, None]
        return np.asarray(self.skull.centre + (q - self.skull.centre) * factor)

    def _swept_towards(self, q: Array) -> Array:
        """Direction of growth of crew, short, side, slick, curly, afro."""
        style = self.growth.style
        if style == "slick":
            return np.tile(np.array([0, 1, -0.25]), (len(q), 1))
        away = q - self.whorl
        if style == "side":
            away = away / np.linalg.norm(away, axis=1, keepdims=True)
            pull = np.where(self.root[:, 0] > self.parting, 0.9, -0.5) * -np.sign(self.parting)
            away[:, 0] += pull * np.clip((self.root[:, 2] - self.skull.human.eye_z) / 0.08, 0, 1)
        return np.asarray(away)

    def swept(self) -> Array:
        """Hair that grows away from the whorl, backwards or to a side; shorter at the sides."""
        style, skull = self.growth.style, self.skull
        if style == "slick":
            self.length *= np.interp(self._above(), [-0.07, -0.02, 0.03, 0.06], [0.15, 0.3, 0.6, 1.0])
        elif style != "afro":
            self.length *= np.interp(self._above(), [-0.07, -0.03, 0.02, 0.06, 0.085], [0.22, 0.30, 0.5, 0.85, 1.0])
        q, points = self.root.copy(), [self.root]
        for j in range(1, self.k):
            u = j / (self.k - 1)
            up = q - skull.centre
            up /= np.linalg.norm(up, axis=1, keepdims=True)
            along = self._swept_towards(q)
            along = along - up * (along * up).sum(1, keepdims=True)
            along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
            lift = math.radians(self.style.lift_deg * self.growth.squash * (1 - u * 0.75))
            along = along + self.jitter * (1 if style == "afro" else 0.5)
            q = q + (along * math.cos(lift) + up * math.sin(lift)) * (self.length / (self.k - 1))[:, None]
            if style in ("side", "short"):
                q[:, 2] -= 0.0012 * u * skull.scale
            azimuth, elevation, _ = skull.spherical(q)
            least = skull.radius(azimuth, elevation) + 0.002 + 0.004 * u * self.growth.squash
            q = self._out(q, np.where(elevation > -1.1, least, 0))
            points.append(q)
        return np.stack(points, 1)

    def tied(self) -> Array:
        """Hair combed over the skull to a knot."""
        skull, (teeth, phase) = self.skull, self.comb
        q, points = self.root.copy(), [self.root]
        for j in range(1, self.k):
            u = j / (self.k - 1)
            q = q + (self.knot - q) / (self.k - j) * 0.999
            azimuth, elevation, radius = skull.spherical(q)
            groove = 0.0028 * np.sin(self.azimuth * teeth + phase) * (self.share > 0.3) + 0.0015 * self.share
            least = skull.radius(azimuth, elevation) + min(0.0035 + 0.007 * u, 0.012) + groove * math.sin(u * 3.14)
            radius = np.maximum(least, 0) if u < 0.99 else np.maximum(radius, least)
            q = skull.centre + directions(azimuth, elevation) * radius[:, None]
            points.append(q)
        return np.stack(points, 1)

    def hanging(self) -> Array:
        """Hair that parts at the top and falls over the ears, never over the face."""
        skull = self.skull
        side = np.where(self.root[:, 0] > self.parting, 1.0, -1.0)
        front = np.clip(-(self.root[:, 1] - skull.centre[1]) / 0.07, 0, 1)
        ahead = np.clip((skull.centre[1] + 0.03 - self.root[:, 1]) / 0.08, 0, 1)
        # Lifted roots: strands that start in the skin would leave a crater at the crown, seen from above.
        out = self.root - skull.centre
        lifted = self.root + out / np.linalg.norm(out, axis=1, keepdims=True) * (
            0.004 + 0.010 * self.share[:, None]
        )
        q, points = lifted.copy(), [lifted]
        for j in range(1, self.k):
            u = j / (self.k - 1)
            top = np.clip((q[:, 2] - skull.human.eye_z - 0.03) / 0.06, 0, 1)
            sideways = side * np.clip(1 - np.abs(q[:, 0]) / 0.07, 0, 1) * (0.15 + 1.05 * ahead)
            along = np.stack(
                [sideways, 0.55 * front * (1 - u) + 0.7 * (1 - ahead) * top, np.full(self.n, -0.9)], -1
            )
            up = q - skull.centre
            up /= np.linalg.norm(up, axis=1, keepdims=True)
            along = along - up * (along * up).sum(1, keepdims=True)
            along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
            lift = math.radians(self.style.lift_deg * (1 - u * 0.75))
            step = (along + self.jitter * 0.5) * math.cos(lift) + up * math.sin(lift)
            q = self._draped(q + step * (self.length / (self.k - 1))[:, None])
            points.append(q)
        return np.stack(points, 1)

    def _draped(self, q: Array) -> Array:
        """Keep falling hair near the skull above the eyes, and in a tube beside the face below them."""
        skull = self.skull
        azimuth, elevation, radius = skull.spherical(q)
        surface = skull.radius(azimuth, elevation)
        low = q[:, 2] < skull.human.eye_z - 0.01
        bound = np.clip(radius, surface + 0.004, surface + 0.007 + 0.010 * self.share) / np.maximum(radius, 1e-6)
        q = skull.centre + (q - skull.centre) * np.where(low, 1, bound)[:, None]
        around = np.arctan2(q[:, 0], -(q[:, 1] - skull.centre[1]))
        flat = np.hypot(q[:, 0], q[:, 1] - skull.centre[1])
        wanted = skull.radius(around, np.full(self.n, -0.12)) * 0.93 + 0.008
        flat = np.where(low, np.clip(flat, wanted, wanted + 0.004 + 0.012 * self.share), flat)
        cheek = 1.02 * np.where(q[:, 0] < 0, -1.0, 1.0)
        around = np.where(low & (np.abs(around) < 1.02), cheek, around)
        return np.stack([flat * np.sin(around), skull.centre[1] - flat * np.cos(around), q[:, 2]], -1)


def _clumped(points: Array, style: Style, noise: np.random.Generator) -> Array:
    """Strands drawn towards a few guides, more at their ends."""
    n, k = points.shape[:2]
    guides = noise.choice(n, min(n, style.clumps), replace=False)
    of_guides = points[guides, 0]
    # The nearest root: |a - b|^2 less the part that is the same for all guides.
    nearest = ((of_guides**2).sum(1)[None] - 2 * points[:, 0] @ of_guides.T).argmin(1)
    t = np.linspace(0, 1, k)[None, :, None]
    guide = points[guides[nearest]] + (points[:, :1] - points[guides[nearest], :1]) * (1 - t)
    return np.asarray(points * (1 - style.clump * t) + guide * style.clump * t)


def _curled(points: Array, noise: np.random.Generator, scale: float) -> Array:
    n, k = points.shape[:2]
    phase = noise.uniform(0, 6.28, n)[:, None] * 0.2 + np.arange(k)[None] * 2.1 + points[:, :1, 0] * 300
    size = 0.0065 * scale * np.linspace(0, 1, k)[None]
    return points + np.stack([np.sin(phase), np.sin(phase * 1.3), np.cos(phase)], -1) * size[..., None]


def _pressed(skull: Skull, points: Array, growth: Growth) -> Array:
    """Hair flat under a hat's edge, and close to the skull under a net."""
    limits = []
    azimuth, elevation, radius = skull.spherical(points)
    surface = skull.radius(azimuth, elevation)
    if growth.hat_line is not None:
        above = points[..., 2] - skull.human.eye_z - growth.hat_line(azimuth)
        room = np.interp(above, [-0.03, -0.008, 0.004], [0.02, 0.004, 0.0025])
        limits.append(np.where(above > -0.03, surface + room, np.inf))
    if growth.squash < 1:
        limits.append(np.where(elevation > -0.9, surface + 0.012 * growth.squash + 0.003, np.inf))
    for limit in limits:
        factor = np.minimum(1, limit / np.maximum(radius, 1e-6))
        points = skull.centre + (points - skull.centre) * factor[..., None]
        radius = radius * factor
    return points


def _shows(skull: Skull, knot: Array, growth: Growth) -> bool:
    """Whether a knot lies below the hat's edge."""
    if growth.hat_line is None:
        return True
    edge = float(growth.hat_line(np.array([math.pi]))[0])
    return bool(knot[2] - skull.human.eye_z <= edge - 0.012)


def _bun(walk: _Walk, noise: np.random.Generator, rng: random.Random) -> tuple[Array, tuple[Array, Array]]:
    """A ball of wound strands behind the knot."""
    scale, m, k = walk.skull.scale, 900, walk.k
    radii = np.array([0.040, 0.028, 0.034]) * scale * rng.uniform(0.85, 1.15)
    centre = walk.knot + np.array([0, 0.012 + 0.016 * scale, 0])
    axis = noise.normal(size=(m, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    axis[:, 1] += np.sign(axis[:, 1]) * 1.2
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    first = np.cross(axis, [0.3, 0.2, 1.0])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(axis, first)
    t = noise.uniform(0, 6.28, (m, 1)) + np.linspace(0, 4.2, k)[None]
    tilt = noise.uniform(-0.75, 0.75, (m, 1, 1))
    ring = np.cos(t)[..., None] * first[:, None] + np.sin(t)[..., None] * second[:, None]
    wound = ring * np.sqrt(1 - tilt**2) + axis[:, None] * tilt
    return centre + wound * radii * noise.uniform(0.55, 1.05, (m, 1, 1)), (centre, radii)


def _tail(walk: _Walk, noise: np.random.Generator, rng: random.Random) -> Array:
    """A ponytail that falls from the knot."""
    m = 1300
    length = rng.uniform(0.13, 0.30) * walk.skull.scale
    t = np.linspace(0, 1, walk.k)[None, :, None]
    start = walk.knot + np.array([0, 0.012, 0]) + noise.normal(0, 0.006, (m, 1, 3))
    out = np.array([0, 1, 0]) * rng.uniform(0.03, 0.07) * np.sin(np.minimum(t * 2.2, 1.57))
    fall = np.array([0, 0, -1]) * length * t**1.25 * noise.uniform(0.75, 1.05, (m, 1, 1))
    spread = noise.normal(0, 1, (m, 1, 3)) * np.array([0.016, 0.012, 0.004]) * np.sin(t * 2.6)
    return np.asarray(start + out + fall + spread + np.array([1, 0, 0]) * rng.uniform(-0.02, 0.02) * t)
