"""Poses: angles of the spine and head, hands that reach a point, and the mesh that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from training.synth.human import Human
from training.synth.mesh import Array, Part, turn, turn_onto, unit

Bones = dict[str, Array]
X, Y, Z = (1, 0, 0), (0, 1, 0), (0, 0, 1)


@dataclass
class Pose:
    """Angles in degrees; `hands` are points in the body's frame, `hand_turns` rotations (3, 3) in it.

    `head_bow` is down, `head_turn` to the body's left; `curl` of the fingers is one angle or one a finger.
    """

    lean: float = 0.0
    twist: float = 0.0
    sway: float = 0.0
    head_bow: float = 0.0
    head_turn: float = 0.0
    hands: dict[str, Array] = field(default_factory=dict)
    hand_turns: dict[str, Array] = field(default_factory=dict)
    curl: dict[str, float | Mapping[str, float]] = field(default_factory=dict)
    thigh: dict[str, float] = field(default_factory=dict)
    calf: dict[str, float] = field(default_factory=dict)

    def without_hands(self) -> Pose:
        """The same body with hanging arms: enough to know where the head is."""
        return Pose(
            self.lean, self.twist, self.sway, self.head_bow, self.head_turn, thigh=self.thigh, calf=self.calf
        )


def root_at(x: float, y: float, yaw: float) -> Array:
    """Where somebody stands in the room: yaw 0 faces -y, in radians."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0, x], [s, c, 0, y], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def solved(human: Human, pose: Pose) -> Bones:
    """The 4x4 matrix of every bone, from rest to pose, in the body's frame."""
    turns = _turns(human, pose)
    bones: Bones = {}
    for bone in human.base.bones:
        side = bone[-1]
        if bone == f"upperarm_{side}" and side in pose.hands:
            _reach(human, bones, turns, side, pose.hands[side])
        if bone == f"hand_{side}" and side in pose.hand_turns:
            _turn_hand(human, bones, turns, side, pose.hand_turns[side])
        _place(human, bones, turns, bone)
    return bones


def _turns(human: Human, pose: Pose) -> dict[str, Array]:
    turns = {
        bone: turn(X, pose.lean / 3) @ turn(Z, pose.twist / 3) for bone in ("spine_01", "spine_02", "spine_03")
    }
    turns["neck_01"] = turn(X, pose.head_bow * 0.4) @ turn(Z, pose.head_turn * 0.4)
    turns["head"] = turn(Z, pose.head_turn * 0.6) @ turn(X, pose.head_bow * 0.6)
    for side in "lr":
        turns[f"thigh_{side}"] = turn(Y, pose.sway) @ turn(X, -pose.thigh.get(side, 0))
        turns[f"calf_{side}"] = turn(X, pose.calf.get(side, 0))
        knuckles = human.joints[f"index_01_{side}"][0] - human.joints[f"pinky_01_{side}"][0]
        for finger in ("index", "middle", "ring", "pinky"):
            curl = pose.curl.get(side, 30.0)
            angle = curl.get(finger, 30.0) if isinstance(curl, Mapping) else curl
            for joint in ("01", "02", "03"):
                turns[f"{finger}_{joint}_{side}"] = turn(knuckles, angle * (-1 if side == "r" else 1))
    return turns


def _place(human: Human, bones: Bones, turns: Mapping[str, Array], bone: str) -> None:
    parent = human.base.rig[bone].get("parent")
    joint = human.joints[bone][0]
    local = np.eye(4)
    local[:3, :3] = turns.get(bone, np.eye(3))
    local[:3, 3] = joint - local[:3, :3] @ joint
    bones[bone] = (bones[parent] if parent else np.eye(4)) @ local


def _reach(human: Human, bones: Bones, turns: dict[str, Array], side: str, goal: Array) -> None:
    """Turn shoulder and elbow so that the wrist comes to `goal`, or as near as the arm is long."""
    parent = bones[human.base.rig[f"upperarm_{side}"]["parent"]]
    shoulder, elbow, wrist = (human.joints[f"{bone}_{side}"][0] for bone in ("upperarm", "lowerarm", "hand"))
    upper, lower = np.linalg.norm(elbow - shoulder), np.linalg.norm(wrist - elbow)
    towards = (np.linalg.inv(parent) @ np.r_[goal, 1])[:3] - shoulder
    distance = min(np.linalg.norm(towards), (upper + lower) * 0.985)
    towards = unit(towards)
    pole = np.array([0.55 if side == "l" else -0.55, 0.45, -0.8])  # elbows point outwards, back and down
    pole = unit(pole - towards * (pole @ towards))
    cosine = np.clip((upper**2 + distance**2 - lower**2) / (2 * upper * distance), -1, 1)
    bent = shoulder + upper * (cosine * towards + np.sqrt(1 - cosine**2) * pole)
    turns[f"upperarm_{side}"] = turn_onto(elbow - shoulder, bent - shoulder)
    forearm = turns[f"upperarm_{side}"].T @ (shoulder + towards * distance - bent)
    turns[f"lowerarm_{side}"] = turn_onto(wrist - elbow, forearm)


def _turn_hand(human: Human, bones: Bones, turns: dict[str, Array], side: str, wanted: Array) -> None:
    """Turn the hand as wanted; the forearm takes half of the twist, as bones do."""
    lower = f"lowerarm_{side}"
    along = unit(human.joints[f"hand_{side}"][0] - human.joints[lower][0])
    local = bones[lower][:3, :3].T @ wanted
    skew = np.array([local[2, 1] - local[1, 2], local[0, 2] - local[2, 0], local[1, 0] - local[0, 1]])
    twist = 2 * np.degrees(np.arctan2(skew @ along, max(1 + np.trace(local), 1e-6)))
    twist = (twist + 180) % 360 - 180
    turns[lower] = turns.get(lower, np.eye(3)) @ turn(along, twist * 0.55)
    _place(human, bones, turns, lower)
    turns[f"hand_{side}"] = bones[lower][:3, :3].T @ wanted


def skinned(human: Human, part: Part, bones: Bones) -> Array:
    """The part's vertices (N, 3) in the body's frame: each follows its bones by weight."""
    matrices = np.stack([bones[name] for name in human.base.bones])[:, :3]
    used = np.flatnonzero(part.weights.any(0))
    blended = np.einsum("nb,bij->nij", part.weights[:, used], matrices[used])
    homogeneous = np.c_[part.v, np.ones(len(part.v))]
    return np.asarray(np.einsum("nij,nj->ni", blended, homogeneous))
