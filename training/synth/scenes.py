"""Scripts of the rendered clips: rooms, cameras, cooks and what they do when.

Places are metres in the room, yaw is radians (0 faces the camera's side, -y), times are seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from training.synth.hats import BLACK, NAVY, WHITE
from training.synth.kitchen import Table
from training.synth.mesh import Colour

Point = tuple[float, float]
Keys = tuple[tuple[float, Point], ...]
BLUE, GREEN, RED = (0.25, 0.4, 0.62), (0.12, 0.3, 0.18), (0.5, 0.08, 0.07)


@dataclass(frozen=True)
class Event:
    """From `at` for `seconds` the right hand is at the face: puff (cigarette), sip (cup) or touch (fingers)."""

    at: float
    kind: str
    seconds: float


@dataclass(frozen=True)
class Actor:
    """A cook of a clip. `glances` are (turn, bow) of the head in degrees, `walk` places over time."""

    seed: int
    place: Point
    yaw: float
    activity: str
    hat: str | None
    mask: str | None
    hat_colour: Colour = WHITE
    hair: str = "short"
    race: str = "asian"
    gender: str = "male"
    top: Colour = WHITE
    suit: str = "male_casualsuit03"
    smokes: bool = False
    has_cup: bool = False
    events: tuple[Event, ...] = ()
    glances: Keys = ((0.0, (0.0, 8.0)),)
    walk: Keys = ()


@dataclass(frozen=True)
class Scene:
    """A clip: `camera` and `target` in the room, `fov_deg` across, `screens` tall boxes (x, y, width, height)."""

    name: str
    room: int
    seconds: float
    island: Table
    camera: tuple[float, float, float]
    target: tuple[float, float, float]
    fov_deg: float
    actors: tuple[Actor, ...]
    exposure: float = 0.35
    screens: tuple[tuple[float, float, float, float], ...] = ()
    fps: int = 6
    size: tuple[int, int] = (960, 540)

    @property
    def frames(self) -> int:
        """How many frames the clip has."""
        return round(self.seconds * self.fps)


_COMPLIANT = Scene(
    name="G1",
    room=71,
    seconds=11,
    island=Table(2.8, 4.0, 2.2, 0.75),
    camera=(1.6, 1.3, 2.4),
    target=(2.9, 4.5, 1.2),
    fov_deg=62,
    actors=(
        Actor(
            seed=7101,
            place=(2.1, 4.7),
            yaw=-0.15,
            activity="knead",
            hat="cap",
            hat_colour=BLACK,
            mask="on",
            top=BLACK,
            glances=((0, (-4, 12)), (3.5, (-10, 2)), (7.5, (-16, 0)), (10.5, (4, 8)), (13, (-12, 0))),
        ),
        Actor(
            seed=7102,
            place=(3.15, 4.72),
            yaw=-0.3,
            activity="stir",
            hat="toque",
            mask="on",
            race="caucasian",
            events=(Event(4.0, "touch", 1.6), Event(8.6, "touch", 1.2)),
            glances=((0, (-5, 10)), (3, (-10, -2)), (7, (6, 8)), (9.5, (-14, 0)), (13, (-4, 6))),
        ),
        Actor(
            seed=7103,
            place=(4.25, 4.15),
            yaw=-0.85,
            activity="stand",
            hat="bouffant",
            hat_colour=(0.42, 0.62, 0.80),
            mask="on",
            gender="female",
            hair="bun",
            top=BLUE,
            has_cup=True,
            events=(Event(6.0, "sip", 2.0),),
            glances=((0, (6, 8)), (5, (12, 0)), (9, (0, 10)), (12, (14, 0))),
        ),
    ),
)

_BARE = Scene(
    name="G2",
    room=72,
    seconds=9,
    island=Table(3.3, 4.1, 2.0, 0.75),
    camera=(4.3, 1.5, 2.4),
    target=(3.1, 4.6, 1.2),
    fov_deg=60,
    actors=(
        Actor(
            seed=7201,
            place=(2.75, 4.8),
            yaw=0.25,
            activity="chop",
            hat=None,
            mask="on",
            top=GREEN,
            suit="male_casualsuit01",
            glances=((0, (6, 12)), (4, (14, 0)), (8, (0, 12)), (11, (16, 0))),
        ),
        Actor(
            seed=7202,
            place=(3.75, 4.8),
            yaw=0.1,
            activity="stir",
            hat="cap",
            hat_colour=NAVY,
            mask=None,
            race="caucasian",
            glances=((0, (4, 10)), (3, (10, 0)), (7, (-4, 10)), (9, (12, 0)), (13, (6, 8))),
        ),
        Actor(
            seed=7203,
            place=(1.95, 4.2),
            yaw=0.75,
            activity="wipe",
            hat="flat",
            mask="on",
            gender="female",
            hair="bun",
            glances=((0, (0, 10)), (5, (10, 0)), (9, (-5, 10))),
        ),
    ),
)

_SMOKER = Scene(
    name="G3",
    room=73,
    seconds=9,
    island=Table(2.7, 4.2, 1.8, 0.75),
    camera=(2.0, 1.0, 2.4),
    target=(2.7, 4.5, 1.15),
    fov_deg=64,
    screens=((3.75, 2.75, 0.45, 1.7),),
    actors=(
        Actor(
            seed=7301,
            place=(2.3, 4.9),
            yaw=-0.05,
            activity="rest",
            hat="toque",
            mask="chin",
            top=RED,
            race="caucasian",
            smokes=True,
            events=(Event(1.8, "puff", 1.4), Event(6.2, "puff", 1.4)),
            glances=((0, (-5, 4)), (2.5, (-10, 0)), (5.5, (5, -2)), (8.2, (-10, 0)), (11, (8, 2))),
        ),
        Actor(
            seed=7302,
            place=(4.9, 3.3),
            yaw=-math.pi / 2,
            activity="stand",
            hat="flat",
            hat_colour=NAVY,
            mask="on",
            walk=((0.0, (4.8, 3.35)), (1.0, (4.6, 3.35)), (8.0, (1.2, 3.35)), (9.0, (1.1, 3.35))),
            glances=((0, (0, 4)), (4, (12, 0)), (8, (25, 0)), (12, (30, 4))),
        ),
        Actor(
            seed=7303,
            place=(3.35, 4.9),
            yaw=-0.2,
            activity="knead",
            hat="bouffant",
            hat_colour=(0.80, 0.82, 0.83),
            mask="on",
            gender="female",
            hair="bun",
            top=BLUE,
            glances=((0, (-5, 12)), (4, (-16, 2)), (9, (0, 12)), (12, (-12, 2))),
        ),
    ),
)

SCENES = {scene.name: scene for scene in (_COMPLIANT, _BARE, _SMOKER)}
