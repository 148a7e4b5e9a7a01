"""Who is in a crop: drawn from a recipe's weights.

Random streams have names, so that two crops can differ in one thing alone.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from training.synth.hats import BLACK, NAVY, WHITE
from training.synth.mesh import Colour

HATS = ("toque", "flat", "bouffant", "cap", "forage", "bandana", "hairnet")
CIGARETTES = ("mouth", "held", "near", "chest")  # held: at the lips and in the fingers
LOOKALIKES = ("thermometer", "pen", "chopstick", "spoon", "straw", "fingers")
VIEWS = ("front", "side", "back", "above")
LIGHTS = ("normal", "dim", "back", "infrared")
SUITS = ("male_casualsuit03", "male_casualsuit03", "male_casualsuit01", "male_casualsuit06", "male_casualsuit02")
BARE_ARMS = ("male_casualsuit06", "male_casualsuit04", "male_casualsuit02", "female_casualsuit01")
_DARK = (BLACK, BLACK, (0.03, 0.03, 0.033), NAVY, NAVY, (0.04, 0.04, 0.05), (0.035, 0.02, 0.02))
HAT_COLOURS: Mapping[str, Sequence[Colour]] = {
    "toque": [WHITE] * 8 + [BLACK, (0.1, 0.2, 0.45)],
    "flat": [WHITE] * 6 + [BLACK] * 3 + [NAVY, (0.28, 0.05, 0.05), (0.3, 0.32, 0.34)],
    "bouffant": [(0.80, 0.82, 0.83)] * 3 + [(0.42, 0.62, 0.80)] * 3 + [(0.45, 0.70, 0.52), (0.30, 0.60, 0.45)],
    "cap": [BLACK, BLACK, NAVY, (0.5, 0.05, 0.05), WHITE, WHITE, (0.2, 0.2, 0.21), (0.08, 0.25, 0.12)],
    "forage": [WHITE] * 4 + [(0.45, 0.62, 0.78), (0.6, 0.08, 0.07)],
    "bandana": [(0.5, 0.04, 0.04), BLACK, BLACK, (0.05, 0.1, 0.35), WHITE, (0.15, 0.3, 0.15), (0.7, 0.35, 0.05)],
    "hairnet": [(0.82, 0.82, 0.81)] * 4 + [(0.02, 0.02, 0.02), (0.25, 0.14, 0.07)] + [(0.45, 0.62, 0.78)] * 2,
}
HAIR: Mapping[str, Mapping[str, float]] = {
    "male": {
        **{"short": 0.34, "side": 0.16, "crew": 0.20, "slick": 0.08, "bald": 0.09, "curly": 0.06, "afro": 0.03},
        **{"ponytail": 0.02, "long": 0.02},
    },
    "female": {"bun": 0.27, "ponytail": 0.27, "bob": 0.2, "long": 0.12, "short": 0.08, "curly": 0.06},
}


class BadForce(Exception):
    """`--force` names what does not exist; says what does."""


@dataclass(frozen=True)
class Recipe:
    """Weights of a kind of crop. With `twins`, seeds 2k and 2k + 1 are the same scene with and without the hat."""

    hat: float = 0.46
    hats: Mapping[str, float] = field(
        default_factory=lambda: {
            **{
                "toque": 0.2,
                "flat": 0.17,
                "bouffant": 0.2,
                "cap": 0.15,
                "forage": 0.1,
                "bandana": 0.1,
                "hairnet": 0.08,
            }
        }
    )
    views: Mapping[str, float] = field(
        default_factory=lambda: {"front": 0.56, "side": 0.22, "back": 0.14, "above": 0.08}
    )
    dark: bool = False
    smoking: float = 0.15
    lookalike: float = 0.16
    twins: bool = False


RECIPES = {
    "general": Recipe(),
    # What a net confuses: black and navy caps on black hair, and the same heads bare.
    "dark-caps": Recipe(
        1.0,
        {"cap": 0.62, "flat": 0.3, "bandana": 0.08},
        {"front": 0.3, "side": 0.28, "back": 0.24, "above": 0.18},
        dark=True,
        smoking=0.04,
        lookalike=0.05,
        twins=True,
    ),
}


@dataclass(frozen=True)
class Casting:
    """One cook of a crop. `None` of hat, mask, cigarette and lookalike means without."""

    light: str
    gender: str
    race: str
    age: float
    hat: str | None
    hat_colour: Colour | None
    hair: str
    dark_hair: bool
    mask: str | None
    cigarette: str | None
    lookalike: str | None
    near: bool
    view: str
    suit: str


class Streams:
    """Independent random streams by name: what one consumes does not shift another."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, name: str) -> random.Random:
        """A stream from its beginning."""
        return random.Random(f"{self.seed}/{name}")


def scene_seed(seed: int, recipe: Recipe) -> int:
    """The seed of a crop's scene: that of its twin, if the recipe has twins."""
    return seed // 2 if recipe.twins else seed


def drawn(weights: Mapping[str, float], rng: random.Random) -> str:
    """A key by its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def cast(seed: int, recipe: Recipe, force: Mapping[str, Sequence[str]] | None = None) -> Casting:
    """The cook of a seed; `force` maps fields to values that seeds take in turn."""
    streams = Streams(scene_seed(seed, recipe))
    casting = _drawn(streams, recipe)
    if recipe.twins and seed % 2:
        casting = replace(casting, hat=None, hat_colour=None)
    forced = {name: values[seed % len(values)] for name, values in (force or {}).items()}
    changes: dict[str, Any] = {name: None if value == "none" else value for name, value in forced.items()}
    casting = replace(casting, **changes)
    if casting.hat is not None and (casting.hat_colour is None or "hat" in forced):
        colours = _DARK if recipe.dark else HAT_COLOURS[casting.hat]
        casting = replace(casting, hat_colour=streams("hat colour").choice(colours))
    return replace(casting, hair=_hair_that_fits(casting, streams("hair fits")))


def _drawn(streams: Streams, recipe: Recipe) -> Casting:
    who, what, seen = streams("person"), streams("doing"), streams("view")
    gender = drawn({"male": 0.62, "female": 0.38}, who)
    race = drawn({"asian": 0.6, "caucasian": 0.25, "african": 0.15}, who)
    cigarette, lookalike = None, None
    u = what.random()
    if u < recipe.smoking:
        cigarette = drawn({"mouth": 0.38, "held": 0.14, "near": 0.26, "chest": 0.22}, what)
    elif u < recipe.smoking + recipe.lookalike:
        lookalike = drawn(
            {"thermometer": 0.17, "pen": 0.17, "chopstick": 0.17, "spoon": 0.15, "straw": 0.12, "fingers": 0.22},
            what,
        )
    near = what.random() < 0.6
    at_lips = cigarette in ("mouth", "held") or lookalike == "straw"
    at_lips |= near and lookalike in ("spoon", "chopstick", "thermometer")
    open_mouth = {"none": 0.62, "chin": 0.22, "ear": 0.16}
    any_mask = {"none": 0.47, "on": 0.30, "nose": 0.095, "chin": 0.08, "ear": 0.055}
    mask = drawn(open_mouth if at_lips else any_mask, streams("mask"))
    acting = cigarette is not None or lookalike is not None
    views = {"front": 0.78, "side": 0.19, "back": 0.03} if acting else recipe.views
    hat = drawn(recipe.hats, streams("hat")) if streams("hat at all").random() < recipe.hat else None
    return Casting(
        light=drawn({"normal": 0.55, "dim": 0.17, "back": 0.12, "infrared": 0.16}, seen),
        gender=gender,
        race=race,
        age=who.choice([0.5, 0.5, 0.55, 0.55]) if recipe.dark else who.choice([0.5, 0.5, 0.55, 0.65, 0.75, 0.95]),
        hat=hat,
        hat_colour=None,
        hair=drawn(HAIR[gender], who),
        dark_hair=recipe.dark,
        mask=None if mask == "none" else mask,
        cigarette=cigarette,
        lookalike=lookalike,
        near=near,
        view=drawn(views, seen),
        suit=who.choice(SUITS),
    )


def _hair_that_fits(casting: Casting, rng: random.Random) -> str:
    """Hair that goes with a race and under a hat; the same for both twins where it can be."""
    hair = casting.hair
    if casting.dark_hair and hair == "bald":
        return "crew"
    if hair == "afro" and casting.race != "african":
        return "short"
    if casting.hat == "hairnet" and hair in ("long", "bob", "ponytail", "curly", "afro", "bald"):
        return "bun" if casting.gender == "female" else "short"
    if casting.hat in ("bouffant", "bandana") and hair in ("long", "ponytail", "bun") and rng.random() < 0.7:
        return "short"
    return hair


_ALLOWED: Mapping[str, Sequence[str]] = {
    "light": LIGHTS,
    "gender": ("male", "female"),
    "race": ("asian", "caucasian", "african"),
    "hat": (*HATS, "none"),
    "hair": (*{**HAIR["male"], **HAIR["female"]},),
    "mask": ("on", "nose", "chin", "ear", "none"),
    "cigarette": (*CIGARETTES, "none"),
    "lookalike": (*LOOKALIKES, "none"),
    "view": VIEWS,
    "suit": tuple(sorted(set(SUITS))),
}


def parsed_force(words: Sequence[str]) -> dict[str, list[str]]:
    """`hat=toque|none` and the like.

    Raises:
        BadForce: a field or value that does not exist.
    """
    force: dict[str, list[str]] = {}
    known = {f.name for f in fields(Casting)} & set(_ALLOWED)
    for word in words:
        name, _, values = word.partition("=")
        if name not in known:
            raise BadForce(f"--force {word}: no field {name!r}; there are {', '.join(sorted(known))}")
        force[name] = values.split("|")
        wrong = set(force[name]) - set(_ALLOWED[name])
        if wrong:
            raise BadForce(f"--force {word}: no {sorted(wrong)[0]!r}; {name} may be {', '.join(_ALLOWED[name])}")
    return force
