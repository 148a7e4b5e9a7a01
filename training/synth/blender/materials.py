"""Shaders of the looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from training.synth.mesh import Look
from training.synth.textures import small
from training.synth.wardrobe import HairLook


class Nodes:
    """A material's node tree with a principled shader."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.shader = self.tree.nodes["Principled BSDF"]

    def add(self, kind: str, **inputs: Any) -> Any:
        """A node, with values of its inputs by name."""
        node = self.tree.nodes.new(kind)
        for name, value in inputs.items():
            node.inputs[name.replace("_", " ")].default_value = value
        return node

    def link(self, source: Any, target: Any) -> None:
        """Connect an output to an input."""
        self.tree.links.new(source, target)

    def set(self, **inputs: Any) -> None:
        """Values of the shader's inputs."""
        for name, value in inputs.items():
            self.shader.inputs[name.replace("_", " ")].default_value = value

    def into(self, source: Any, name: str) -> None:
        """Connect an output to the shader."""
        self.link(source, self.shader.inputs[name])

    def image(self, path: Path, data: bool = False) -> Any:
        """A picture; `data` is not colour."""
        node = self.tree.nodes.new("ShaderNodeTexImage")
        node.image = bpy.data.images.load(str(path), check_existing=True)
        if data:
            node.image.colorspace_settings.name = "Non-Color"
        return node

    def paint(self) -> Any:
        """The colour at the vertices."""
        node = self.tree.nodes.new("ShaderNodeAttribute")
        node.attribute_name = "Col"
        return node

    def times(self, a: Any, b: Any) -> Any:
        """The product of two colours; b is an output or a value."""
        node = self.tree.nodes.new("ShaderNodeMixRGB")
        node.blend_type = "MULTIPLY"
        node.inputs[0].default_value = 1
        self.link(a, node.inputs[1])
        if isinstance(b, tuple):
            node.inputs[2].default_value = b
        else:
            self.link(b, node.inputs[2])
        return node.outputs[0]

    def math(self, operation: str, a: Any, b: float) -> Any:
        """An operation on an output and a number."""
        node = self.tree.nodes.new("ShaderNodeMath")
        node.operation = operation
        self.link(a, node.inputs[0])
        node.inputs[1].default_value = b
        return node.outputs[0]


def material(name: str, look: Look, cache: Path) -> Any:
    """The material of a look; `cache` keeps small textures."""
    nodes = Nodes(name)
    nodes.set(Base_Color=(*look.colour, 1), Roughness=look.roughness)
    kind, _, axis = look.kind.partition("_")
    recipes = {"skin": _skin, "suit": _suit, "fabric": _cloth, "nonwoven": _cloth, "net": _net, "cutout": _cutout}
    if kind in recipes:
        recipes[kind](nodes, look, cache)
    elif kind == "tiles":
        _tiles(nodes, look, axis)
    elif kind == "steel":
        _steel(nodes, look)
    if look.painted and kind != "suit":
        nodes.into(nodes.paint().outputs[0], "Base Color")
    if look.alpha < 1 and kind != "net":
        nodes.set(Alpha=look.alpha)
    if look.emission:
        nodes.set(Emission_Color=(*look.colour, 1), Emission_Strength=look.emission)
    return nodes.material


def _skin(nodes: Nodes, look: Look, cache: Path) -> None:
    assert look.texture is not None
    skin = nodes.times(nodes.image(small(Path(look.texture), "colour", cache)).outputs[0], (*look.colour, 1))
    if look.scalp is not None:
        mix = nodes.tree.nodes.new("ShaderNodeMixRGB")
        nodes.link(nodes.paint().outputs["Fac"], mix.inputs[0])
        nodes.link(skin, mix.inputs[1])
        mix.inputs[2].default_value = (*look.scalp, 1)
        skin = mix.outputs[0]
    nodes.into(skin, "Base Color")
    nodes.shader.inputs["Specular IOR Level"].default_value = 0.35


def _suit(nodes: Nodes, look: Look, cache: Path) -> None:
    assert look.texture is not None
    folds = nodes.image(small(Path(look.texture), "detail", cache), data=True).outputs[0]
    nodes.into(nodes.times(folds, nodes.paint().outputs[0]), "Base Color")
    if look.normals is not None and Path(look.normals).exists():
        bend = nodes.tree.nodes.new("ShaderNodeNormalMap")
        bend.inputs[0].default_value = 1.3
        nodes.link(nodes.image(small(Path(look.normals), "normals", cache), data=True).outputs[0], bend.inputs[1])
        nodes.into(bend.outputs[0], "Normal")


def _object_place(nodes: Nodes) -> Any:
    return nodes.tree.nodes.new("ShaderNodeTexCoord").outputs["Object"]


def _cloth(nodes: Nodes, look: Look, _: Path) -> None:
    """Fabric and nonwoven: dull, with small bumps."""
    nodes.set(Roughness=0.9)
    nodes.shader.inputs["Specular IOR Level"].default_value = 0.2
    noise = nodes.add("ShaderNodeTexNoise", Scale=55 if look.kind == "fabric" else 80, Detail=2)
    bump = nodes.add("ShaderNodeBump", Strength=0.55, Distance=0.0035)
    nodes.link(_object_place(nodes), noise.inputs["Vector"])
    nodes.link(noise.outputs[0], bump.inputs["Height"])
    nodes.into(bump.outputs[0], "Normal")


def _net(nodes: Nodes, look: Look, _: Path) -> None:
    """Threads along the borders of cells; the rest is air."""
    cells = nodes.add("ShaderNodeTexVoronoi", Scale=1 / look.cell_m)
    cells.feature = "DISTANCE_TO_EDGE"
    nodes.link(_object_place(nodes), cells.inputs["Vector"])
    thread = nodes.math("LESS_THAN", cells.outputs[0], look.thread)
    nodes.into(nodes.math("MULTIPLY", thread, look.alpha), "Alpha")
    nodes.set(Roughness=0.8)


def _cutout(nodes: Nodes, look: Look, _: Path) -> None:
    """One colour where the texture is solid: eyebrows, glasses."""
    if look.texture is not None:
        nodes.into(nodes.image(Path(look.texture)).outputs[1], "Alpha")


def _steel(nodes: Nodes, look: Look) -> None:
    nodes.set(Metallic=1.0)
    noise = nodes.add("ShaderNodeTexNoise", Scale=6)
    ranged = nodes.add("ShaderNodeMapRange")
    ranged.inputs[3].default_value, ranged.inputs[4].default_value = look.roughness - 0.18, look.roughness + 0.2
    nodes.link(noise.outputs[0], ranged.inputs[0])
    nodes.into(ranged.outputs[0], "Roughness")


def _tiles(nodes: Nodes, look: Look, axis: str) -> None:
    """Square tiles with grout in the plane across an axis, a little uneven."""
    bricks = nodes.add("ShaderNodeTexBrick", Scale=1.0, Mortar_Size=0.004)
    bricks.offset, bricks.squash = 0, 1
    for name in ("Brick Width", "Row Height"):
        bricks.inputs[name].default_value = look.cell_m
    for name, by in (("Color1", 1.0), ("Color2", 0.95), ("Mortar", 0.6)):
        bricks.inputs[name].default_value = (*[c * by for c in look.colour], 1)
    place = nodes.tree.nodes.new("ShaderNodeNewGeometry")
    split, flat = nodes.tree.nodes.new("ShaderNodeSeparateXYZ"), nodes.tree.nodes.new("ShaderNodeCombineXYZ")
    nodes.link(place.outputs["Position"], split.inputs[0])
    for target, source in enumerate({"x": (1, 2), "y": (0, 2), "z": (0, 1)}[axis]):
        nodes.link(split.outputs[source], flat.inputs[target])
    nodes.link(flat.outputs[0], bricks.inputs["Vector"])
    noise = nodes.add("ShaderNodeTexNoise", Scale=1.3)
    nodes.link(place.outputs["Position"], noise.inputs["Vector"])
    ranged = nodes.add("ShaderNodeMapRange")
    for i, value in enumerate((0.3, 0.7, 0.72, 1.0), 1):
        ranged.inputs[i].default_value = value
    nodes.link(noise.outputs[0], ranged.inputs[0])
    nodes.into(nodes.times(bricks.outputs[0], ranged.outputs[0]), "Base Color")


def hair_material(name: str, look: HairLook) -> Any:
    """Strands darker at the root, each of its own shade, some grey."""
    m = bpy.data.materials.new(name)
    m.use_nodes = True
    tree = m.node_tree
    tree.nodes.clear()
    out, hair = tree.nodes.new("ShaderNodeOutputMaterial"), tree.nodes.new("ShaderNodeBsdfHairPrincipled")
    hair.model, hair.parametrization = "CHIANG", "COLOR"
    hair.inputs["Roughness"].default_value = look.roughness
    hair.inputs["Radial Roughness"].default_value = min(1, look.roughness + 0.15)
    info, ramp = tree.nodes.new("ShaderNodeHairInfo"), tree.nodes.new("ShaderNodeValToRGB")
    elements = ramp.color_ramp.elements
    elements[0].position, elements[0].color = 0, (*[c * 0.25 for c in look.colour], 1)
    elements[1].position, elements[1].color = 1, (*[min(1, c * 2.8) for c in look.colour], 1)
    if look.grey > 0:
        last = elements.new(max(0.02, min(0.97, 1 - look.grey)))
        last.color = (*[min(1, c * 1.1) for c in look.colour], 1)
        elements.new(max(0.03, min(0.99, 1 - look.grey + 0.05))).color = (0.55, 0.54, 0.52, 1)
        elements[-1].color = (0.72, 0.71, 0.69, 1)
    tree.links.new(info.outputs["Random"], ramp.inputs[0])
    shade, mix = tree.nodes.new("ShaderNodeMapRange"), tree.nodes.new("ShaderNodeMixRGB")
    shade.inputs[3].default_value = 0.22
    mix.blend_type = "MULTIPLY"
    mix.inputs[0].default_value = 1
    tree.links.new(info.outputs["Intercept"], shade.inputs[0])
    tree.links.new(ramp.outputs[0], mix.inputs[1])
    tree.links.new(shade.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], hair.inputs["Color"])
    tree.links.new(hair.outputs[0], out.inputs[0])
    return m
