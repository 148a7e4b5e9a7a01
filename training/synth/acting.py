"""What an actor of a scene does at a time: pure functions from script and seconds to pose and place."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.synth.gestures import SMOKER_FINGERS
from training.synth.human import Human
from training.synth.mesh import Array, moved
from training.synth.posing import Bones, Pose, root_at, solved
from training.synth.scenes import Actor, Event

_MOVE_S = 0.8  # a change between two keys takes at most so long
_LIFT_S = 1.0  # a hand needs so long to the face


@dataclass(frozen=True)
class Acted:
    """Where somebody stands, how, and what the cigarette is: none, hand or mouth."""

    root: Array
    bones: Bones
    cigarette: str


def eased(t: float) -> float:
    """0 to 1 with a soft start and end, clamped."""
    t = max(0.0, min(1.0, t))
    return t * t * (3 - 2 * t)


def mixed(a: Array, b: Array, t: float) -> Array:
    """From a to b, eased."""
    return np.asarray(a) * (1 - eased(t)) + np.asarray(b) * eased(t)


def keyed(keys: Sequence[tuple[float, Sequence[float]]], t: float, slow: bool = False) -> Array:
    """The value of key frames at t: held, then changed within 0.8 s before the next key, or all the way if slow."""
    value = np.array(keys[0][1], float)
    for (start, _), (end, wanted) in pairwise(keys):
        if t <= start:
            break
        span = end - start if slow else min(_MOVE_S, end - start)
        share = (t - (end - span)) / span
        value = value + (np.array(wanted, float) - value) * (max(0.0, min(1.0, share)) if slow else eased(share))
    return value


def wander(seed: int) -> Callable[[float], float]:
    """A slow smooth function of time within about -1 to 1: nobody stands still."""
    rng = random.Random(seed)
    waves = [(rng.uniform(0.12, 0.5) * 6.28, rng.uniform(0, 6.28), rng.uniform(0.5, 1)) for _ in range(3)]
    return lambda t: sum(size * math.sin(speed * t + phase) for speed, phase, size in waves) / 2


def raised(event: Event, t: float) -> float:
    """How far the hand is at the face, 0 to 1: there for the event's seconds, a second up and down."""
    if t < event.at:
        return eased(1 - (event.at - t) / _LIFT_S)
    return eased(1 - (t - event.at - event.seconds) / _LIFT_S)


def turned_between(a: Array, b: Array, share: float) -> Array:
    """A rotation between two (3, 3), along the shortest turn."""
    between = a.T @ b
    angle = math.acos(float(np.clip((np.trace(between) - 1) / 2, -1, 1)))
    if angle < 1e-6:
        return a
    skew = (between - between.T) / (2 * math.sin(angle))
    part = angle * share
    return np.asarray(a @ (np.eye(3) + math.sin(part) * skew + (1 - math.cos(part)) * skew @ skew))


class Acting:
    """One actor with a body; `held_offset` leads from the wrist to what is held (rest pose)."""

    def __init__(self, actor: Actor, human: Human, held_offset: Array | None = None) -> None:
        self.actor, self.human, self.held_offset = actor, human, held_offset
        self._noise = [wander(actor.seed * 7 + i) for i in range(8)]

    def at(self, t: float) -> Acted:
        """The pose at a time."""
        pose = self._body(t)
        self._work(pose, t)
        at_face = self._events(pose, t)
        smoke = "none" if not self.actor.smokes else "mouth" if at_face > 0.93 else "hand"
        return Acted(self._root(t), solved(self.human, pose), smoke)

    def _walked(self, t: float) -> Array:
        return keyed(self.actor.walk, t, slow=True) if self.actor.walk else np.array(self.actor.place)

    def _speed(self, t: float) -> float:
        return float(np.linalg.norm(self._walked(t + 0.1) - self._walked(t - 0.1)) / 0.2)

    def _root(self, t: float) -> Array:
        x, y = self._walked(t)
        root = root_at(x, y, self.actor.yaw + 0.04 * self._noise[5](t))
        aside = np.eye(4)
        aside[0, 3] = 0.025 * self._noise[4](t)
        return np.asarray(root @ aside)

    def _body(self, t: float) -> Pose:
        n = self._noise
        turn, bow = keyed(self.actor.glances, t)
        pose = Pose(lean=4 + 1.6 * n[0](t), twist=5 * n[1](t), sway=math.degrees(0.025 * n[4](t) / 0.85))
        pose.head_bow = bow + 2.5 * n[2](t) - pose.lean * 0.6 - 3
        pose.head_turn = turn + 5 * n[3](t)
        pose.thigh, pose.calf = {"l": 2 + 1.5 * n[6](t), "r": 2 - 1.5 * n[6](t)}, {"l": 3, "r": 3}
        speed = self._speed(t)
        if speed > 0.05:
            swing, phase = min(1, speed * 2.0) * 16, t * 6.0
            pose.thigh = {"l": swing * math.sin(phase), "r": -swing * math.sin(phase)}
            pose.calf = {side: 4 + swing * max(0, sign * math.cos(phase)) for side, sign in (("l", 1), ("r", -1))}
        return pose

    def _work(self, pose: Pose, t: float) -> None:
        """The hands of an activity."""
        k, n, h = self.human.scale, self._noise, self.human
        busy = 0.5 + 0.5 * math.tanh(4 * math.sin(t * 0.7 + self.actor.seed * 1.7) + 2.2)  # pauses in the work
        pose.curl = {"r": 34, "l": 34}
        if self.actor.activity == "chop":
            right = [-0.10 + 0.03 * n[7](t), -0.40, 1.03 * k + 0.035 * busy * math.sin(t * 11)]
            left = [0.12 + 0.02 * n[5](t), -0.40, 0.99 * k]
            pose.hand_turns["r"] = h.hand_grip("r", (0.4, -0.4, -0.8), (0.35, -0.9, 0.12))
        elif self.actor.activity == "knead":
            push = 0.05 * busy * math.sin(t * 4.2)
            right, left = [-0.13, -0.38 + push, 0.99 * k], [0.13, -0.38 - push, 0.99 * k]
            pose.hand_turns = _flat_hands(h)
        elif self.actor.activity == "stir":
            right = [-0.08 + 0.07 * busy * math.cos(t * 3.3), -0.40 + 0.05 * busy * math.sin(t * 3.3), 1.14 * k]
            left = [0.2, -0.34, 0.99 * k]
            pose.hand_turns["r"] = h.hand_grip("r", (0.75, -0.55, -0.3), (0.15, -0.45, -0.85))
        elif self.actor.activity == "wipe":
            right = [-0.10 + 0.15 * busy * math.sin(t * 3), -0.42 + 0.04 * math.cos(t * 3), 0.965 * k]
            left = [0.22, -0.30, 0.98 * k]
            pose.hand_turns = _flat_hands(h)
        elif self.actor.activity == "rest":
            right = [-0.23 + 0.012 * n[7](t), -0.31, 1.13 * k]
            left = [0.22, -0.22 + 0.03 * n[6](t), 1.0 * k]
            pose.hand_turns["r"] = h.hand_turn("r", (0.45, -0.8, 0.35), (-0.55, -0.25, 0.8))
        else:
            swing = 0.12 * math.sin(t * 6.0) if self._speed(t) > 0.05 else 0.0
            right = [-0.24, -0.10 + swing + 0.03 * n[6](t), 0.82 * k]
            left = [0.24, -0.10 - swing - 0.03 * n[7](t), 0.82 * k]
        if self.actor.has_cup:
            right = [-0.2, -0.33, 1.12 * k]
            pose.hand_turns["r"] = h.hand_turn("r", (0.55, -0.8, 0.1), (-0.75, -0.5, 0.2))
            pose.curl["r"] = 48
        if self.actor.smokes:
            pose.curl["r"] = SMOKER_FINGERS
        pose.hands = {"r": np.array(right), "l": np.array(left)}

    def _events(self, pose: Pose, t: float) -> float:
        """Lift the right hand to the face; returns how far it is there."""
        share, kind = max(((raised(e, t), e.kind) for e in self.actor.events), default=(0.0, ""))
        if share <= 0:
            return 0.0
        h = self.human
        head = solved(h, pose.without_hands())["head"]
        spin = head[:3, :3]
        resting = solved(h, pose)["hand_r"][:3, :3]
        if kind == "touch":
            goal_turn = spin @ h.hand_turn("r", (0.35, 0.35, 0.85), (-0.55, -0.8, 0.1))
            goal = moved(h.nose + np.array([-0.05, -0.075, -0.105]), head)
            pose.curl["r"] = {"index": 8, "middle": 40, "ring": 55, "pinky": 55}
        else:
            assert self.held_offset is not None
            fingers, back = ((0.6, 0.02, 0.8), (-0.25, -0.95, -0.12))
            away = np.array([-0.008, -0.004, -0.002])
            if kind == "sip":
                fingers, back, away = (0.75, -0.55, 0.35), (-0.55, -0.8, 0.2), np.array([-0.01, -0.055, -0.03])
            goal_turn = spin @ h.hand_turn("r", fingers, back)
            goal = moved(h.mouth + away, head) - goal_turn @ self.held_offset
        pose.hands["r"] = pose.hands["r"] * (1 - share) + goal * share
        pose.hand_turns["r"] = turned_between(resting, goal_turn, share)
        return share


def _flat_hands(h: Human) -> dict[str, Array]:
    """Both hands flat on a table."""
    return {
        "r": h.hand_turn("r", (0.25, -0.95, -0.15), (-0.15, -0.2, 0.95)),
        "l": h.hand_turn("l", (-0.25, -0.9, -0.3), (0.25, -0.3, 0.9)),
    }
