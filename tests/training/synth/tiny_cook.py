"""A made-up body with a skeleton and a ball for a head: what the generator needs of a human, without its assets."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from training.synth.human import Build, Human
from training.synth.mesh import Look, Part, ellipsoid
from training.synth.skull import Skull

HEAD_AT, RADIUS = np.array([0.0, 0.0, 1.60]), 0.10
_FINGERS = ("index", "middle", "ring", "pinky")


def skeleton() -> dict[str, tuple[list[float], str | None]]:
    """Bones with the place of their root and their parent; arms hang a little away from the body."""
    bones: dict[str, tuple[list[float], str | None]] = {"pelvis": ([0, 0, 0.95], None)}
    for name, z, parent in (
        ("spine_01", 1.05, "pelvis"),
        ("spine_02", 1.2, "spine_01"),
        ("spine_03", 1.3, "spine_02"),
    ):
        bones[name] = ([0, 0, z], parent)
    bones["neck_01"], bones["head"] = ([0, 0, 1.45], "spine_03"), ([0, 0, 1.52], "neck_01")
    for side, x in (("l", 1), ("r", -1)):
        bones[f"upperarm_{side}"] = ([0.18 * x, 0, 1.38], "spine_03")
        bones[f"lowerarm_{side}"] = ([0.30 * x, 0, 1.14], f"upperarm_{side}")
        bones[f"hand_{side}"] = ([0.40 * x, 0, 0.92], f"lowerarm_{side}")
        for i, finger in enumerate(_FINGERS):
            for j, joint in enumerate(("01", "02", "03")):
                place = [(0.43 + 0.015 * j) * x, -0.03 + 0.02 * i, 0.84 - 0.03 * j]
                parent = f"hand_{side}" if j == 0 else f"{finger}_0{j}_{side}"
                bones[f"{finger}_{joint}_{side}"] = (place, parent)
        bones[f"thigh_{side}"] = ([0.09 * x, 0, 0.92], "pelvis")
        bones[f"calf_{side}"] = ([0.09 * x, 0, 0.48], f"thigh_{side}")
    return bones


def tiny_human() -> Human:
    """A human whose head is a ball of 10 cm with small ears; faces -y."""
    human = Human.__new__(Human)
    bones = skeleton()
    names = list(bones)
    v, faces = ellipsoid(HEAD_AT, ([0, 0, 1], [1, 0, 0], [0, 1, 0]), (RADIUS, RADIUS, RADIUS))
    ears = np.array([[s * (RADIUS + dx), 0.01 + dy, HEAD_AT[2] + dz] for s in (1, -1) for dx, dy, dz in _EAR])
    human.v = np.vstack([v, ears])
    is_ear = np.zeros(len(human.v), bool)
    is_ear[len(v) :] = True
    human.base = SimpleNamespace(  # type: ignore[assignment]
        bones=names,
        index={name: i for i, name in enumerate(names)},
        rig={name: {"parent": parent} for name, (_, parent) in bones.items()},
        ears=is_ear,
    )
    human.joints = {
        name: (np.array(at, float), np.array(at, float) - np.array([0, 0, 0.02])) for name, (at, _) in bones.items()
    }
    human.build, human.scale = Build(), 1.0
    human.head_v = v
    human.eye_z, human.top_z = float(HEAD_AT[2]), float(HEAD_AT[2] + RADIUS)
    human.hc, human.nose = np.array([0, 0, HEAD_AT[2]]), np.array([0, -RADIUS, HEAD_AT[2] - 0.03])
    human.mouth, human.chin_z, human.half_width = (
        np.array([0, -0.095, HEAD_AT[2] - 0.06]),
        HEAD_AT[2] - 0.095,
        RADIUS,
    )
    weights = human.rigid(len(human.v))
    human.parts = [Part("head", human.v, weights, faces, Look("skin"))]
    return human


_EAR = [(0.0, -0.01, -0.03), (0.01, 0.0, 0.0), (0.005, 0.01, 0.03)]


class Ball:
    """A `Caster` for a ball."""

    def distance(self, origin: Any, direction: Any, reach_m: float) -> float | None:
        """Where a ray enters the ball."""
        to = np.asarray(origin) - HEAD_AT
        b, c = float(to @ direction), float(to @ to - RADIUS**2)
        root = b * b - c
        if root < 0:
            return None
        hit = -b - math.sqrt(root)
        return hit if 0 <= hit <= reach_m else None


def tiny_skull() -> Skull:
    """The map of the ball."""
    return Skull(tiny_human(), Ball())
