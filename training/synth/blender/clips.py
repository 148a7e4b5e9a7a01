"""Renders a scene frame by frame: a still background once, then only the regions where somebody is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from training.synth import held
from training.synth.acting import Acting
from training.synth.blender.rays import Tree
from training.synth.blender.scene import BodyObjects, Quality, Stage
from training.synth.bodies import Assets, BaseBody
from training.synth.casting import Casting, Streams
from training.synth.clip_truth import Facts, facts_of
from training.synth.compose import RawFrame, Region, merged_regions, region_of, save_frame
from training.synth.crop_truth import Rendered
from training.synth.kitchen import STEEL, Room, furnished
from training.synth.mesh import Array, Look
from training.synth.scenes import Actor, Scene
from training.synth.truth import View, aimed
from training.synth.wardrobe import dressed


@dataclass(frozen=True)
class ClipJob:
    """What to render; `raw` gets background.png and one .npz a frame."""

    scene: Scene
    raw: Path
    assets: Path
    quality: Quality
    background_samples: int = 8


def view_of(scene: Scene) -> View:
    """The scene's camera."""
    width, height = scene.size
    focal = width / 2 / math.tan(math.radians(scene.fov_deg) / 2)
    return View(aimed(scene.camera, scene.target), focal, width, height)


def room_of(scene: Scene) -> Room:
    """The scene's kitchen with its tall boxes."""
    room = furnished(scene.room, scene.island)
    for x, y, width, height in scene.screens:
        room.box((x, y, height / 2), (width, width, height), STEEL)
    return room


def _casting(actor: Actor) -> Casting:
    return Casting(
        *("normal", actor.gender, actor.race, 0.5, actor.hat, actor.hat_colour if actor.hat else None, actor.hair),
        *(True, actor.mask, None, None, False, "front", actor.suit),
    )


class Player:
    """An actor on the stage."""

    def __init__(self, number: int, actor: Actor, stage: Stage, base: BaseBody) -> None:
        self.actor, streams = actor, Streams(actor.seed)
        self.cook = dressed(_casting(actor), streams, base, Tree, actor.top)
        human = self.cook.human
        human.dress("clothes/shoes01", "shoes", Look(colour=(0.05, 0.05, 0.05), roughness=0.5))
        offset = None
        if actor.smokes:
            rod = held.in_fingers(human, "cig", held.cigarette(streams("held"), 0.084))
            offset = rod.origin - human.joints["hand_r"][0]
            self.cook.parts.extend(rod.parts)
        elif actor.has_cup:
            rod = held.cup_in_hand(human)
            offset = rod.tip - human.joints["hand_r"][0]
            self.cook.parts.extend(rod.parts)
        self.number = number
        self.acting = Acting(actor, human, offset)
        self.body: BodyObjects = stage.add(self.cook, number)
        self.cigarette = "none"

    def step(self, t: float) -> None:
        """Move to a time."""
        acted = self.acting.at(t)
        self.cigarette = acted.cigarette
        self.body.put(acted.root, acted.bones)

    def facts(self, view: View) -> Facts:
        """The truth of the present frame."""
        nothing = np.zeros((0, 0))
        body = self.body
        seen = Rendered(body.v, self.cook, body.head, body.bones, body.root, view, nothing, nothing, 0.0)
        return facts_of(self.number + 1, seen, self.actor.hat, self.actor.mask, self.cigarette)

    def region(self, view: View) -> Region | None:
        """The pixels that may show it."""
        pixels, ahead = view.project(np.concatenate(list(self.body.v.values())))
        return region_of(pixels[ahead], view.width, view.height) if ahead.any() else None


class Shoot:
    """A scene on its stage, ready to render any frame."""

    def __init__(self, job: ClipJob) -> None:
        self.job, scene = job, job.scene
        self.view = view_of(scene)
        self.stage = Stage(room_of(scene), scene.size, job.quality, job.assets / "cache")
        base = BaseBody(Assets(job.assets))
        self.players = [Player(i, actor, self.stage, base) for i, actor in enumerate(scene.actors)]
        self.stage.light(1.0, scene.exposure)

    def background(self) -> Array:
        """The room with the shadows of those who stay where they are."""
        for player in self.players:
            player.step(0.0)
            player.body.seen(by_camera=False, at_all=not player.actor.walk)
        self.stage.samples(self.job.background_samples)
        picture, _ = self.stage.render(self.view, 1)
        self.stage.samples(self.job.quality.samples)
        for player in self.players:
            player.body.seen(by_camera=True)
        return picture

    def frame(self, number: int) -> RawFrame:
        """A frame's regions with their pictures and indices, and the facts of all actors."""
        for player in self.players:
            player.step(number / self.job.scene.fps)
        facts = [player.facts(self.view) for player in self.players]
        boxes = [box for player in self.players if (box := player.region(self.view)) is not None]
        regions = merged_regions(boxes)
        shots = [self.stage.render(self.view, 1 + number % 3, region) for region in regions]
        return RawFrame(regions, [picture for picture, _ in shots], [index for _, index in shots], facts)


def render_clip(job: ClipJob, only: Sequence[int] | None = None) -> int:
    """Render the frames that are not there yet (or only these); returns how many. A file STOP in `raw` ends it."""
    job.raw.mkdir(parents=True, exist_ok=True)
    wanted = [f for f in (only or range(job.scene.frames)) if not (job.raw / f"{f:04d}.npz").exists()]
    still = job.raw / "background.png"
    if not wanted and still.exists():
        return 0
    shoot = Shoot(job)
    try:
        if not still.exists():
            cv2.imwrite(str(still), shoot.background())
        for done, number in enumerate(wanted):
            if (job.raw / "STOP").exists():
                return done
            save_frame(job.raw / f"{number:04d}.npz", shoot.frame(number))
            print(f"{job.scene.name} frame {number} of {job.scene.frames}", flush=True)
    finally:
        shoot.stage.close()
    return len(wanted)
