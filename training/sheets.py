"""Samples of the frame net: pictures laid on a square sheet, with what is labelled and where silence means absence.

Five kinds: whole pictures at portrait scale; many shrunken pictures, as small as on a kitchen camera; squares
around a head enlarged again, as the zoom sees them; tiles of a camera's picture enlarged twice, whatever lies on
them; rendered kitchens.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch

from training.build import read_set
from training.camera_look import camera_look, light
from training.found_heads import read_heads
from training.labels import Picture
from training.pack import Pack
from training.pseudo import read_persons
from training.scenes import CIGARETTE, HEAD, PERSON, Array, Scene, Sheet, scene_of
from training.settings import DataSettings, FrameSettings

_ZOOM_HEADS = 3.4
_TILE_ENLARGED = 2


def open_sheets(out: Path, data: DataSettings, look: FrameSettings) -> Sheets:
    """The sheets of a set that was built, with what the stages `pseudo` and `heads` found, where they ran."""
    found = {PERSON: read_persons(out), HEAD: read_heads(out)}
    return Sheets(Pack(out / "set/frames"), read_set(out), found, (data, look))


class Sheets:
    """Draws samples from OUT/set/frames."""

    def __init__(
        self,
        pack: Pack,
        pictures: list[Picture],
        found: Mapping[int, dict[str, list[list[float]]]],
        settings: tuple[DataSettings, FrameSettings],
    ) -> None:
        """`found`: class -> file -> rows of x0, y0, x1, y1, confidence, for what nobody labelled."""
        data, self._frame = settings
        self._pack = pack
        self._scenes: list[Scene] = []
        self._groups: dict[str, list[int]] = {"real": [], "others": [], "smoke": [], "still": [], "render": []}
        by_file = {p.file: p for p in pictures}
        for i, fact in enumerate(pack.facts):
            picture = by_file[fact["file"]]
            here = {kind: files[picture.file] for kind, files in found.items() if picture.file in files}
            scene = scene_of(picture, here, data).moved(fact["w"] / picture.width)
            self._scenes.append(scene)
            if picture.split != "train":
                continue
            group = {"smoke": "smoke", "still": "still", "render": "render", "clean": "render"}.get(
                picture.family, "real"
            )
            repeat = self._frame.cook_repeat if picture.family in ("cook", "own") else 1
            self._groups[group] += [i] * repeat
            if group == "real" and picture.known["cigarette"] == "all":
                self._groups["others"] += [i] * repeat
        self._smokers = [i for i in self._groups["smoke"] if any(k == CIGARETTE for k, _ in self._scenes[i].boxes)]

    def draw(self, rng: np.random.Generator, side: int) -> Sheet:
        """One augmented sheet."""
        frame = self._frame
        kinds = [
            ("portrait", frame.portrait),
            ("camera", frame.camera),
            ("zoom", frame.zoom),
            ("tile", frame.tile),
            ("still", frame.still),
        ]
        if not self._groups["still"]:
            kinds = kinds[:-1]
        names, shares = [k for k, _ in kinds], np.array([s for _, s in kinds])
        kind = str(rng.choice(names, p=shares / shares.sum()))
        drawn = {
            "portrait": self._portrait,
            "camera": self._camera,
            "zoom": self._zoom,
            "tile": self._tile,
            "still": self._still,
        }
        sheet = drawn[kind](rng, side)
        if kind == "portrait":
            sheet.image = light(sheet.image, rng, 0.8)
        if kind in ("portrait", "camera") and rng.random() < (0.3 if kind == "portrait" else 0.9):
            sheet.image = camera_look(sheet.image, rng, float(rng.uniform(0.2, 0.9)))
        return sheet.turned(int(rng.integers(1, 4))) if rng.random() < frame.turned else sheet

    def batch(self, rng: np.random.Generator, size: int, side: int) -> dict[str, torch.Tensor]:
        """images (N, 3, S, S) uint8 RGB, targets (M, 6) of sample, class, xyxy, known (N, 3, S/8, S/8)."""
        sheets = [self.draw(rng, side) for _ in range(size)]
        images = torch.from_numpy(np.stack([s.image[..., ::-1] for s in sheets])).permute(0, 3, 1, 2)
        rows = [(float(n), *target) for n, sheet in enumerate(sheets) for target in sheet.targets]
        known = torch.from_numpy(np.stack([s.known for s in sheets]))
        return {"images": images, "targets": torch.tensor(rows).reshape(-1, 6), "known": known}

    def _pick(self, rng: np.random.Generator, *groups: str) -> int:
        filled = [g for g in groups if self._groups[g]] or [g for g in self._groups if self._groups[g]]
        members = self._groups[filled[int(rng.integers(len(filled)))]]
        return members[int(rng.integers(len(members)))]

    def _placed(self, i: int, factor: float, rng: np.random.Generator) -> tuple[Array, Scene]:
        reduce = 4 if factor < 0.24 else 2 if factor < 0.48 else 1
        image = self._pack.picture(i, reduce)
        width, height = self._pack.facts[i]["w"], self._pack.facts[i]["h"]
        stretch = np.exp(rng.uniform(-self._frame.stretch, self._frame.stretch, 2)) * factor
        size = (max(2, round(width * stretch[0])), max(2, round(height * stretch[1])))
        interpolation = cv2.INTER_AREA if size[0] < image.shape[1] else cv2.INTER_LINEAR
        patch = cv2.resize(image, size, interpolation=interpolation)
        mirror = rng.random() < 0.5
        factors = (size[0] / width, size[1] / height)
        scene = self._scenes[i].moved(factors, float(size[0]) if mirror else None)
        return (patch[:, ::-1] if mirror else patch), scene

    def _portrait(self, rng: np.random.Generator, side: int) -> Sheet:
        sheet = Sheet.empty(side, rng)
        rest = "others" if self._frame.others else "real"
        i = self._pick(rng, "smoke" if rng.random() < self._frame.smoke_portraits else rest)
        longer = max(self._pack.facts[i]["w"], self._pack.facts[i]["h"])
        patch, scene = self._placed(i, side * float(np.exp(rng.uniform(np.log(0.6), np.log(1.5)))) / longer, rng)
        at = tuple(
            int(rng.integers(min(0, side - n), max(0, side - n) + 1)) for n in (patch.shape[1], patch.shape[0])
        )
        sheet.paste(patch, scene, (at[0], at[1]), (0, 0, side, side))
        return sheet

    def _camera(self, rng: np.random.Generator, side: int) -> Sheet:
        return self._cells(rng, side, int(rng.choice([2, 3])), ("real", "real", "smoke", "render"), 64.0)

    def _tile(self, rng: np.random.Generator, side: int) -> Sheet:
        others = ["others"] * round(6 * self._frame.others / (1 - self._frame.others))
        groups = ("smoke", "smoke", "smoke", "smoke", "smoke", "render", *others)
        small = self._cells(rng, side // _TILE_ENLARGED, int(rng.choice([1, 2])), groups, 110.0)
        look = camera_look(small.image, rng, float(rng.uniform(0.1, 0.8)))
        image = cv2.resize(look, (side, side), interpolation=cv2.INTER_LINEAR)
        known = small.known.repeat(_TILE_ENLARGED, 1).repeat(_TILE_ENLARGED, 2)
        targets = [(kind, *(_TILE_ENLARGED * v for v in box)) for kind, *box in small.targets]
        return Sheet(image, known, targets)

    def _cells(
        self, rng: np.random.Generator, side: int, across: int, groups: tuple[str, ...], most_head_px: float
    ) -> Sheet:
        """Shrunken pictures, one in each of `across` x `across` cells."""
        sheet = Sheet.empty(side, rng)
        cell = side // across
        for row in range(across):
            for column in range(across):
                i = self._pick(rng, *groups)
                fact = self._pack.facts[i]
                head = float(np.exp(rng.uniform(np.log(9.0), np.log(most_head_px))))
                factor = min(1.0, head / max(1.0, self._scenes[i].head_px(fact["h"])))
                patch, scene = self._placed(i, factor, rng)
                x, y = column * cell, row * cell
                at = [
                    int(rng.integers(min(0, cell - n), max(0, cell - n) + 1))
                    for n in (patch.shape[1], patch.shape[0])
                ]
                sheet.paste(patch, scene, (x + at[0], y + at[1]), (x, y, x + cell, y + cell))
        return sheet

    def _zoom(self, rng: np.random.Generator, side: int) -> Sheet:
        if rng.random() < self._frame.others:
            i = self._pick(rng, "others")
        elif self._smokers and rng.random() < 0.6:
            i = self._smokers[int(rng.integers(len(self._smokers)))]
        else:
            i = self._pick(rng, "smoke", "render", "still")
        fact, scene = self._pack.facts[i], self._scenes[i]
        head = scene.head_px(fact["h"])
        factor = min(1.0, float(np.exp(rng.uniform(np.log(18.0), np.log(90.0)))) / max(head, 1.0))
        patch, scene = self._placed(i, factor, rng)
        patch = camera_look(np.ascontiguousarray(patch), rng, float(rng.uniform(0.1, 0.8)))
        window = max(16.0, _ZOOM_HEADS * head * factor * float(rng.uniform(0.75, 1.25)))
        centre = self._zoom_centre(scene, patch, rng, head * factor)
        return self._enlarged(patch, scene, (centre[0] - window / 2, centre[1] - window / 2, window), rng, side)

    def _zoom_centre(self, scene: Scene, patch: Array, rng: np.random.Generator, head: float) -> Array:
        things = [b for kind, b in scene.boxes if kind == CIGARETTE] or [
            b for kind, b in scene.boxes if kind == HEAD
        ]
        if things and rng.random() < 0.9:
            box = things[int(rng.integers(len(things)))]
            return np.asarray((box[:2] + box[2:]) / 2 + rng.uniform(-1.2, 1.2, 2) * head)
        return rng.uniform(0.25, 0.75, 2) * np.array([patch.shape[1], patch.shape[0]])

    def _enlarged(
        self, patch: Array, scene: Scene, window: tuple[float, float, float], rng: np.random.Generator, side: int
    ) -> Sheet:
        """A square (left, top, side) of the patch, its border repeated, resized to fill the sheet."""
        sheet = Sheet.empty(side, rng)
        factor = side / window[2]
        matrix = np.array([[factor, 0, -window[0] * factor], [0, factor, -window[1] * factor]], np.float32)
        image = cv2.warpAffine(patch, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        sheet.paste(image, scene.moved(factor, None, window[0], window[1]), (0, 0), (0, 0, side, side))
        return sheet

    def _still(self, rng: np.random.Generator, side: int) -> Sheet:
        if rng.random() < 0.3 and self._groups["render"]:
            sheet = Sheet.empty(side, rng)
            i = self._pick(rng, "render")
            patch, scene = self._placed(i, side / 192 * float(rng.uniform(0.5, 1.1)), rng)
            sheet.paste(patch, scene, (int(rng.integers(0, 40)), int(rng.integers(0, 40))), (0, 0, side, side))
        else:
            i = self._pick(rng, "still")
            patch, scene = self._placed(i, float(np.exp(rng.uniform(np.log(0.5), np.log(1.0)))), rng)
            sheet = Sheet.empty(side, rng)
            at = [
                int(rng.integers(min(0, side - n), max(0, side - n) + 1)) for n in (patch.shape[1], patch.shape[0])
            ]
            sheet.paste(patch, scene, (at[0], at[1]), (0, 0, side, side))
        sheet.image = light(sheet.image, rng, 0.6)
        return sheet
