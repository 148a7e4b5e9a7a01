"""A cook: the human of a casting with skin, clothes, hair, hat, mask and what is held."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from training.synth.bodies import BaseBody
from training.synth.caps import skull_cap
from training.synth.casting import BARE_ARMS, Casting, Streams, drawn
from training.synth.hair import Growth, Strands, grown
from training.synth.hats import BLACK, WHITE, Hat, ring_hat
from training.synth.held import Rod
from training.synth.human import Build, Human
from training.synth.masks import mask
from training.synth.mesh import Array, Colour, Face, Look, Part, grid_faces
from training.synth.scalp import scalp_shade
from training.synth.skull import Caster, Skull

TreeOf = Callable[[Array, Sequence[Face]], Caster]
TOPS: Sequence[Colour] = [
    *[(0.80, 0.80, 0.78)] * 9,
    *[(0.03, 0.03, 0.035)] * 4,
    *[(0.74, 0.76, 0.78), (0.25, 0.40, 0.62), (0.45, 0.06, 0.06), (0.04, 0.06, 0.16), (0.30, 0.32, 0.30)],
    *[(0.55, 0.50, 0.40), (0.10, 0.28, 0.16), (0.6, 0.35, 0.1), (0.35, 0.2, 0.4)],
]
MASK_COLOURS: dict[str, Sequence[Colour]] = {
    "surgical": [(0.30, 0.55, 0.78)] * 4 + [(0.82, 0.83, 0.83)] * 3 + [(0.42, 0.68, 0.60), (0.03, 0.03, 0.035)],
    "n95": [WHITE],
    "cloth": [(0.02, 0.02, 0.024)] * 3 + [(0.80, 0.80, 0.79), (0.4, 0.4, 0.42), (0.5, 0.12, 0.15)],
}
_RING_HATS = ("toque", "flat", "forage")


@dataclass(frozen=True)
class HairLook:
    """`grey` is the share of grey strands, `name` what a human calls the colour."""

    colour: Colour
    grey: float
    roughness: float
    name: str


@dataclass
class Cook:
    """What is rendered, and the facts that go into the truth."""

    human: Human
    skull: Skull
    face: Caster
    strands: Strands | None
    hair_look: HairLook
    hair_name: str
    hat: Hat | None = None
    mask_kind: str | None = None
    mask_colour: Colour | None = None
    glasses: bool = False
    rods: list[Rod] = field(default_factory=list)

    @property
    def parts(self) -> list[Part]:
        """All meshes; the hair is apart."""
        return self.human.parts


def dressed(casting: Casting, streams: Streams, base: BaseBody, tree_of: TreeOf, top: Colour | None = None) -> Cook:
    """The cook of a casting, without what is held (`gestures.py` adds it); a `top` is drawn if none is given."""
    human = _naked(casting, streams("body"), base)
    top = top or streams("top").choice(TOPS)
    suit = clothe(human, casting.suit, top, streams("bottom").choice([BLACK, (0.1, 0.12, 0.18), (0.3, 0.3, 0.32)]))
    cook = headed(human, casting, streams, tree_of)
    extras = streams("extras")
    if extras.random() < 0.35:
        colour = extras.choice(
            [(0.78, 0.78, 0.76), BLACK, (0.08, 0.14, 0.32), (0.4, 0.06, 0.06), (0.12, 0.28, 0.16)]
        )
        cook.parts.append(apron(human, tree_of(suit.v, suit.faces), suit, colour))
    if extras.random() < 0.13:
        cook.glasses = True
        part = human.dress("clothes/glasses", "glasses", Look("cutout", (0.03, 0.03, 0.03), 0.3))
        if part.look.texture is None:
            part.look = Look(colour=(0.03, 0.03, 0.03), roughness=0.3)
    return cook


def _naked(casting: Casting, rng: random.Random, base: BaseBody) -> Human:
    male = casting.gender == "male"
    build = Build(
        casting.race,
        casting.gender,
        casting.age,
        rng.choice(["averagemuscle", "averagemuscle", "minmuscle", "maxmuscle"]) if male else "averagemuscle",
        rng.choice(["averageweight"] * 4 + ["minweight", "maxweight"]),
        rng.uniform(1.0, 1.08) if male else rng.uniform(0.94, 1.02),
    )
    human = Human(base, build, rng)
    texture = rng.choice(base.assets.skins(build.stage, build.race, build.gender))
    tone = rng.uniform(0.8, 1.1) if build.race == "african" else rng.uniform(0.66, 1.02)
    tint = (tone, tone * rng.uniform(0.88, 0.97), tone * rng.uniform(0.78, 0.93))
    skin = Look("skin", tint, rng.uniform(0.42, 0.6), texture=str(texture))
    human.skin(skin, casting.suit in BARE_ARMS)
    return human


def clothe(human: Human, suit: str, top: Colour, bottom: Colour) -> Part:
    """A suit in two colours, the sleeves in the upper one, a little wider than the body."""
    part = human.dress(f"clothes/{suit}", "suit", Look("suit", top, 0.9, painted=True))
    waist = human.joints["pelvis"][0][2]
    sleeves = human.share(("upperarm", "lowerarm", "hand"), part.weights) > 0.4
    upper = np.maximum(np.clip((part.v[:, 2] - waist + 0.02) / 0.02, 0, 1), sleeves)[:, None]
    part.colour = np.array(top) * upper + np.array(bottom) * (1 - upper)
    part.v[:, :2] += (part.v[:, :2] - [0, part.v[:, 1].mean()]) * 0.03
    return part


def hair_look(casting: Casting, rng: random.Random) -> HairLook:
    """Colour by race and age; black where the casting wants it."""
    age = casting.age
    grey = 0.0 if age < 0.6 else rng.choice([0, 0, 0.15, 0.3]) if age < 0.9 else rng.choice([0.2, 0.35, 0.6])
    black = [(0.010, 0.009, 0.008)]
    colours = black * 7 + ([(0.02, 0.014, 0.010), (0.04, 0.024, 0.015), (0.07, 0.035, 0.02)])
    if casting.race == "caucasian":
        colours = [
            (0.012, 0.010, 0.009),
            (0.02, 0.014, 0.01),
            (0.05, 0.03, 0.018),
            (0.10, 0.06, 0.035),
            (0.25, 0.17, 0.09),
        ]
    if casting.dark_hair or casting.race == "african":
        colours = black
    colour = rng.choice(colours)
    name = "black" if colour[0] < 0.02 else "brown" if colour[0] < 0.2 else "blond"
    return HairLook(
        colour, grey, rng.uniform(0.16, 0.34), "grey" if grey > 0.5 else "greying" if grey > 0 else name
    )


def headed(human: Human, casting: Casting, streams: Streams, tree_of: TreeOf) -> Cook:
    """Hair, hat, eyebrows and mask on a human that has its skin."""
    head = human.part("head")
    ears = human.base.ears
    bare_skull = tree_of(head.v, [face for face in head.faces if not ears[face].any()])
    skull, face = Skull(human, bare_skull), tree_of(head.v, head.faces)
    rng = streams("hair")
    look = hair_look(casting, rng)
    crown, recede = _balding(casting, rng)
    growth = Growth(casting.hair, None, crown, recede, tie_deg=rng.choice([-12, -5, 15]) if casting.hat else None)
    hat, strands = _covered(casting, skull, growth, streams)
    if hat is not None:
        human.parts.extend(hat.parts)
    _shade_scalp(head, skull, casting, look, (recede, crown))
    brow_colour = look.colour if look.grey < 0.6 else (0.3, 0.3, 0.3)
    human.dress(
        "eyebrows/" + rng.choice(["eyebrow001", "eyebrow003", "eyebrow009"]), "brow", Look("cutout", brow_colour)
    )
    cook = Cook(human, skull, face, strands, look, casting.hair + ("_balding" if crown else ""), hat)
    if casting.mask is not None:
        worn = streams("mask worn")
        cook.mask_kind = drawn({"surgical": 0.68, "n95": 0.13, "cloth": 0.19}, worn)
        cook.mask_colour = worn.choice(MASK_COLOURS[cook.mask_kind])
        human.parts.extend(mask(casting.mask, cook.mask_kind, skull, face, worn, cook.mask_colour))
    return cook


def _balding(casting: Casting, rng: random.Random) -> tuple[float, float]:
    """Angle of a bald crown and metres of receding hair."""
    if casting.gender != "male":
        return 0.0, 0.0
    if casting.age >= 0.65 and casting.hair in ("short", "crew", "side", "slick") and rng.random() < 0.55:
        return rng.uniform(0.25, 0.85), rng.uniform(0, 0.03)
    return 0.0, rng.uniform(0, 0.018) if rng.random() < 0.3 else 0.0


def _covered(casting: Casting, skull: Skull, growth: Growth, streams: Streams) -> tuple[Hat | None, Strands | None]:
    """The hat and the hair that it leaves; a net spans the hair, so the hair comes first there."""
    rng, strands_rng = streams("hat shape"), streams("strands")
    if casting.hat is None:
        return None, grown(skull, growth, strands_rng)
    assert casting.hat_colour is not None
    if casting.hat == "hairnet":
        tie = rng.choice([-5, 15, 30])
        hair = grown(skull, Growth(growth.style, None, 0, growth.recede, 0.35, tie), strands_rng)
        return skull_cap("hairnet", skull, rng, casting.hat_colour, 0.0045, hair), hair
    room = 0.0045 if casting.hair != "bald" else 0.002
    if casting.hat in _RING_HATS:
        hat = ring_hat(casting.hat, skull, rng, casting.hat_colour, room)
    else:
        hat = skull_cap(casting.hat, skull, rng, casting.hat_colour, room)
    under = Growth(growth.style, hat.line, growth.crown, growth.recede, 1.0, growth.tie_deg)
    return hat, grown(skull, under, strands_rng)


def _shade_scalp(head: Part, skull: Skull, casting: Casting, look: HairLook, balding: tuple[float, float]) -> None:
    """Colour the scalp under the strands, and the shaven shadow of bald heads."""
    shade = scalp_shade(skull, *balding) * (0.35 if casting.hair == "bald" else 1)
    head.colour = np.repeat(shade[:, None], 3, 1)
    mixed = [min(0.3, (c * (1 - look.grey) + 0.35 * look.grey) * 0.5 + 0.006) for c in look.colour]
    head.look = Look(**{**head.look.__dict__, "scalp": tuple(mixed)})


def apron(human: Human, over: Caster, suit: Part, colour: Colour) -> Part:
    """A bib apron draped over the suit by rays from the front."""
    rows, columns = 26, 23
    top, low = human.joints["spine_03"][0][2] + 0.10, human.joints["calf_l"][0][2] + 0.02
    z = np.linspace(top, low, rows)
    width = 0.115 + 0.09 * np.clip((top - z) / 0.22, 0, 1)
    x = np.linspace(-1, 1, columns)[None] * width[:, None]
    y = np.full((rows, columns), np.nan)
    for i in range(rows):
        for j in range(columns):
            hit = over.distance(np.array([x[i, j], -1, z[i]]), np.array([0, 1.0, 0]), 3.0)
            if hit is not None and hit - 1 < 0.06:
                y[i, j] = hit - 1
        known = np.flatnonzero(~np.isnan(y[i]))
        y[i] = np.interp(np.arange(columns), known, y[i, known]) if len(known) > 3 else y[max(0, i - 1)]
    for _ in range(12):
        p = np.pad(y, 1, mode="edge")
        y = np.minimum(y, (p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2]) / 4)
    y = y - 0.012 + 0.004 * np.sin(np.arange(columns) * 1.3)[None] * np.linspace(0, 1, rows)[:, None]
    v = np.stack([x, y, z[:, None] + 0 * x], -1).reshape(-1, 3)
    nearest = ((v[:, None] - suit.v[None, ::2]) ** 2).sum(-1).argmin(1) * 2
    weights = suit.weights[nearest].copy()
    skirt = v[:, 2] < human.joints["pelvis"][0][2]
    weights[skirt] *= 0.5
    weights[skirt, human.base.index["pelvis"]] += 0.5
    return Part("apron", v, weights, grid_faces(rows, columns), Look("fabric", colour))
