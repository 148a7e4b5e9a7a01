"""The row of one head crop: boxes, shares and angles out of a render and its indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.synth.casting import Casting
from training.synth.mesh import Array, moved
from training.synth.truth import (
    HEAD_PARTS,
    PART,
    PERSON,
    View,
    angles_to,
    bounds,
    box_of,
    clipped,
    face_seen,
    rounded,
    united,
)
from training.synth.wardrobe import Cook

CROP_PX = 192
_LEAST_HEAD_PX = 150


@dataclass(frozen=True)
class Rendered:
    """A render of one cook: vertices in the room by part, matrices, view, indices, picture, what the room hides."""

    v: dict[str, Array]
    cook: Cook
    head: Array
    bones: dict[str, Array]
    root: Array
    view: View
    index: Array
    picture: Array
    hidden: float


def crop_row(seen: Rendered, casting: Casting) -> dict[str, Any] | None:
    """The truth of a crop, or None if less than 150 pixels of the head show."""
    parts = np.where(seen.index >= PERSON, seen.index % PERSON, 0)
    counts = {name: int((parts == number).sum()) for name, number in PART.items()}
    if int(np.isin(parts, HEAD_PARTS).sum()) < _LEAST_HEAD_PX:
        return None
    head, skull = head_boxes(seen)
    angles = angles_to(seen.head, seen.cook.skull.centre, seen.view.place)
    landmarks, _ = seen.view.project(moved(face_landmarks(seen.cook), seen.head))
    visible, points = face_seen(parts, landmarks, angles)
    x0, y0, x1, y1 = (int(v) for v in head)
    within = seen.picture[y0:y1, x0:x1]
    return {
        "hat": casting.hat or "none",
        "hat_colour": list(casting.hat_colour) if casting.hat_colour else None,
        "hat_box": rounded(box_of(parts == PART["hat"])),
        "hat_px": counts["hat"],
        "hair": seen.cook.hair_name,
        "hair_colour": seen.cook.hair_look.name,
        "hair_px": counts["hair"],
        "hair_visible_fraction": round(counts["hair"] / max(1, counts["hair"] + counts["hat"]), 2),
        "mask": casting.mask or "none",
        "mask_kind": seen.cook.mask_kind,
        "mask_colour": list(seen.cook.mask_colour) if seen.cook.mask_colour else None,
        "mask_box": rounded(box_of(parts == PART["mask"])),
        "mask_px": counts["mask"],
        "cigarette": _cigarette(seen, casting, parts),
        "lookalike": casting.lookalike or "none",
        "lookalike_box": rounded(box_of(parts == PART["prop"])),
        "head": rounded(head),
        "skull": rounded(skull),
        "render_head_px": round(max(skull[2] - skull[0], skull[3] - skull[1]), 1),
        "head_hidden_by_scene": round(seen.hidden, 2),
        "person_visible": round(float((parts > 0).mean()), 3),
        "yaw_deg": round(angles.yaw, 1),
        "pitch_deg": round(angles.pitch, 1),
        "angle_deg": round(angles.angle, 1),
        "face_visible": visible,
        "face_points": points,
        "view": casting.view,
        "light": casting.light,
        "head_luma": round(float(within.mean()) / 255, 3) if within.size else 0.0,
        "glasses": seen.cook.glasses,
        "gender": casting.gender,
        "skin": casting.race,
        "age": casting.age,
    }


def face_landmarks(cook: Cook) -> Array:
    """Nose, corners of the mouth, chin and both eyes (rest pose), the nose first."""
    human = cook.human
    offsets = [[0.02, 0, 0], [-0.02, 0, 0], [0, 0.002, -0.03]]
    eyes = [human.nose + np.array([side * 0.032, 0.02, 0.035]) for side in (1, -1)]
    return np.array([human.nose, *(human.mouth + offset for offset in offsets), *eyes])


def head_boxes(seen: Rendered) -> tuple[list[float], list[float]]:
    """The head (skull, hat and hair above the chin, no ponytails and buns) and the skull, clipped to the crop."""
    human, view = seen.cook.human, seen.view
    skull = bounds(view.project(moved(human.head_v, seen.head))[0])
    hats = [bounds(view.project(seen.v[name])[0]) for name in ("hat", "hatnet") if name in seen.v]
    boxes = [skull, *hats]
    if "hair" in seen.v:
        chin = moved(np.array([[0, human.mouth[1], human.chin_z]]), seen.head)[0, 2]
        above = seen.v["hair"][seen.v["hair"][:, 2] > chin]
        if len(above):
            boxes.append(bounds(view.project(above)[0], 0.5))
    width, height = skull[2] - skull[0], skull[3] - skull[1]
    near = [skull[0] - 0.18 * width, skull[1] - 0.18 * height, skull[2] + 0.18 * width, skull[3] + 0.05 * height]
    limit = united([near, *hats])
    head = united(boxes)
    head = [max(head[0], limit[0]), max(head[1], limit[1]), min(head[2], limit[2]), min(head[3], limit[3])]
    size = (view.width, view.height)
    return clipped(head, *size), clipped(skull, *size)


def _cigarette(seen: Rendered, casting: Casting, parts: Array) -> dict[str, Any]:
    """Where it is, the box of its visible pixels (null below three) and how much of it shows."""
    if casting.cigarette is None:
        return {"where": "none", "held": False, "box": None, "visible_fraction": 0.0, "length_px": 0.0}
    rod = seen.cook.rods[0]
    ends = moved(np.stack([rod.origin, rod.tip]), seen.root @ seen.bones[rod.bone])
    pixels, _ = seen.view.project(ends)
    length = float(np.linalg.norm(pixels[1] - pixels[0]))
    thick = 0.0082 * seen.view.focal_px / float(np.linalg.norm(ends[0] - seen.view.place))
    whole = max(1.0, length * thick + 0.6 * thick**2)
    shown = parts == PART["cig"]
    return {
        "where": "mouth" if casting.cigarette in ("mouth", "held") else "hand",
        "held": casting.cigarette != "mouth",
        "box": rounded(box_of(shown)) if shown.sum() >= 3 else None,
        "visible_fraction": round(min(1.0, float(shown.sum()) / whole), 2),
        "length_px": round(length, 1),
    }
