"""The truth of a clip: persons frame by frame out of indices, and the spans in which a rule is broken.

The format is that of docs/formats.md ("Truth of a clip").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from training.synth.crop_truth import Rendered, face_landmarks, head_boxes
from training.synth.lens import Lens
from training.synth.mesh import Array, moved
from training.synth.truth import (
    HEAD_PARTS,
    PART,
    PERSON,
    Angles,
    angles_to,
    bounds,
    box_of,
    clipped,
    face_seen,
    part_index,
    rounded,
    silhouette,
)

_LEAST_VISIBLE = 0.05  # a person of whom less shows is not there
_GAP_S, _LEAST_S = 1.0, 0.5  # shorter gaps are bridged, shorter spans left out


@dataclass(frozen=True)
class Facts:
    """One person in one frame, before the lens: boxes of what would show if nothing stood before it.

    `areas` are the silhouettes' pixels of the person, the head and the cigarette; `landmarks` (6, 2).
    """

    person: int
    head: list[float]
    face: list[float]
    landmarks: list[list[float]]
    angles: tuple[float, float, float]
    areas: tuple[float, float, float]
    hat: str
    mask: str
    cigarette: str


def facts_of(person: int, seen: Rendered, hat: str | None, mask: str | None, cigarette: str) -> Facts:
    """The facts of a cook who stands before a camera; `person` counts from 1."""
    human, view = seen.cook.human, seen.view
    head, _ = head_boxes(seen)
    front = human.head_v[
        (human.head_v[:, 1] < human.hc[1]) & (human.head_v[:, 2] < human.eye_z + 0.055 * human.scale)
    ]
    landmarks, _ = view.project(moved(face_landmarks(seen.cook), seen.head))
    angles = angles_to(seen.head, seen.cook.skull.centre, view.place)
    return Facts(
        person,
        head,
        bounds(view.project(moved(front, seen.head))[0]),
        landmarks.tolist(),
        (angles.yaw, angles.pitch, angles.angle),
        _areas(seen, head),
        hat or "none",
        mask or "none",
        cigarette,
    )


def _areas(seen: Rendered, head: list[float]) -> tuple[float, float, float]:
    """Pixels of person, head and cigarette if nothing stood before them."""
    view = seen.view
    canvas = {name: np.zeros((view.height, view.width), bool) for name in ("person", "head", "cigarette")}
    for part in seen.cook.parts:
        if part.name not in seen.v:
            continue
        number = part_index(part.name)
        covered = silhouette(view.project(seen.v[part.name])[0], part.faces, view.width, view.height)
        canvas["person"] |= covered
        if number in HEAD_PARTS:
            canvas["head"] |= covered
        if number == PART["cig"]:
            canvas["cigarette"] |= covered
    if "hair" in seen.v:
        hull = np.zeros((view.height, view.width), np.uint8)
        outline = cv2.convexHull(np.rint(view.project(seen.v["hair"])[0]).astype(np.int32))
        canvas["head"] |= cv2.fillConvexPoly(hull, outline, 1).astype(bool)
    x0, y0, x1, y1 = (round(v) for v in head)
    inside = float(canvas["head"][y0:y1, x0:x1].sum())
    return float(canvas["person"].sum()), inside, float(canvas["cigarette"].sum())


def person_row(facts: Facts, index: Array, lens: Lens) -> dict[str, Any] | None:
    """A person's row in final pixels, or None if the person does not show; `index` (H, W) is after the lens."""
    height, width = index.shape
    own = index // PERSON == facts.person
    parts = np.where(own, index % PERSON, 0)
    box = box_of(parts > 0)
    visible = min(1.0, float((parts > 0).sum()) / max(1.0, facts.areas[0]))
    if box is None or visible < _LEAST_VISIBLE:
        return None
    head = clipped(lens.box(facts.head), width, height)
    x0, y0, x1, y1 = (round(v) for v in head)
    of_head = np.isin(parts[y0:y1, x0:x1], HEAD_PARTS)
    head_fraction = min(1.0, float(of_head.sum()) / max(1.0, facts.areas[1]))
    angles = Angles(*facts.angles)
    face_visible, _ = face_seen(parts, lens.points(np.array(facts.landmarks)), angles)
    faces = abs(angles.yaw) < 90 and angles.angle < 95 and head_fraction > 0.2
    smoke = parts == PART["cig"]
    shown = min(1.0, float(smoke.sum()) / max(1.0, facts.areas[2])) if facts.cigarette != "none" else 0.0
    return {
        "id": facts.person,
        "person": rounded(box),
        "head": rounded(head) if head_fraction > _LEAST_VISIBLE else None,
        "face": rounded(clipped(lens.box(facts.face), width, height)) if faces else None,
        "hat": facts.hat,
        "hat_box": rounded(box_of(parts == PART["hat"])),
        "mask": facts.mask,
        "mask_box": rounded(box_of(parts == PART["mask"])),
        "cigarette": {
            "where": facts.cigarette,
            "box": rounded(box_of(smoke)) if smoke.sum() >= 3 else None,
            "fraction": round(shown, 2),
        },
        "yaw_deg": round(angles.yaw, 1),
        "pitch_deg": round(angles.pitch, 1),
        "face_visible": face_visible,
        "head_fraction": round(head_fraction, 2),
        "visible_fraction": round(visible, 2),
    }


def breaks(row: Mapping[str, Any]) -> dict[str, bool]:
    """Per rule: whether a human can see that this person breaks it in this frame."""
    return {
        "no_hat": row["hat"] == "none" and row["head_fraction"] >= 0.4,
        "no_mask": row["mask"] in ("none", "chin", "nose", "ear") and row["face_visible"],
        "smoking": row["cigarette"]["where"] != "none" and row["cigarette"]["fraction"] >= 0.3,
    }


def spans(times: Sequence[float], flags: Sequence[bool], step_s: float) -> list[tuple[float, float]]:
    """Intervals in which the flag holds: gaps up to a second are bridged, less than half a second is left out."""
    found: list[list[float]] = []
    for t, flag in zip(times, flags, strict=True):
        if not flag:
            continue
        if found and t - found[-1][1] <= _GAP_S + step_s + 1e-6:
            found[-1][1] = t
        else:
            found.append([t, t])
    return [(start, end + step_s) for start, end in found if end + step_s - start >= _LEAST_S - 1e-6]


def incidents(frames: Sequence[Mapping[str, Any]], fps: float) -> list[dict[str, Any]]:
    """Incidents of a clip's frames, by person and rule."""
    persons = sorted({row["id"] for frame in frames for row in frame["people"]})
    found = []
    for person in persons:
        for rule in ("no_hat", "no_mask", "smoking"):
            flags = [any(row["id"] == person and breaks(row)[rule] for row in frame["people"]) for frame in frames]
            for start, end in spans([frame["t"] for frame in frames], flags, 1 / fps):
                found.append({"rule": rule, "person": person, "from": round(start, 2), "to": round(end, 2)})
    return found
