"""Where hair grows on a head, and the colour that shows between the strands."""

from __future__ import annotations

import math

import numpy as np

from training.synth.mesh import Array
from training.synth.skull import Skull, directions, folded


def hairline(skull: Skull, azimuth: Array, recede: float = 0.0) -> Array:
    """Height above the eyes (m) where hair begins: forehead, temples, sideburns, around the ears, nape."""
    ear = math.degrees(skull.ear_azimuth)
    top, low = skull.above_eyes(skull.ear_z[1]), skull.above_eyes(skull.ear_z[0])
    knots = [
        0,
        20,
        38,
        ear - 38,
        ear - 27,
        ear - 20,
        ear - 13,
        ear - 4,
        ear + 10,
        ear + 20,
        ear + 32,
        ear + 50,
        180,
    ]
    heights = [
        *(0.062 + recede * 0.5, 0.064 + recede, 0.060 + recede * 1.3, 0.045 + recede * 0.3, 0.012, -0.014, 0.004),
        *(top + 0.004, top - 0.002, top - 0.03, low + 0.014, low - 0.012, low - 0.022),
    ]
    return np.asarray(np.interp(np.degrees(folded(azimuth)), knots, heights) * skull.scale)


def scalp_shade(skull: Skull, recede: float = 0.0, crown: float = 0.0) -> Array:
    """Weight 0 to 1 of each body vertex for the colour of hair under the strands."""
    v = skull.human.part("head").v
    azimuth, elevation, radius = skull.spherical(v)
    nape = 0.016 * np.clip(np.abs(azimuth) - 2.2, 0, 0.5) / 0.5
    over = v[:, 2] - skull.human.eye_z - hairline(skull, azimuth, recede) - nape
    shade = np.clip(over / 0.006 + 0.3, 0, 1) * (elevation > -0.9) * (radius > 0.05)
    if crown > 0:
        shade *= np.clip((from_crown(azimuth, elevation) - crown) / 0.15 + 0.5, 0, 1)
    shade[skull.human.base.ears[: len(shade)]] = 0
    return np.asarray(shade)


def from_crown(azimuth: Array, elevation: Array) -> Array:
    """Angle between directions and the crown, radians."""
    crown = directions(math.pi, math.radians(62))
    return np.asarray(np.arccos(np.clip(directions(azimuth, elevation) @ crown, -1, 1)))
