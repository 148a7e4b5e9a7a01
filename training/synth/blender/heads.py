"""Head-and-shoulder crops: one cook a seed, seen from a camera's place in a kitchen, with exact truth."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from training.synth.blender.rays import Tree
from training.synth.blender.scene import BodyObjects, Quality, Stage
from training.synth.bodies import Assets, BaseBody
from training.synth.casting import Casting, Recipe, Streams, cast, scene_seed
from training.synth.cctv import crop_shot
from training.synth.crop_truth import CROP_PX, Rendered, crop_row
from training.synth.gestures import posed, taken
from training.synth.kitchen import furnished
from training.synth.mesh import Array, moved, unit
from training.synth.posing import root_at, solved
from training.synth.truth import View, aimed, window
from training.synth.wardrobe import Cook, dressed

_YAW = {"front": (0, 75), "side": (70, 125), "back": (115, 180), "above": (0, 180)}
_LIGHT = {
    "normal": ((0.65, 1.25), (0.1, 0.7)),
    "dim": ((0.10, 0.28), (0.6, 1.2)),
    "back": ((0.15, 0.5), (0.1, 0.6)),
    "infrared": ((0.0, 0.03), (-0.1, 0.5)),
}


@dataclass(frozen=True)
class HeadsJob:
    """What to render, and where to. `out` gets pictures and crops.jsonl, `clean` the renders before the camera."""

    out: Path
    assets: Path
    seeds: range
    recipe: Recipe
    force: Mapping[str, Sequence[str]]
    clean: Path | None = None
    quality: Quality = field(default_factory=Quality)
    per_room: int = 20
    until: float | None = None  # seconds of time.time()


@dataclass(frozen=True)
class Spot:
    """Where a cook stands and the camera hangs (m), and the line of sight's depression (degrees)."""

    root: Array
    camera: Array
    distance: float
    depression: float


def done_seeds(rows: Path) -> set[int]:
    """Seeds that crops.jsonl has."""
    if not rows.exists():
        return set()
    return {json.loads(line)["seed"] for line in rows.read_text("utf-8").splitlines()}


def render_heads(job: HeadsJob) -> int:
    """Render the seeds that are not there yet; returns how many. A file STOP in `out` ends the run."""
    job.out.mkdir(parents=True, exist_ok=True)
    rows = job.out / "crops.jsonl"
    done = done_seeds(rows)
    left = [seed for seed in job.seeds if seed not in done]
    made = 0
    base = BaseBody(Assets(job.assets))
    for number, seeds in groupby(left, lambda seed: seed // job.per_room):
        stage = Stage(furnished(number * 31 + 5), (CROP_PX, CROP_PX), job.quality, job.assets / "cache")
        try:
            for seed in seeds:
                if (job.out / "STOP").exists() or (job.until is not None and time.time() > job.until):
                    return made
                row = _Crop(job, seed, stage, base).render()
                made += row is not None
                _told(rows, seed, row)
        finally:
            stage.close()
    return made


def _told(rows: Path, seed: int, row: dict[str, Any] | None) -> None:
    """Append a row to the file and say what it is."""
    if row is None:
        print(f"seed {seed}: no free place for it", flush=True)
        return
    with rows.open("a", encoding="utf-8") as out:
        out.write(json.dumps(row, separators=(",", ":")) + "\n")
    print(f"seed {seed}: {row['hat']}, {row['hair']}, mask {row['mask']}, {row['seconds']} s", flush=True)


class _Crop:
    """One crop from its seed to its row."""

    def __init__(self, job: HeadsJob, seed: int, stage: Stage, base: BaseBody) -> None:
        self.job, self.seed, self.stage, self.base = job, seed, stage, base
        self.casting: Casting = cast(seed, job.recipe, job.force)
        self.streams = Streams(scene_seed(seed, job.recipe))

    def render(self) -> dict[str, Any] | None:
        """The row, or None if the room has no place for this cook."""
        started = time.monotonic()
        self.stage.remove_cooks()
        cook = dressed(self.casting, self.streams, self.base, Tree)
        gesture = taken(cook, self.casting, self.streams("held"))
        bones = solved(cook.human, posed(cook.human, gesture, self.streams("pose")))
        spot = found_spot(self.stage, cook, bones["head"], self.casting.view, self.streams("spot"))
        if spot is None:
            return None
        body = self.stage.add(cook, 0)
        body.put(spot.root, bones)
        low = 0.10 if self.casting.cigarette == "chest" or (gesture and gesture.mode in ("chest", "cup")) else 0.0
        view = framed(body, spot, self.streams("frame"), low)
        self._light(spot, body)
        picture, index = self.stage.render(view, self.seed % 1000)
        occluded = hidden_share(self.stage.tree, view.place, moved(cook.human.head_v[::7], body.head))
        if occluded > 0.55:
            return None
        rendered = Rendered(body.v, cook, body.head, body.bones, body.root, view, index, picture, occluded)
        return self._written(rendered, spot, gesture.mode if gesture else None, started)

    def _written(self, rendered: Rendered, spot: Spot, mode: str | None, started: float) -> dict[str, Any] | None:
        rng = self.streams("camera")
        row = crop_row(rendered, self.casting)
        if row is None:
            return None
        wanted = math.exp(rng.uniform(math.log(16), math.log(64))) if rng.random() < 0.85 else 999.0
        scale = min(1.0, wanted / row["render_head_px"])
        noise = np.random.default_rng(scene_seed(self.seed, self.job.recipe) * 7919 + 13)
        shot = crop_shot(rendered.picture, scale, self.casting.light, noise)
        name = f"{self.seed:06d}.webp"
        cv2.imwrite(str(self.job.out / name), shot.image, [cv2.IMWRITE_WEBP_QUALITY, 80])
        if self.job.clean is not None:
            self.job.clean.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(self.job.clean / name), rendered.picture, [cv2.IMWRITE_WEBP_QUALITY, 90])
        return {
            "file": name,
            "seed": self.seed,
            "scene": scene_seed(self.seed, self.job.recipe),
            **row,
            "effective_head_px": round(row["render_head_px"] * scale, 1),
            "lookalike_at": mode if self.casting.lookalike else None,
            "steam": shot.steam,
            "jpeg": shot.quality,
            "camera_height_m": round(float(spot.camera[2]), 2),
            "camera_distance_m": round(spot.distance, 2),
            "depression_deg": round(spot.depression, 1),
            "seconds": round(time.monotonic() - started, 2),
        }

    def _light(self, spot: Spot, body: BodyObjects) -> None:
        rng = self.streams("light")
        light = self.casting.light
        power, exposure = _LIGHT[light]
        lamps = len(self.stage.room.lamps)
        some_out = rng.random() < 0.3 and lamps > 2 and light != "infrared"
        dead = [i for i in range(lamps) if some_out and rng.random() < 0.4]
        self.stage.light(rng.uniform(*power), rng.uniform(*exposure), dead)
        middle = moved(body.cook.skull.centre[None], body.head)[0]
        if light == "infrared":
            matrix = aimed(spot.camera + np.array([0, 0, -0.04]), middle)
            self.stage.infrared(matrix, 20 * spot.distance**2 * rng.uniform(0.6, 1.5))
        if light == "back":
            away = unit((middle - spot.camera) * [1, 1, 0])
            a = rng.uniform(-0.25, 0.25)
            away = np.array(
                [away[0] * math.cos(a) - away[1] * math.sin(a), away[0] * math.sin(a) + away[1] * math.cos(a), 0]
            )
            behind = middle + np.array([0, 0, rng.uniform(-0.25, 0.25)])
            wall = self.stage.tree.distance(behind + away * 0.35, away, 6.0)
            at = behind + away * max(0.5, min((3.0 if wall is None else wall) + 0.31, 2.6))
            size = (rng.uniform(0.6, 1.5), rng.uniform(0.6, 1.4))
            self.stage.window(at, math.atan2(away[1], away[0]) - math.pi / 2, size, rng.uniform(5, 14))


def framed(body: BodyObjects, spot: Spot, rng: random.Random, low: float) -> View:
    """A window in which the head is 40 to 90 pixels high, off the picture's middle as on a wide lens.

    It is moved so that what the cook holds is inside, as far as the head stays inside too.
    """
    human = body.cook.human
    head = moved(human.head_v, body.head)
    middle = (head.max(0) + head.min(0)) / 2
    head_px = rng.uniform(44, 84) if rng.random() < 0.8 else rng.uniform(40, 90)
    off = (math.radians(rng.uniform(-34, 34)), math.radians(rng.uniform(-16, 16)))
    matrix = aimed(spot.camera, middle, off, math.radians(rng.gauss(0, 2.5)))
    jitter = (rng.uniform(-0.10, 0.10), -rng.uniform(-0.10, 0.08) + low)
    view = window(matrix, middle, 0.225 * human.scale, head_px, CROP_PX, (jitter[0], jitter[1]))
    if not body.cook.rods:
        return view
    rod = body.cook.rods[0]
    ends = moved(np.stack([rod.origin, rod.tip]), body.root @ body.bones[rod.bone])
    thing, _ = view.project(ends)
    skull, _ = view.project(head)
    move = []
    for axis in range(2):
        wanted = max(0, 8 - thing[:, axis].min()) - max(0, thing[:, axis].max() - (CROP_PX - 8))
        least, most = min(0, 4 - skull[:, axis].min()), max(0, CROP_PX - 4 - skull[:, axis].max())
        move.append(float(np.clip(wanted, least, most)))
    return replace(view, shift=(view.shift[0] - move[0], view.shift[1] + move[1]))


def hidden_share(tree: Tree, camera: Array, points: Array) -> float:
    """Share of points (N, 3) that the room hides from the camera."""
    hits = [_blocked(tree, camera, point) for point in points]
    return float(np.mean(hits))


def _blocked(tree: Tree, camera: Array, point: Array) -> bool:
    way = point - camera
    length = float(np.linalg.norm(way))
    return tree.distance(camera, way / length, length - 0.01) is not None


def is_free(tree: Tree, x: float, y: float) -> bool:
    """Whether somebody can stand there: no furniture within an arm's length, nothing overhead."""
    for z in (1.1, 1.45, 1.75):
        for angle in np.arange(10) * 0.628:
            if (
                tree.distance(np.array([x, y, z]), np.array([math.cos(angle), math.sin(angle), 0]), 0.42)
                is not None
            ):
                return False
    return tree.distance(np.array([x, y, 1.3]), np.array([0, 0, 1.0]), 0.75) is None


def found_spot(stage: Stage, cook: Cook, head: Array, view: str, rng: random.Random) -> Spot | None:
    """A place for the cook and one for the camera, so that the head is seen from the wanted side."""
    room = stage.room
    centre = moved(cook.skull.centre[None], head)[0]
    forward = head[:3, :3] @ np.array([0, -1.0, 0])
    facing = math.atan2(forward[1], forward[0])
    near, far = (1.0, 3.2) if view == "above" else (2.0, 8.0)
    for _ in range(400):
        x, y = rng.uniform(0.5, room.width - 0.5), rng.uniform(0.5, room.depth - 0.5)
        yaw = rng.choice([-1, 1]) * rng.uniform(*_YAW[view])
        camera = np.array(_camera_place(room.width, room.depth, room.height, view, rng))
        to_camera = math.atan2(camera[1] - y, camera[0] - x)
        root = root_at(x, y, to_camera + math.radians(yaw) - facing)
        eye = camera - moved(centre[None], root)[0]
        distance = float(np.linalg.norm(eye))
        depression = math.degrees(math.asin(eye[2] / distance))
        steep = 42 <= depression <= 78 if view == "above" else 10 <= depression <= 50
        if not (near <= distance <= far and steep) or (depression < 20 and rng.random() < 0.6):
            continue
        if not is_free(stage.tree, x, y):
            continue
        targets = camera - eye + np.array([[0, 0, 0.08], [0, 0, 0], [0, 0, -0.12]])
        hidden = sum(_blocked(stage.tree, camera, target) for target in targets)
        if hidden == 3 or (hidden and rng.random() < 0.75):
            continue
        return Spot(root, camera, distance, depression)
    return None


def _camera_place(
    width: float, depth: float, height: float, view: str, rng: random.Random
) -> tuple[float, float, float]:
    """Near a wall, under the ceiling; from above anywhere."""
    z = min(height - 0.12, rng.uniform(2.4, 3.2))
    if view == "above":
        return rng.uniform(0.3, width - 0.3), rng.uniform(0.3, depth - 0.3), height - 0.12
    if rng.random() < 0.5:
        return (
            rng.choice([rng.uniform(0.15, 0.5), width - rng.uniform(0.15, 0.5)]),
            rng.uniform(0.15, depth - 0.15),
            z,
        )
    return rng.uniform(0.15, width - 0.15), rng.choice([rng.uniform(0.15, 0.6), depth - rng.uniform(0.9, 1.3)]), z
