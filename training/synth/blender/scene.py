"""Puts rooms and cooks into Blender and renders pictures with the index of every pixel's part."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")  # before cv2 is imported

import bpy
import cv2
import numpy as np

from training.synth.blender.materials import hair_material, material
from training.synth.blender.rays import Tree
from training.synth.images import read_image
from training.synth.kitchen import Room
from training.synth.mesh import Array, Face, Part, moved
from training.synth.posing import Bones, skinned
from training.synth.truth import PERSON, View, part_index
from training.synth.wardrobe import Cook


@dataclass(frozen=True)
class Quality:
    """How a picture is rendered."""

    samples: int = 4
    threads: int = 1
    strand_steps: int = 2
    bounces: int = 3


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Blender writes of every render on the process's standard output: send it nowhere."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def mesh_object(name: str, v: Array, faces: Sequence[Face], materials: Sequence[Any], smooth: bool = True) -> Any:
    """An object of vertices and faces in the scene."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(map(float, p)) for p in v], [], [tuple(f) for f in faces])
    for one in materials:
        mesh.materials.append(one)
    if smooth:
        mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    placed = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(placed)
    return placed


@dataclass
class BodyObjects:
    """The Blender objects of one cook, by part; hair under `hair`. `v` are the vertices in the room."""

    cook: Cook
    number: int
    objects: dict[str, Any] = field(default_factory=dict)
    v: dict[str, Array] = field(default_factory=dict)
    root: Array = field(default_factory=lambda: np.eye(4))
    bones: Bones = field(default_factory=dict)

    @property
    def head(self) -> Array:
        """From the head at rest to the room."""
        return np.asarray(self.root @ self.bones["head"])

    def seen(self, by_camera: bool, at_all: bool = True) -> None:
        """Whether the camera sees the body; one that it does not see may still throw shadows."""
        for placed in self.objects.values():
            placed.visible_camera, placed.hide_render = by_camera, not at_all

    def put(self, root: Array, bones: Bones) -> None:
        """Move the body."""
        self.root, self.bones = root, bones
        for part in self.cook.parts:
            if part.name in self.objects:
                self.v[part.name] = moved(skinned(self.cook.human, part, bones), root)
                mesh = self.objects[part.name].data
                mesh.vertices.foreach_set("co", self.v[part.name].astype(np.float32).ravel())
                mesh.update()
        if "hair" in self.objects:
            from_rest = self.head
            self.objects["hair"].matrix_world = _matrix(from_rest)
            assert self.cook.strands is not None
            self.v["hair"] = moved(self.cook.strands.points.reshape(-1, 3).astype(float), from_rest)


def _matrix(m: Array) -> Any:
    from_mathutils = bpy.context.scene.cursor.matrix.copy()
    for i in range(4):
        for j in range(4):
            from_mathutils[i][j] = float(m[i, j])
    return from_mathutils


class Stage:
    """A room with lamps, a camera and cooks."""

    def __init__(self, room: Room, size: tuple[int, int], quality: Quality, cache: Path) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.room, self.cache, self.size = room, cache, size
        self.tree = self._build_room()
        self._lamps = [(self._lamp(i), lamp.watts) for i, lamp in enumerate(room.lamps)]
        self._set_renderer(size, quality)
        self._camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        self._camera.data.clip_start = 0.05
        self._camera.data.sensor_fit = "HORIZONTAL"
        bpy.context.scene.collection.objects.link(self._camera)
        bpy.context.scene.camera = self._camera
        self._window, self._window_light = self._build_window()
        self._infrared = self._build_infrared()
        self._folder = tempfile.TemporaryDirectory(prefix="synth")
        self._build_outputs()

    def _build_room(self) -> Tree:
        kinds = list(dict.fromkeys(look for _, _, look in self.room.solids))
        materials = [material(f"room{i}", look, self.cache) for i, look in enumerate(kinds)]
        self._glowing = []
        for look, one in zip(kinds, materials, strict=True):
            if look.emission:
                one.cycles.emission_sampling = "NONE"  # the lamps light the room; their tubes only glow
                strength = one.node_tree.nodes["Principled BSDF"].inputs["Emission Strength"]
                self._glowing.append((strength, look.emission))
        vertices, faces, numbers, count = [], [], [], 0
        for v, own, look in self.room.solids:
            vertices.append(v)
            faces += [[i + count for i in face] for face in own]
            numbers += [kinds.index(look)] * len(own)
            count += len(v)
        every = np.concatenate(vertices)
        room = mesh_object("room", every, faces, materials, smooth=False)
        room.data.polygons.foreach_set("material_index", numbers)
        return Tree(every, faces)

    def _lamp(self, i: int) -> Any:
        lamp = self.room.lamps[i]
        light = bpy.data.lights.new(f"lamp{i}", "AREA")
        light.shape, light.size, light.size_y = "RECTANGLE", 0.2, 1.2
        light.color, light.energy = lamp.colour, lamp.watts
        placed = bpy.data.objects.new(f"lamp{i}", light)
        placed.location = lamp.at
        bpy.context.scene.collection.objects.link(placed)
        return light

    def _set_renderer(self, size: tuple[int, int], quality: Quality) -> None:
        scene = bpy.context.scene
        world = bpy.data.worlds.new("world")
        world.use_nodes = True
        world.node_tree.nodes["Background"].inputs[0].default_value = (0.5, 0.55, 0.6, 1)
        world.node_tree.nodes["Background"].inputs[1].default_value = 0.15
        scene.world = world
        scene.render.engine = "CYCLES"
        scene.render.resolution_x, scene.render.resolution_y = size
        scene.render.threads_mode, scene.render.threads = "FIXED", quality.threads
        scene.render.use_persistent_data = True
        scene.view_settings.view_transform = "Filmic"
        cycles = scene.cycles
        cycles.samples, cycles.use_adaptive_sampling = quality.samples, False
        cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
        cycles.denoising_prefilter, cycles.denoising_quality = "FAST", "BALANCED"
        cycles.use_light_tree = False  # a dozen lamps: sampling all is cheaper
        cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = quality.bounces, 1, 1
        cycles.transmission_bounces, cycles.transparent_max_bounces = 2, 10
        cycles.sample_clamp_indirect = 4
        cycles.caustics_reflective = cycles.caustics_refractive = False
        scene.cycles_curves.shape, scene.cycles_curves.subdivisions = "RIBBONS", quality.strand_steps

    def _build_window(self) -> tuple[Any, Any]:
        """A bright pane that is put behind a cook against the light."""
        glow = bpy.data.materials.new("window")
        glow.use_nodes = True
        shader = glow.node_tree.nodes["Principled BSDF"]
        shader.inputs["Emission Color"].default_value = (0.85, 0.93, 1, 1)
        corners = np.array([[-0.6, 0, -0.6], [0.6, 0, -0.6], [0.6, 0, 0.6], [-0.6, 0, 0.6]])
        pane = mesh_object("window", corners, [[0, 1, 2, 3]], [glow], smooth=False)
        pane.hide_render = True
        return pane, shader.inputs["Emission Strength"]

    def _build_infrared(self) -> Any:
        light = bpy.data.lights.new("infrared", "SPOT")
        light.spot_size, light.spot_blend, light.shadow_soft_size = math.radians(120), 0.9, 0.03
        light.energy = 0
        placed = bpy.data.objects.new("infrared", light)
        bpy.context.scene.collection.objects.link(placed)
        return placed

    def _build_outputs(self) -> None:
        """The picture as PNG and the object indices as EXR."""
        scene = bpy.context.scene
        scene.view_layers[0].use_pass_object_index = True
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        layers, files = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
        files.base_path = self._folder.name
        files.format.file_format, files.format.color_depth = "PNG", "8"
        files.file_slots.clear()
        files.file_slots.new("picture_")
        files.file_slots.new("index_")
        tree.links.new(layers.outputs["Image"], files.inputs[0])
        tree.links.new(layers.outputs["IndexOB"], files.inputs[1])
        index = files.file_slots[1]
        index.use_node_format = False
        index.format.file_format, index.format.color_depth, index.format.color_mode = "OPEN_EXR", "32", "RGB"
        composite = tree.nodes.new("CompositorNodeComposite")
        tree.links.new(layers.outputs["Image"], composite.inputs[0])

    def light(self, share: float, exposure: float, dead_lamps: Sequence[int] = ()) -> None:
        """All lamps at a share of their power; exposure in stops."""
        for i, (light, watts) in enumerate(self._lamps):
            light.energy = watts * share * (0.05 if i in dead_lamps else 1)
        for strength, value in self._glowing:
            strength.default_value = value * min(1.2, max(share, 0.02))
        scene = bpy.context.scene
        scene.world.node_tree.nodes["Background"].inputs[1].default_value = 0.15 * share
        scene.view_settings.exposure = exposure
        self._infrared.data.energy = 0
        self._window.hide_render = True

    def infrared(self, matrix: Array, power: float) -> None:
        """A lamp at the camera."""
        self._infrared.matrix_world = _matrix(matrix)
        self._infrared.data.energy = power

    def window(self, at: Array, yaw: float, size: tuple[float, float], strength: float) -> None:
        """A bright pane at a place."""
        self._window.hide_render = False
        self._window.location = at
        self._window.rotation_euler = (0, 0, yaw)
        self._window.scale = (size[0], 1, size[1])
        self._window_light.default_value = strength

    def add(self, cook: Cook, number: int) -> BodyObjects:
        """A cook's objects; `number` counts from 0."""
        body = BodyObjects(cook, number)
        for part in cook.parts:
            if part.faces:
                body.objects[part.name] = self._part(part, number)
        if cook.strands is not None:
            body.objects["hair"] = self._hair(cook, number)
        return body

    def _part(self, part: Part, number: int) -> Any:
        part.compact()
        name = f"cook{number}_{part.name}"
        placed = mesh_object(name, part.v, part.faces, [material(name, part.look, self.cache)])
        mesh = placed.data
        if part.uv is not None and part.uv_faces:
            layer = mesh.uv_layers.new()
            corners = np.concatenate([np.array(face) for face in part.uv_faces])
            layer.data.foreach_set("uv", part.uv[corners].astype(np.float32).ravel())
        if part.colour is not None:
            paint = mesh.color_attributes.new("Col", "FLOAT_COLOR", "POINT")
            paint.data.foreach_set("color", np.c_[part.colour, np.ones(len(part.v))].astype(np.float32).ravel())
        if part.name in ("mask", "apron", "suit") or (part.name.startswith("hat") and len(part.faces) < 1300):
            smooth = placed.modifiers.new("smooth", "SUBSURF")
            smooth.levels = smooth.render_levels = 1
        placed.pass_index = PERSON * (number + 1) + part_index(part.name)
        return placed

    def _hair(self, cook: Cook, number: int) -> Any:
        assert cook.strands is not None
        n, k = cook.strands.points.shape[:2]
        curves = bpy.data.hair_curves.new(f"cook{number}_hair")
        curves.add_curves([k] * n)
        curves.points.foreach_set("position", cook.strands.points.reshape(-1).astype(np.float32))
        radius = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
        taper = np.tile(np.linspace(1, 0.45, k), n) * cook.strands.radius_m
        radius.data.foreach_set("value", taper.astype(np.float32))
        curves.materials.append(hair_material(f"cook{number}_hair", cook.hair_look))
        placed = bpy.data.objects.new(f"cook{number}_hair", curves)
        placed.pass_index = PERSON * (number + 1) + part_index("hair")
        bpy.context.scene.collection.objects.link(placed)
        return placed

    def close(self) -> None:
        """Drop the folder that renders go through."""
        self._folder.cleanup()

    def samples(self, count: int) -> None:
        """Light paths a pixel of the next pictures."""
        bpy.context.scene.cycles.samples = count

    def remove_cooks(self) -> None:
        """Empty the room."""
        for placed in [one for one in bpy.data.objects if one.name.startswith("cook")]:
            bpy.data.objects.remove(placed)
        for kind in (bpy.data.meshes, bpy.data.hair_curves, bpy.data.materials):
            for unused in [one for one in kind if one.users == 0]:
                kind.remove(unused)

    def render(self, view: View, seed: int, region: tuple[int, int, int, int] | None = None) -> tuple[Array, Array]:
        """The picture (H, W, 3) BGR uint8 and the indices (H, W) of a view, or of a region (x0, y0, x1, y1)."""
        scene, camera = bpy.context.scene, self._camera.data
        self._camera.matrix_world = _matrix(view.matrix)
        camera.angle = 2 * math.atan(view.width / 2 / view.focal_px)
        camera.shift_x, camera.shift_y = view.shift[0] / view.width, view.shift[1] / view.width
        scene.cycles.seed = seed
        scene.render.use_border = scene.render.use_crop_to_border = region is not None
        if region is not None:
            x0, y0, x1, y1 = region
            scene.render.border_min_x, scene.render.border_max_x = (
                (x0 + 0.02) / view.width,
                (x1 + 0.02) / view.width,
            )
            scene.render.border_min_y = (view.height - y1 + 0.02) / view.height
            scene.render.border_max_y = (view.height - y0 + 0.02) / view.height
        for old in Path(self._folder.name).iterdir():
            old.unlink()
        with quiet():
            bpy.ops.render.render()
        found = {path.name.split("_")[0]: path for path in Path(self._folder.name).iterdir()}
        picture = read_image(found["picture"])[..., :3]
        index = read_image(found["index"], cv2.IMREAD_UNCHANGED)
        return picture, np.rint(index if index.ndim == 2 else index[..., 2]).astype(int)
