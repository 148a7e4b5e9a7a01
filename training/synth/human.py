"""One person: the base body with a race, an age and a face of its own, its landmarks, and what it wears."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from training.synth.bodies import BODY_VERTICES, EYES, BaseBody, metres
from training.synth.mesh import Array, Look, Part, unit

_FACE_FOLDERS = ("head", "nose", "chin", "mouth")
_FACE_WORDS = ("scale", "round", "oval", "volume", "prominent")


@dataclass(frozen=True)
class Build:
    """What somebody is like; `age` 0.5 is 25 years and 1 is 90 (MakeHuman's scale)."""

    race: str = "asian"
    gender: str = "male"
    age: float = 0.5
    muscle: str = "averagemuscle"
    weight: str = "averageweight"
    scale: float = 1.0

    @property
    def stage(self) -> str:
        """The age as skins are named."""
        return "young" if self.age < 0.6 else "middleage" if self.age < 0.9 else "old"


class Human:
    """A body in the rest pose, feet on the floor, facing -y, with landmarks in metres.

    `hc` is the middle of the skull at the eyes' height, `nose`, `mouth` points of the face, `chin_z` and `eye_z`
    heights, `half_width` half the skull's width, `top_z` its top; `joints` maps a bone to its two ends.
    """

    def __init__(self, base: BaseBody, build: Build, rng: random.Random) -> None:
        self.base, self.build, self.scale = base, build, build.scale
        self.v = metres(_shaped(base, build, rng)) * build.scale
        floor = self.v[:BODY_VERTICES, 2].min()
        self.v[:, 2] -= floor
        self.joints = {
            name: (self._end(name, "head", floor), self._end(name, "tail", floor)) for name in base.bones
        }
        self.parts: list[Part] = []
        self._landmarks()

    def _end(self, bone: str, end: str, floor: float) -> Array:
        place = self.base.rig[bone][end]
        if place.get("strategy") == "CUBE":
            return np.asarray(self.v[self.base.joints[place["cube_name"]]].mean(0))
        return np.array(place["default_position"]) * self.scale - [0, 0, floor]

    def _landmarks(self) -> None:
        k = self.scale
        of_head = self.base.weights[:BODY_VERTICES, self.base.index["head"]] > 0.7
        self.head_v = self.v[:BODY_VERTICES][of_head]
        y = self.head_v[:, 1]
        self.eye_z = float(self.v[EYES[0].start : EYES[1].stop, 2].mean())
        self.top_z = float(self.head_v[:, 2].max())
        self.hc = np.array([0, y.min() * 0.42 + y.max() * 0.58, self.eye_z])
        profile = self.head_v[np.abs(self.head_v[:, 0]) < 0.01]
        self.nose = profile[profile[:, 1].argmin()]
        low = profile[(profile[:, 2] < self.nose[2] - 0.06) & (profile[:, 1] < self.hc[1] - 0.05)]
        self.chin_z = float(low[:, 2].min()) if len(low) else self.eye_z - 0.11
        lips = profile[(profile[:, 2] < self.nose[2] - 0.015) & (profile[:, 2] > self.nose[2] - 0.05)]
        self.mouth = np.array([0, lips[:, 1].min(), self.nose[2] - 0.036 * k])
        temples = self.head_v[(self.head_v[:, 2] > self.eye_z + 0.04) & (self.head_v[:, 2] < self.eye_z + 0.07)]
        self.half_width = float(np.abs(temples[:, 0]).max())

    def part(self, name: str) -> Part:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)

    def rigid(self, count: int, bone: str = "head") -> Array:
        """Weights of `count` vertices that follow one bone."""
        weights = np.zeros((count, len(self.base.bones)), np.float32)
        weights[:, self.base.index[bone]] = 1
        return weights

    def share(self, prefixes: tuple[str, ...], weights: Array | None = None) -> Array:
        """How much each vertex follows the bones whose names begin so."""
        columns = [i for name, i in self.base.index.items() if name.startswith(prefixes)]
        table = self.base.weights if weights is None else weights
        return np.asarray(table[:, columns].sum(1))

    def dress(self, garment: str, name: str, look: Look) -> Part:
        """Put on a garment of the assets; returns its part."""
        cloth = self.base.assets.garment(garment)
        v = (self.v[cloth.reference] * cloth.weight[..., None]).sum(1) + metres(cloth.offset) * self.scale
        weights = (self.base.weights[cloth.reference] * np.clip(cloth.weight, 0, None)[..., None]).sum(1)
        weights /= weights.sum(1, keepdims=True) + 1e-9
        settings = {**look.__dict__, "texture": cloth.texture, "normals": cloth.normals}
        part = Part(name, v, weights, list(cloth.faces), Look(**settings), cloth.uv, list(cloth.uv_faces))
        self.parts.append(part)
        return part

    def skin(self, look: Look, bare_arms: bool) -> None:
        """Add what shows of the body: head with neck, hands (with arms under short sleeves), eyes."""
        base = self.base
        faces, textured = base.body_faces
        neck = self.share(("head", "neck_01"))
        middle = self.v[faces].mean(1)
        collar = (middle[:, 2] > self.joints["neck_01"][0][2] - 0.10) & (
            np.abs(self.v[faces][..., 0]).mean(1) < 0.09
        )
        head = np.flatnonzero((neck[faces] > 0.02).all(1) | collar)
        fingers = ("hand", "index", "middle", "ring", "pinky", "thumb")
        arms = self.share(fingers + (("lowerarm", "upperarm") if bare_arms else ()))
        # A stump under the sleeve, so that a turned wrist leaves no hole.
        to_wrist = np.minimum(*(np.linalg.norm(self.v - self.joints[f"hand_{s}"][0], axis=1) for s in "lr"))
        stump = (to_wrist < 0.10) & (self.share(("lowerarm",)) + arms > 0.8)
        hands = np.flatnonzero(((arms[faces] > 0.35) | stump[faces]).all(1))
        for name, chosen in (("head", head), ("hands", hands)):
            own = Part(name, self.v, base.weights, faces[chosen].tolist(), look, base.uv)
            own.uv_faces = textured[chosen].tolist()
            self.parts.append(own)
        self.parts.append(self._eyes())

    def _eyes(self) -> Part:
        colour = np.full((len(self.v), 3), 0.85)
        faces = []
        for group, where in zip(("helper-l-eye", "helper-r-eye"), EYES, strict=True):
            faces += [face for face, _ in self.base.groups[group]]
            away = self.v[where] - self.v[where].mean(0)
            ahead = -away[:, 1] / (np.linalg.norm(away, axis=1) + 1e-9)
            colour[where] = np.where(ahead[:, None] > 0.86, [0.03, 0.015, 0.01], [0.75, 0.72, 0.7])
        return Part("eyes", self.v, self.base.weights, faces, Look(roughness=0.15, painted=True), colour=colour)

    def hand_axes(self, side: str = "r") -> tuple[Array, Array, Array]:
        """Of a hand at rest: direction of the fingers, normal of its back, grip (little finger to index)."""
        wrist = self.joints[f"hand_{side}"][0]
        fingers = unit(self.joints[f"middle_02_{side}"][0] - wrist)
        grip = unit(self.joints[f"index_01_{side}"][0] - self.joints[f"pinky_01_{side}"][0])
        back = unit(np.cross(fingers, grip))
        if back @ np.array([-1 if side == "r" else 1, 0, 1.0]) < 0:
            back = -back
        across = np.cross(back, fingers)
        return fingers, back, across * (1 if across @ grip > 0 else -1)

    def hand_turn(self, side: str, fingers: object, back: object) -> Array:
        """Rotation of a hand so that its fingers point along one direction and its back along another."""
        rest_fingers, rest_back, _ = self.hand_axes(side)
        return _frame(unit(fingers), np.asarray(back, float)) @ _frame(rest_fingers, rest_back).T

    def hand_grip(self, side: str, fingers: object, grip: object) -> Array:
        """As `hand_turn`, from the fingers' direction and the grip (towards the thumb)."""
        rest_fingers, rest_back, rest_grip = self.hand_axes(side)
        sign = 1 if np.cross(rest_fingers, rest_grip) @ rest_back > 0 else -1
        return self.hand_turn(side, fingers, np.cross(unit(fingers), np.asarray(grip, float)) * sign)

    def between_fingers(self, side: str = "r") -> Array:
        """The point between index and middle finger where a cigarette is held."""

        def along(finger: str) -> Array:
            near, far = self.joints[f"{finger}_02_{side}"][0], self.joints[f"{finger}_03_{side}"][0]
            return np.asarray(near * 0.6 + far * 0.4)

        return np.asarray((along("index") + along("middle")) / 2)


def _shaped(base: BaseBody, build: Build, rng: random.Random) -> Array:
    """The base mesh with race, gender, age, build and a random face, in decimetres."""
    v = base.v.copy()
    old = max(0.0, (build.age - 0.5) * 2)
    for stage, share in (("young", 1 - old), ("old", old)):
        if share > 0:
            v += share * base.target(f"macrodetails/{build.race}-{build.gender}-{stage}")
            v += share * base.target(f"macrodetails/universal-{build.gender}-{stage}-{build.muscle}-{build.weight}")
    for folder in _FACE_FOLDERS:
        names = [name for name in base.targets(folder) if any(word in name for word in _FACE_WORDS)]
        for name in rng.sample(names, min(3, len(names))):
            v += rng.uniform(0, 0.4) * base.target(name)
    return v


def _frame(first: Array, second: Array) -> Array:
    """Right-handed axes as columns: the first direction, the second made orthogonal to it, and the third."""
    across = unit(second - first * (second @ first))
    return np.stack([first, across, np.cross(first, across)], 1)
