"""What a cook of a crop does: the thing held, and the pose that brings it to the mouth, near it or to the chest."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.synth import held
from training.synth.casting import Casting
from training.synth.human import Human
from training.synth.mesh import Array, moved, turn
from training.synth.posing import Pose, solved
from training.synth.wardrobe import Cook

SMOKER_FINGERS: Mapping[str, float] = {"index": 10, "middle": 12, "ring": 38, "pinky": 45}
_TOUCHING: list[float | Mapping[str, float]] = [
    25.0,
    40.0,
    {"index": 6, "middle": 38, "ring": 50, "pinky": 55},
    {"index": 8, "middle": 10, "ring": 45, "pinky": 50},
]
_BEHIND = {"pen": 0.05, "thermometer": 0.055, "spoon": 0.09, "chopstick": 0.07}


@dataclass(frozen=True)
class Gesture:
    """`mode` is where the right hand goes: mouth, near, chest, cup, or the part of the face that it touches.

    `offset` leads from the wrist to the thing's near end (rest pose), `at` is where a cup is held.
    """

    mode: str
    curl: float | Mapping[str, float]
    offset: Array | None = None
    at: Array | None = None


def taken(cook: Cook, casting: Casting, rng: random.Random) -> Gesture | None:
    """Give the cook what the casting says; None if the hands are free."""
    if casting.cigarette is not None:
        return _cigarette(cook, casting.cigarette, rng)
    if casting.lookalike is not None:
        return _lookalike(cook, casting, rng)
    return None


def _offset(human: Human, rod: held.Rod) -> Array:
    return np.asarray(rod.origin - human.joints["hand_r"][0])


def _cigarette(cook: Cook, where: str, rng: random.Random) -> Gesture | None:
    segments = held.cigarette(rng, rng.choice([0.084, 0.084, 0.078, 0.098, 0.06, 0.045]))
    if where == "mouth":
        rod = held.at_mouth(cook.human, segments, rng)
    else:
        rod = held.in_fingers(cook.human, "cig", segments)
    cook.rods.append(rod)
    cook.parts.extend(rod.parts)
    if where == "mouth":
        return None
    mode = "mouth" if where == "held" else where
    return Gesture(mode, SMOKER_FINGERS, _offset(cook.human, rod))


def _lookalike(cook: Cook, casting: Casting, rng: random.Random) -> Gesture:
    kind = casting.lookalike
    assert kind is not None
    if kind == "fingers":
        return Gesture(rng.choice(["nose", "lips", "chin", "cheek"]), rng.choice(_TOUCHING))
    if kind == "straw":
        straw, at = held.straw_with_cup(cook.human, rng)
        cook.parts.extend(straw.parts)
        return Gesture("cup", 42.0, at=at)
    rod = held.in_fingers(cook.human, "prop", held.lookalike(kind, rng), _BEHIND[kind])
    cook.rods.append(rod)
    cook.parts.extend(rod.parts)
    if kind == "spoon":
        cook.parts.append(held.spoon_bowl(cook.human, rod))
    to_mouth = casting.near and casting.mask in (None, "chin", "ear")
    mode = "mouth" if to_mouth else rng.choice(["near", "chest"])
    return Gesture(mode, SMOKER_FINGERS, _offset(cook.human, rod))


def posed(human: Human, gesture: Gesture | None, rng: random.Random) -> Pose:
    """A random pose of work or rest, with the right hand as the gesture says."""
    k = human.scale
    pose = Pose(lean=rng.uniform(0, 14), twist=rng.uniform(-10, 10), sway=rng.uniform(-2, 2))
    bow = rng.gauss(6, 11) if gesture is None else rng.gauss(2, 7)
    pose.head_bow = max(-18, min(36, bow)) - pose.lean * 0.6
    pose.head_turn = rng.uniform(-32, 32) if gesture is None else rng.uniform(-12, 12)
    pose.thigh, pose.calf = {"l": 2, "r": 2}, {"l": 3, "r": 3}
    pose.curl = {"r": rng.uniform(25, 45), "l": rng.uniform(25, 45)}
    for side, sign in (("l", 1), ("r", -1)):
        u = rng.random()
        if u < 0.05:
            hand = [sign * rng.uniform(0.22, 0.3), -rng.uniform(0.25, 0.42), rng.uniform(1.3, 1.6) * k]
        elif u < 0.45:
            hand = [sign * 0.24, -0.1 + rng.uniform(-0.06, 0.06), 0.82 * k]
        else:
            hand = [sign * rng.uniform(0.08, 0.24), -rng.uniform(0.25, 0.42), rng.uniform(0.95, 1.15) * k]
        pose.hands[side] = np.array(hand)
    if gesture is not None:
        _bring(human, pose, gesture, rng)
    return pose


def _bring(human: Human, pose: Pose, gesture: Gesture, rng: random.Random) -> None:
    """Set the right hand's place and turn."""
    head = solved(human, pose.without_hands())["head"]
    pose.curl["r"] = gesture.curl
    if gesture.mode in ("mouth", "near"):
        _bring_rod(human, pose, gesture, head, rng)
    elif gesture.mode == "chest":
        place = [-rng.uniform(0.06, 0.24), -rng.uniform(0.22, 0.36), rng.uniform(1.20, 1.40) * human.scale]
        pose.hands["r"] = np.array(place)
        fingers = (rng.uniform(0.1, 0.6), -0.7, rng.uniform(0.1, 0.9))
        pose.hand_turns["r"] = human.hand_turn("r", fingers, (-0.55, -rng.uniform(0.1, 0.6), 0.8))
    elif gesture.mode == "cup":
        assert gesture.at is not None
        turned = head[:3, :3] @ human.hand_turn("r", (0.55, -0.75, 0.1), (-0.75, -0.55, 0.2))
        palm = (human.joints["middle_01_r"][0] - human.joints["hand_r"][0]) * 1.05
        pose.hand_turns["r"] = turned
        pose.hands["r"] = moved(gesture.at, head) - turned @ palm + head[:3, :3] @ np.array([-0.028, 0, 0])
    else:
        _touch(human, pose, gesture, head, rng)


def _bring_rod(human: Human, pose: Pose, gesture: Gesture, head: Array, rng: random.Random) -> None:
    assert gesture.offset is not None
    fingers = (0.6 + rng.uniform(-0.15, 0.15), 0.02 + rng.uniform(-0.05, 0.05), 0.8)
    back = (-0.25 + rng.uniform(-0.15, 0.15), -0.95, -0.12 + rng.uniform(-0.15, 0.15))
    turned = head[:3, :3] @ human.hand_turn("r", fingers, back)
    if gesture.mode == "near":
        turned = turned @ turn([1, 0, 0], rng.uniform(-20, 20)) @ turn([0, 0, 1], rng.uniform(-25, 25))
        away = [-0.02 - rng.uniform(0, 0.09), -rng.uniform(0.035, 0.13), -rng.uniform(0, 0.13)]
    else:
        away = [-0.006 + rng.uniform(-0.006, 0.006), 0, -0.002]
    pose.hand_turns["r"] = turned
    pose.hands["r"] = moved(human.mouth + np.array(away), head) - turned @ gesture.offset


def _touch(human: Human, pose: Pose, gesture: Gesture, head: Array, rng: random.Random) -> None:
    """A finger tip at a part of the face: where the curled finger ends is measured first."""
    places = {
        "nose": human.nose + np.array([-0.008, -0.012, -0.004]),
        "lips": human.mouth + np.array([-0.01, -0.014, -0.002]),
        "chin": np.array([0, human.mouth[1] - 0.004, human.chin_z + 0.006]),
        "cheek": human.mouth + np.array([-0.045, 0.012, 0.02]),
    }
    fingers = (0.40 + rng.uniform(-0.15, 0.15), 0.30, 0.82)
    back = (-0.55, -0.82, 0.1 + rng.uniform(-0.15, 0.15))
    pose.hand_turns["r"] = head[:3, :3] @ human.hand_turn("r", fingers, back)
    pose.hands["r"] = np.array([-0.1, -0.3, 1.3 * human.scale])
    bones = solved(human, pose)
    tip = moved(human.joints["index_03_r"][1], bones["index_03_r"])
    wrist = moved(human.joints["hand_r"][0], bones["hand_r"])
    pose.hands["r"] = moved(places[gesture.mode], head) - (tip - wrist)
