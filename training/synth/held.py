"""Cigarettes, and what looks like them: pens, chopsticks, thermometers, spoons, straws."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.synth.human import Human
from training.synth.mesh import Array, Colour, Look, Part, ellipsoid, rod, unit

STEEL, PAPER = (0.69, 0.70, 0.72), (0.92, 0.92, 0.90)
_FINGER = "index_02_r"


@dataclass(frozen=True)
class Segment:
    """A stretch of a rod: from, to (m), colour, radii at both ends, emission."""

    start: float
    end: float
    colour: Colour
    radii: tuple[float, float]
    emission: float = 0.0


@dataclass(frozen=True)
class Rod:
    """A thing of segments that follows `bone`, from `origin` to `tip` (rest pose)."""

    parts: list[Part]
    bone: str
    origin: Array
    tip: Array


def cigarette(rng: random.Random, length: float) -> list[Segment]:
    """Filter, paper, ember (seven in ten are lit), sometimes ash."""
    filtered = rng.uniform(0.020, 0.028)
    tip = rng.choice([(0.72, 0.40, 0.13), (0.72, 0.40, 0.13), (0.82, 0.62, 0.34), (0.9, 0.9, 0.88)])
    ash, lit = rng.choice([0, 0, 0.006, 0.012]), rng.random() < 0.7
    ember = length - ash - 0.004
    segments = [
        Segment(0, filtered, tip, (0.0041, 0.0041)),
        Segment(filtered, ember, PAPER, (0.0040, 0.0040)),
        Segment(ember, ember + 0.004, (1, 0.28, 0.06) if lit else (0.12, 0.1, 0.1), (0.0041, 0.0041), 5.0 * lit),
    ]
    return segments + ([Segment(length - ash, length, (0.42, 0.41, 0.4), (0.0036, 0.0036))] if ash else [])


def lookalike(kind: str, rng: random.Random) -> list[Segment]:
    """A pen, chopstick, thermometer or spoon's handle."""
    if kind == "pen":
        colour = rng.choice([(0.03, 0.06, 0.35), (0.02, 0.02, 0.02), (0.7, 0.7, 0.68), (0.6, 0.05, 0.05)])
        cap = rng.choice([(0.02, 0.02, 0.02), colour])
        return [
            Segment(0, 0.015, STEEL, (0.001, 0.004)),
            Segment(0.015, 0.115, colour, (0.0052, 0.0052)),
            Segment(0.115, 0.145, cap, (0.0055, 0.0055)),
        ]
    if kind == "chopstick":
        colour = rng.choice([(0.55, 0.36, 0.17), (0.7, 0.55, 0.33), (0.35, 0.08, 0.04), (0.75, 0.74, 0.7)])
        return [Segment(0, 0.24, colour, (0.0022, 0.0042))]
    if kind == "spoon":
        colour = rng.choice([(0.68, 0.68, 0.7), (0.8, 0.8, 0.78), (0.5, 0.34, 0.17)])
        return [Segment(0.02, 0.16, colour, (0.0032, 0.0032))]
    dial = [Segment(0, 0.115, STEEL, (0.0019, 0.0019)), Segment(0.115, 0.14, (0.03, 0.03, 0.03), (0.015, 0.015))]
    handle = rng.choice([(0.85, 0.85, 0.85), (0.8, 0.2, 0.1), (0.9, 0.8, 0.1)])
    probe = [Segment(0, 0.09, STEEL, (0.002, 0.002)), Segment(0.09, 0.17, handle, (0.008, 0.008))]
    return rng.choice([dial, probe])


def build(human: Human, name: str, origin: Array, direction: Array, bone: str, segments: Sequence[Segment]) -> Rod:
    """Parts `name0`, `name1`, ... of a rod that begins at `origin`."""
    parts = []
    d = unit(direction)
    for i, s in enumerate(segments):
        v, faces = rod(origin, d, (s.start, s.end), s.radii)
        look = Look(colour=s.colour, emission=s.emission)
        parts.append(Part(f"{name}{i}", v, human.rigid(len(v), bone), faces, look))
    return Rod(parts, bone, origin, origin + d * segments[-1].end)


def in_fingers(human: Human, name: str, segments: Sequence[Segment], behind: float = 0.03) -> Rod:
    """Held between index and middle finger of the right hand, `behind` metres of it inside the hand."""
    _, back, _ = human.hand_axes()
    return build(human, name, human.between_fingers() - back * behind, back, _FINGER, segments)


def at_mouth(human: Human, segments: Sequence[Segment], rng: random.Random) -> Rod:
    """A cigarette between the lips."""
    direction = unit([rng.uniform(-0.45, 0.45), -1, rng.uniform(-0.45, 0.02)])
    lips = human.mouth + np.array([rng.uniform(-0.018, 0.018), 0.004, -0.001])
    return build(human, "cig", lips - direction * 0.006, direction, "head", segments)


def spoon_bowl(human: Human, handle: Rod) -> Part:
    """The bowl at the near end of a spoon's handle."""
    fingers, _, grip = human.hand_axes()
    along = unit(handle.tip - handle.origin)
    v, faces = ellipsoid(handle.origin + along * 0.004, (along, grip, fingers), (0.024, 0.017, 0.007))
    return Part("propbowl", v, human.rigid(len(v), handle.bone), faces, handle.parts[0].look)


def straw_with_cup(human: Human, rng: random.Random) -> tuple[Rod, Array]:
    """A straw at the lips in a cup; also the point where a hand holds the cup."""
    direction = unit([rng.uniform(-0.25, 0.25), -0.55, -0.85])
    lips = human.mouth + np.array([0, 0.004, -0.001])
    length = rng.uniform(0.13, 0.19)
    colour = rng.choice([(0.85, 0.85, 0.85), (0.8, 0.1, 0.1), (0.1, 0.1, 0.1), (0.2, 0.6, 0.3)])
    straw = build(
        human, "prop", lips - direction * 0.004, direction, "head", [Segment(0, length, colour, (0.003, 0.003))]
    )
    end = lips + direction * length
    paper = rng.choice([(0.85, 0.85, 0.83), (0.5, 0.3, 0.15), (0.75, 0.1, 0.08)])
    sides = [Segment(0, 0.10, paper, (0.030, 0.039)), Segment(0.10, 0.104, (0.9, 0.9, 0.9), (0.041, 0.041))]
    cup = build(human, "propcup", end + np.array([0, 0, -0.085]), np.array([0, 0, 1.0]), "head", sides)
    return Rod(straw.parts + cup.parts, "head", straw.origin, straw.tip), end + np.array([0, 0, -0.045])


def cup_in_hand(human: Human) -> Rod:
    """A paper cup in the right fist; its tip is the middle of the rim."""
    fingers, back, grip = human.hand_axes()
    wrist, knuckle = human.joints["hand_r"][0], human.joints["middle_01_r"][0]
    middle = knuckle * 0.8 + wrist * 0.2 - back * 0.045 + fingers * 0.02
    paper = [
        Segment(-0.05, 0.05, (0.85, 0.85, 0.83), (0.028, 0.037)),
        Segment(0.05, 0.053, (0.9, 0.9, 0.9), (0.039, 0.039)),
    ]
    return build(human, "propcup", middle, grip, "hand_r", paper)
