"""A canteen kitchen as plain geometry: walls, stove and hood, tables, racks, pots, lamps. Drawn from a seed.

The room spans x from 0 to `width` and y from 0 to `depth`; cameras hang near y = 0, the stove is at the far end.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import numpy as np

from training.synth.mesh import Array, Colour, Face, Look, moved, turn

STEEL = Look("steel", (0.62, 0.63, 0.64), 0.32)
DARK, PAN = Look(colour=(0.03, 0.03, 0.035), roughness=0.5), Look("steel", (0.02, 0.02, 0.02), 0.4)
WHITE, WOOD = Look(colour=(0.8, 0.8, 0.78), roughness=0.5), Look(colour=(0.45, 0.28, 0.14))
_TILES: list[Colour] = [
    (0.82, 0.82, 0.8),
    (0.75, 0.8, 0.82),
    (0.85, 0.83, 0.75),
    (0.6, 0.72, 0.78),
    (0.8, 0.85, 0.8),
]
_FLOORS: list[Colour] = [(0.45, 0.25, 0.18), (0.5, 0.48, 0.45), (0.35, 0.36, 0.38), (0.6, 0.55, 0.48)]
_FOOD: list[Colour] = [(0.7, 0.1, 0.05), (0.15, 0.45, 0.08), (0.8, 0.5, 0.1), (0.8, 0.8, 0.6)]


@dataclass(frozen=True)
class Lamp:
    """A fluorescent tube under the ceiling: place, watts, colour."""

    at: tuple[float, float, float]
    watts: float
    colour: Colour


@dataclass(frozen=True)
class Table:
    """Middle, width along x and depth along y, metres."""

    x: float
    y: float
    width: float
    depth: float


@dataclass
class Room:
    """`solids` are (vertices, faces, look)."""

    width: float
    depth: float
    height: float
    solids: list[tuple[Array, list[Face], Look]] = field(default_factory=list)
    lamps: list[Lamp] = field(default_factory=list)
    island: Table | None = None
    stove: tuple[float, float] = (0.0, 0.0)  # middle and width
    racks_at_right: bool = True

    def box(
        self, at: tuple[float, float, float], size: tuple[float, float, float], look: Look, yaw: float = 0.0
    ) -> None:
        """A box with slightly broken edges."""
        v, faces = chamfered(size)
        self.solids.append((v @ turn([0, 0, 1], math.degrees(yaw)).T + np.array(at), faces, look))

    def cylinder(
        self,
        at: tuple[float, float, float],
        radii: tuple[float, float],
        height: float,
        look: Look,
        along: str = "z",
    ) -> None:
        """A cylinder or cone with its axis along x, y or z."""
        n = 24
        t = np.arange(n) * 2 * np.pi / n
        rings = [
            np.stack([r * np.cos(t), r * np.sin(t), np.full(n, z)], -1)
            for r, z in zip(radii, (-height / 2, height / 2), strict=True)
        ]
        faces: list[Face] = [[i, (i + 1) % n, n + (i + 1) % n, n + i] for i in range(n)]
        faces += [list(range(n))[::-1], list(range(n, 2 * n))]
        turned = {"z": np.eye(3), "x": turn([0, 1, 0], 90), "y": turn([1, 0, 0], 90)}[along]
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = turned, at
        self.solids.append((moved(np.concatenate(rings), matrix), faces, look))


def chamfered(size: tuple[float, float, float], bevel: float = 0.006) -> tuple[Array, list[Face]]:
    """A box around the origin whose edges are broken by `bevel`."""
    half = np.array(size) / 2
    cut = min(bevel, float(half.min()) * 0.6)
    signs = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    number: dict[tuple[tuple[int, int, int], int], int] = {}
    v: list[Array] = []
    for sign in signs:
        for axis in range(3):
            inset = half - cut
            inset[axis] = half[axis]
            number[(sign, axis)] = len(v)
            v.append(np.array(sign) * inset)
    faces = [[number[(sign, axis)] for axis in range(3)] for sign in signs]
    for axis in range(3):
        one, other = (axis + 1) % 3, (axis + 2) % 3
        for s in (-1, 1):
            ring = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
            faces.append([number[(_sign({axis: s, one: a, other: b}), axis)] for a, b in ring])
            for t in (-1, 1):
                ends = [_sign({axis: e, one: s, other: t}) for e in (-1, 1)]
                faces.append(
                    [
                        number[(ends[0], one)],
                        number[(ends[1], one)],
                        number[(ends[1], other)],
                        number[(ends[0], other)],
                    ]
                )
    return np.array(v), faces


def _sign(by_axis: dict[int, int]) -> tuple[int, int, int]:
    return by_axis[0], by_axis[1], by_axis[2]


def furnished(seed: int, island: Table | None = None, any_island: bool = True) -> Room:
    """The kitchen of a seed; `island` puts a table where a scene needs it."""
    rng = random.Random(f"{seed}/kitchen")
    room = Room(rng.uniform(4.8, 7), rng.uniform(5, 8), rng.uniform(2.8, 3.4))
    _shell(room, rng)
    _stove(room, rng)
    _line(room, rng, room.stove[0] + room.stove[1] / 2 + 0.05, room.width - 0.03)
    _line(room, rng, 0.03, room.stove[0] - room.stove[1] / 2 - 0.05)
    room.racks_at_right = rng.random() < 0.5
    _side(room, rng)
    if island is not None:
        room.island = island
    elif any_island and rng.random() < 0.75 and room.width > 5 and room.depth > 5.6:
        room.island = Table(room.width / 2 + rng.uniform(-0.3, 0.3), room.depth - 2.55, rng.uniform(1.4, 2.2), 0.75)
    if room.island is not None:
        table(room, rng, room.island)
    _odds(room, rng)
    _lamps(room, rng)
    return room


def _scaled(colour: Colour, by: float) -> Colour:
    r, g, b = (min(1.0, c * by) for c in colour)
    return r, g, b


def _any_colour(rng: random.Random) -> Colour:
    grey, spread = rng.uniform(0.1, 0.7), rng.choice([0.04, 0.08, 0.25])
    r, g, b = (max(0.02, min(0.9, grey + rng.uniform(-spread, spread))) for _ in range(3))
    return r, g, b


def _shell(room: Room, rng: random.Random) -> None:
    w, d, h = room.width, room.depth, room.height
    tile, floor, size = rng.choice(_TILES), rng.choice(_FLOORS), rng.choice([0.15, 0.2, 0.3])
    walls = {axis: Look(f"tiles_{axis}", tile, 0.25, cell_m=size) for axis in "xy"}
    room.box(
        (w / 2, d / 2, -0.05),
        (w + 0.4, d + 0.4, 0.1),
        Look("tiles_z", floor, 0.35, cell_m=rng.choice([0.2, 0.3, 0.4])),
    )
    room.box((w / 2, d / 2, h + 0.05), (w + 0.4, d + 0.4, 0.1), Look("tiles_z", (0.8, 0.8, 0.78), 0.9, cell_m=0.6))
    for x in (-0.1, w + 0.1):
        room.box((x, d / 2, h / 2), (0.2, d, h), walls["x"])
    for y in (-0.1, d + 0.1):
        room.box((w / 2, y, h / 2), (w, 0.2, h), walls["y"])


def _stove(room: Room, rng: random.Random) -> None:
    d = room.depth
    width = rng.uniform(1.2, 2.4)
    x = rng.uniform(width / 2 + 0.3, room.width - width / 2 - 0.3)
    room.stove = (x, width)
    room.box((x, d - 0.42, 0.44), (width, 0.8, 0.88), STEEL)
    for i in range(int(width / 0.42)):
        at = x - width / 2 + 0.25 + i * 0.42
        room.cylinder((at, d - 0.42, 0.895), (0.12, 0.12), 0.03, PAN)
        room.cylinder((at, d - 0.83, 0.75), (0.02, 0.02), 0.03, PAN, "y")
        room.box((at, d - 0.825, 0.4), (0.34, 0.012, 0.4), DARK)
        if rng.random() < 0.65:
            clutter(room, rng, (at - 0.01, at + 0.01, d - 0.43, d - 0.42), 0.91, 1)
    z = rng.uniform(1.95, 2.15)
    room.box((x, d - 0.5, z + 0.12), (width + 0.3, 1.0, 0.24), STEEL)
    room.box((x, d - 0.25, z + 0.55), (0.5, 0.45, 0.7), STEEL)
    room.box((x, d - 0.5, z - 0.005), (width * 0.6, 0.12, 0.02), Look(colour=(1, 0.95, 0.85), emission=4))


def _line(room: Room, rng: random.Random, x: float, end: float) -> None:
    """Tables and refrigerators along the far wall."""
    d = room.depth
    while end - x > 0.7:
        w = min(rng.uniform(0.9, 1.6), end - x)
        if rng.random() < 0.25 and w < 1.3:
            h = rng.uniform(1.8, 2.05)
            room.box((x + w / 2, d - 0.36, h / 2), (w - 0.02, 0.7, h), rng.choice([STEEL, WHITE]))
            room.box((x + w / 2 - 0.05, d - 0.73, 1.2), (0.03, 0.04, 0.35), DARK)
            room.box((x + w / 2, d - 0.712, h / 2), (0.01, 0.005, h - 0.1), DARK)
        else:
            table(room, rng, Table(x + w / 2, d - 0.38, w - 0.03, 0.7))
            if rng.random() < 0.6:
                room.box((x + w / 2, d - 0.16, 1.5), (w - 0.1, 0.3, 0.03), STEEL)
                clutter(room, rng, (x + 0.15, x + w - 0.15, d - 0.24, d - 0.1), 1.52, rng.randint(2, 5))
        x += w


def _side(room: Room, rng: random.Random) -> None:
    """Tables and racks along a side wall."""
    x = room.width - 0.36 if room.racks_at_right else 0.36
    y = 1.2
    while y < room.depth - 1.9:
        length = rng.uniform(1, 1.8)
        middle = y + length / 2
        if rng.random() < 0.6:
            table(room, rng, Table(x, middle, 0.68, length - 0.05))
        else:
            for z in (0.3, 0.8, 1.3, 1.8):
                room.box((x, middle, z), (0.5, length - 0.1, 0.03), STEEL)
                clutter(room, rng, (x - 0.12, x + 0.12, y + 0.15, y + length - 0.15), z + 0.015, rng.randint(2, 4))
            for a in (-1, 1):
                for b in (-1, 1):
                    room.cylinder(
                        (x + a * 0.23, middle + b * (length / 2 - 0.08), 0.95), (0.015, 0.015), 1.9, STEEL
                    )
        y += length


def table(room: Room, rng: random.Random, t: Table, height: float = 0.88) -> None:
    """A steel table with a shelf, and things on both."""
    room.box((t.x, t.y, height - 0.02), (t.width, t.depth, 0.04), STEEL)
    for a in (-1, 1):
        for b in (-1, 1):
            at = (t.x + a * (t.width / 2 - 0.05), t.y + b * (t.depth / 2 - 0.05), height / 2 - 0.02)
            room.cylinder(at, (0.02, 0.02), height - 0.04, STEEL)
    room.box((t.x, t.y, 0.25), (t.width - 0.06, t.depth - 0.06, 0.03), STEEL)
    for inset, z, count in ((0.2, 0.27, rng.randint(1, 4)), (0.15, height, rng.randint(3, 7))):
        w, d = t.width / 2 - inset, t.depth / 2 - 0.13
        clutter(room, rng, (t.x - w, t.x + w, t.y - d, t.y + d), z, count)


def clutter(room: Room, rng: random.Random, area: tuple[float, float, float, float], z: float, count: int) -> None:
    """Pots, pans, boards, bowls, boxes and bottles on an area (x0, x1, y0, y1) at height z."""
    for _ in range(count):
        x, y, u = rng.uniform(*area[:2]), rng.uniform(*area[2:]), rng.random()
        if u < 0.3:
            radius, h = rng.uniform(0.1, 0.2), rng.uniform(0.12, 0.3)
            room.cylinder((x, y, z + h / 2), (radius, radius), h, STEEL)
            room.cylinder((x, y, z + h + 0.008), (radius * 1.02,) * 2, 0.015, STEEL)
            room.cylinder((x, y, z + h + 0.03), (0.018, 0.018), 0.03, PAN)
        elif u < 0.42:
            room.cylinder((x, y, z + 0.03), (0.13, 0.16), 0.05, PAN)
            room.box((x + 0.24, y, z + 0.05), (0.2, 0.025, 0.02), PAN)
        elif u < 0.55:
            board = rng.choice([WOOD, WHITE, Look(colour=(0.1, 0.5, 0.2))])
            room.box((x, y, z + 0.01), (0.4, 0.27, 0.02), board, rng.uniform(0, 3))
            food = Look(colour=rng.choice(_FOOD), roughness=0.5)
            for _ in range(5):
                size = rng.uniform(0.02, 0.035)
                at = (x + rng.uniform(-0.1, 0.1), y + rng.uniform(-0.08, 0.08), z + 0.035)
                room.cylinder(at, (size, size), 0.04, food)
        elif u < 0.72:
            bowl = rng.choice([STEEL, WHITE, Look(colour=_any_colour(rng), roughness=0.4)])
            room.cylinder((x, y, z + 0.05), (0.07, 0.14), 0.1, bowl)
        elif u < 0.85:
            h = rng.uniform(0.1, 0.3)
            carton = Look(colour=rng.choice([(0.45, 0.3, 0.17), _any_colour(rng)]), roughness=0.8)
            room.box(
                (x, y, z + h / 2), (rng.uniform(0.15, 0.35), rng.uniform(0.12, 0.3), h), carton, rng.uniform(0, 3)
            )
        else:
            room.cylinder((x, y, z + 0.11), (0.035, 0.03), 0.22, Look(colour=_any_colour(rng), roughness=0.2))
            room.cylinder((x, y, z + 0.24), (0.015, 0.015), 0.05, WHITE)


def _odds(room: Room, rng: random.Random) -> None:
    """Crates on the floor, a door, posters, a pipe, an extinguisher."""
    for _ in range(rng.randint(2, 5)):
        h = rng.uniform(0.2, 0.5)
        crate = Look(colour=rng.choice([(0.05, 0.15, 0.5), (0.6, 0.1, 0.08), (0.1, 0.4, 0.15), (0.5, 0.33, 0.18)]))
        at = (rng.uniform(0.5, room.width - 0.5), rng.uniform(0.3, 1.0), h / 2)
        room.box(at, (rng.uniform(0.3, 0.5), rng.uniform(0.3, 0.5), h), crate, rng.uniform(0, 3))
    wall = 0.01 if room.racks_at_right else room.width - 0.01
    door = Look(colour=rng.choice([(0.5, 0.5, 0.52), (0.25, 0.3, 0.35), (0.7, 0.68, 0.6)]), roughness=0.5)
    room.box((wall, room.depth * 0.45, 1.03), (0.05, 0.95, 2.06), door)
    for _ in range(3):
        poster = Look(colour=(rng.uniform(0.4, 0.95), rng.uniform(0.4, 0.95), rng.uniform(0.4, 0.95)))
        size = (0.02, rng.uniform(0.25, 0.6), rng.uniform(0.3, 0.5))
        room.box((wall, rng.uniform(1, room.depth - 1), rng.uniform(1.4, 1.9)), size, poster)
    room.cylinder((room.width / 2, room.depth - 0.05, room.height - 0.25), (0.04, 0.04), room.width, STEEL, "x")
    out = 0.1 if room.racks_at_right else -0.1
    room.cylinder(
        (wall + out, room.depth * 0.3, 1.0), (0.07, 0.07), 0.45, Look(colour=(0.6, 0.03, 0.02), roughness=0.3)
    )


def _lamps(room: Room, rng: random.Random) -> None:
    for i in range(rng.randint(2, 3)):
        for k in range(rng.randint(1, 2)):
            y = room.depth * (i + 0.6) / 3.2
            x = room.width * (k + 1) / 3 if rng.random() < 0.8 else room.width / 2
            warm = rng.uniform(-0.08, 0.12)
            room.lamps.append(
                Lamp((x, y, room.height - 0.06), rng.uniform(28, 62), (1, 0.95 - warm * 0.4, 0.86 - warm))
            )
            room.box((x, y, room.height - 0.02), (0.18, 1.15, 0.05), WHITE)
            room.box((x, y, room.height - 0.048), (0.14, 1.1, 0.01), Look(colour=(1, 0.98, 0.94), emission=6))
