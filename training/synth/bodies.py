"""Reads the body that everything is built on: MakeHuman's base mesh, its targets, rig and clothes.

The files come from `setup`: `ASSETS/mpfb2` (CC0) and `ASSETS/makehuman`. Coordinates are converted from decimetres,
y up, to metres, z up.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from training.synth.mesh import Array, Face

BODY_VERTICES = 13380  # the skin; helpers for clothes, eyes and joints follow
EYES = (slice(14598, 14670), slice(14670, 14742))


class AssetsMissing(Exception):
    """A file of the asset folder is not there; says which and what to run."""


def metres(v: Any) -> Array:
    """MakeHuman's decimetres (y up) as metres (z up, facing -y)."""
    v = np.asarray(v, float)
    return np.stack([v[..., 0], -v[..., 2], v[..., 1]], -1) * 0.1


@dataclass(frozen=True)
class Garment:
    """Something that follows the body: each of its vertices hangs on three of the body's."""

    reference: Array
    weight: Array
    offset: Array
    faces: list[Face]
    uv_faces: list[Face]
    uv: Array
    texture: str | None
    normals: str | None


@dataclass(frozen=True)
class Assets:
    """The asset folder."""

    folder: Path

    def path(self, name: str) -> Path:
        """A file of it.

        Raises:
            AssetsMissing: it is not there.
        """
        path = self.folder / name
        if not path.exists():
            raise AssetsMissing(f"{path} is missing; run training/synth/setup PATH_TO_PIP {self.folder}")
        return path

    def skins(self, stage: str, race: str, gender: str) -> list[Path]:
        """Skin textures of that sort, else of young ones of it."""
        for name in (f"{stage}_{race}_{gender}", f"young_{race}_{gender}"):
            found = sorted((self.path("makehuman") / "skins" / name / "textures").glob("*.png"))
            found = [path for path in found if "suit" not in path.name]
            if found:
                return found
        raise AssetsMissing(f"no skin of a {race} {gender} in {self.folder}")

    def garment(self, name: str) -> Garment:
        """Clothes, hair or eyebrows by their name, for example clothes/male_casualsuit03."""
        path = self.path(f"makehuman/proxies/{name}/{name.rsplit('/', maxsplit=1)[-1]}.json")
        return read_garment(json.loads(path.read_text("utf-8")), path.parent)


def read_garment(raw: dict[str, Any], folder: Path) -> Garment:
    """A garment of MakeHuman's JSON (three.js's model format 3: bits say what follows each face)."""
    faces, uv_faces = unpacked(raw["faces"])
    material = raw["materials"][0]
    texture, normals = material.get("mapDiffuse"), material.get("mapNormal")
    return Garment(
        np.array(raw["ref_vIdxs"]),
        np.array(raw["weights"], float),
        np.array(raw["offsets"], float),
        faces,
        uv_faces,
        np.array(raw["uvs"][0], float).reshape(-1, 2),
        str(folder / texture) if texture else None,
        str(folder / normals) if normals else None,
    )


def unpacked(packed: list[int]) -> tuple[list[Face], list[Face]]:
    """Faces and their UV indices out of three.js's packed list."""
    faces, uv_faces = [], []
    i = 0
    while i < len(packed):
        bits = packed[i]
        corners = 4 if bits & 1 else 3
        faces.append(packed[i + 1 : i + 1 + corners])
        i += 1 + corners + bool(bits & 2) + bool(bits & 4)
        if bits & 8:
            uv_faces.append(packed[i : i + corners])
            i += corners
        i += bool(bits & 16) + (corners if bits & 32 else 0) + bool(bits & 64) + (corners if bits & 128 else 0)
    return faces, uv_faces


@dataclass
class BaseBody:
    """The base mesh in decimetres with its groups, rig and skinning weights."""

    assets: Assets
    v: Array = field(init=False)
    uv: Array = field(init=False)
    groups: dict[str, list[tuple[Face, Face]]] = field(init=False)

    def __post_init__(self) -> None:
        self.v, self.uv, self.groups = read_obj(self.assets.path("mpfb2/3dobjs/base.obj"))
        self._targets: dict[str, Array] = {}

    @cached_property
    def rig(self) -> dict[str, Any]:
        """Bones of the game engine's rig by name."""
        raw = json.loads(self.assets.path("mpfb2/rigs/standard/rig.game_engine.json").read_text("utf-8"))
        bones: dict[str, Any] = raw.get("bones", raw)
        return bones

    @cached_property
    def bones(self) -> list[str]:
        """Names of the bones, parents first."""
        ordered: list[str] = []

        def add(name: str) -> None:
            if name in ordered:
                return
            if self.rig[name].get("parent"):
                add(self.rig[name]["parent"])
            ordered.append(name)

        for name in self.rig:
            add(name)
        return ordered

    @cached_property
    def index(self) -> dict[str, int]:
        """Column of each bone in the weights."""
        return {name: i for i, name in enumerate(self.bones)}

    @cached_property
    def weights(self) -> Array:
        """(vertices, bones), rows sum to 1."""
        raw = json.loads(self.assets.path("mpfb2/rigs/standard/weights.game_engine.json").read_text("utf-8"))
        weights = np.zeros((len(self.v), len(self.bones)), np.float32)
        for name, pairs in raw["weights"].items():
            if pairs:
                table = np.array(pairs)
                weights[table[:, 0].astype(int), self.index[name]] = table[:, 1]
        weights[weights.sum(1) == 0, self.index["pelvis"]] = 1
        return np.asarray(weights / weights.sum(1, keepdims=True))

    @cached_property
    def joints(self) -> dict[str, list[int]]:
        """Vertices of the cubes that mark joints."""
        cubes = {name: faces for name, faces in self.groups.items() if name.startswith("joint")}
        return {name: sorted({i for face, _ in faces for i in face}) for name, faces in cubes.items()}

    @cached_property
    def body_faces(self) -> tuple[Array, Array]:
        """The skin's quads (faces, 4), and the same with the indices of their UVs."""
        pairs = self.groups["body"]
        return np.array([face for face, _ in pairs]), np.array([textured for _, textured in pairs])

    @cached_property
    def ears(self) -> Array:
        """(vertices,) bool: what moves when the ears grow."""
        grown = sum(np.abs(self.target(f"ears/{side}-ear-scale-incr")).sum(1) for side in "lr")
        return np.asarray(grown > 1e-5)

    def target(self, name: str) -> Array:
        """Displacements (vertices, 3) of a target, in decimetres."""
        if name not in self._targets:
            moves = np.zeros_like(self.v)
            with gzip.open(self.assets.path(f"mpfb2/targets/{name}.target.gz"), "rt", encoding="utf-8") as lines:
                for line in lines:
                    words = line.split()
                    if len(words) == 4 and not words[0].startswith("#"):
                        moves[int(words[0])] = [float(word) for word in words[1:]]
            self._targets[name] = moves
        return self._targets[name]

    def targets(self, folder: str) -> list[str]:
        """Names of the targets in a folder, sorted."""
        found = sorted((self.assets.path("mpfb2/targets") / folder).glob("*.target.gz"))
        return [f"{folder}/{path.name.removesuffix('.target.gz')}" for path in found]


def read_obj(path: Path) -> tuple[Array, Array, dict[str, list[tuple[Face, Face]]]]:
    """Vertices, UVs and, by group, faces with the indices of their UVs."""
    v: list[list[float]] = []
    uv: list[list[float]] = []
    groups: dict[str, list[tuple[Face, Face]]] = {}
    group: list[tuple[Face, Face]] = groups.setdefault("", [])
    for line in path.read_text("utf-8").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            v.append([float(word) for word in words[1:4]])
        elif words[0] == "vt":
            uv.append([float(word) for word in words[1:3]])
        elif words[0] == "g":
            group = groups.setdefault(words[1], [])
        elif words[0] == "f":
            corners = [word.split("/") for word in words[1:]]
            textured = [int(c[1]) - 1 if len(c) > 1 and c[1] else 0 for c in corners]
            group.append(([int(c[0]) - 1 for c in corners], textured))
    return np.array(v), np.array(uv), groups
