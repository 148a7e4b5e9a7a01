"""One shape for every source: pictures with boxes, and what their silence means.

Labels are partial. A mask picture says nothing of cigarettes; a helmet picture leaves heads unboxed. So each
picture says, per class, whether absence is known everywhere ("all"), only at its boxes ("boxes") or nowhere
("none"). Losses use that; see `sheets.py` and `frame_loss.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

Row = dict[str, Any]

HAT_ANSWER = {"food_or_clinical": "covered", "other": "covered", "bare": "bare", "unclear": "cannot_judge"}
MASK_ANSWER = {"mask": "worn", "incorrect": "incorrect", "none": "none", "unseen": "cannot_judge"}
RENDERED_MASK = {"on": "worn", "nose": "incorrect", "chin": "incorrect", "ear": "incorrect", "none": "none"}
JUDGED_PX = 12.0  # a head smaller than this cannot be judged by anybody


@dataclass(frozen=True)
class Box:
    """`xyxy` in pixels of the picture; `ignore` boxes are neither there nor absent."""

    kind: str  # person, head, cigarette, not_head
    xyxy: tuple[float, float, float, float]
    hat: str | None = None
    mask: str | None = None
    hat_kind: str | None = None
    ignore: bool = False


@dataclass(frozen=True)
class Picture:
    """`file` is relative to the data folder, `known` maps each class to all, boxes or none."""

    file: str
    width: int
    height: int
    source: str
    family: str  # mask, smoke, helmet, cook, still, render, pair, clean, own
    split: str  # train, val, dev
    group: str
    known: dict[str, str]
    boxes: list[Box] = field(default_factory=list)
    judged: str = "all"  # "size" if nobody can judge so small a head

    def row(self) -> Row:
        return asdict(self)


def picture_of(row: Row) -> Picture:
    """The inverse of `Picture.row`."""
    boxes = [Box(**{**box, "xyxy": tuple(box["xyxy"])}) for box in row["boxes"]]
    return Picture(**{**row, "boxes": boxes})


def head_of_face(xyxy: list[float], width: int, height: int) -> tuple[float, float, float, float]:
    """Grow a face box to the whole head: 45 % of its height upwards, 12 % of its width to each side."""
    x0, y0, x1, y1 = xyxy
    w, h = x1 - x0, y1 - y0
    return (
        max(0.0, x0 - 0.12 * w),
        max(0.0, y0 - 0.45 * h),
        min(float(width), x1 + 0.12 * w),
        min(float(height), y1),
    )


def annotated(row: Row) -> Picture:
    """A row of annotations.jsonl as a Picture."""
    family = row["file"].split("_")[0]
    exhaustive = row.get("exhaustive", True)
    named = set(row["labelled"])
    heads_known = "none" if not named & {"face", "head"} else "all" if exhaustive else "boxes"
    known = {"person": "none", "head": heads_known, "cigarette": "all" if "cigarette" in named else "none"}
    boxes = []
    for box in row["boxes"]:
        kind = "head" if box["kind"] == "face" else box["kind"]
        grown = head_of_face(box["xyxy"], row["w"], row["h"]) if box["kind"] == "face" else tuple(box["xyxy"])
        hat, mask = box.get("hat"), box.get("mask")
        answers = (HAT_ANSWER.get(hat or ""), MASK_ANSWER.get(mask or ""))
        boxes.append(Box(kind, grown, *(answers if kind == "head" else (None, None)), hat_kind=hat))
    file = f"images/{row['file']}"
    return Picture(file, row["w"], row["h"], row["source"], family, row["split"], row["group"], known, boxes)


def rendered_still(row: Row, held_out: bool) -> Picture:
    """A row of stills.jsonl: truth is exact, so absence is known of every class."""
    boxes = []
    for one in row["people"]:
        if one["visible_fraction"] < 0.15:
            boxes.append(Box("person", tuple(one["person"]), ignore=True))
            continue
        boxes.append(Box("person", tuple(one["person"])))
        if one["head"]:
            hidden = one["head_fraction"] < 0.5
            hat = None if hidden else "bare" if one["hat"] == "none" else "covered"
            mask = _rendered_mask(one["mask"], one["face_visible"], one["yaw_deg"])
            head = Box("head", tuple(one["head"]), hat, mask, one["hat"], ignore=one["head_fraction"] < 0.3)
            boxes.append(head)
        smoke = one["cigarette"]
        if smoke["box"]:
            boxes.append(Box("cigarette", tuple(smoke["box"]), ignore=smoke.get("fraction", 1.0) < 0.2))
    known = dict.fromkeys(("person", "head", "cigarette"), "all")
    split = "dev" if held_out else "train"
    size = (row["width"], row["height"])
    return Picture(
        f"synth/stills/{row['file']}", *size, "rendered", "still", split, f"room{row['seed']}", known, boxes
    )


def _rendered_mask(state: str, face_visible: bool, yaw_deg: float) -> str | None:
    if face_visible:
        return RENDERED_MASK.get(state)
    return "cannot_judge" if abs(yaw_deg) > 100 else None  # in between one may see a strap: not asked


def _rendered_hat(row: Row, head_px: float) -> str | None:
    if row["head_hidden_by_scene"] > 0.5:
        return None
    if row["hat"] == "none":
        return "bare"
    dark_net = row["hat"] == "hairnet" and max(row["hat_colour"] or [0]) < 0.2
    if row["hat"] == "hairnet":
        return "cannot_judge" if dark_net and head_px < 40 else "covered"
    return "covered" if row["hat_px"] > 25 else None


def rendered_head(row: Row, family: str, file: str, px: str, split: str) -> Picture:
    """One row of crops.jsonl as one picture; `px` names the field with the head's size in that picture."""
    smoke = row["cigarette"]
    mask = _rendered_mask(row["mask"], row["face_visible"], row["yaw_deg"])
    head = Box("head", tuple(row["head"]), _rendered_hat(row, row[px]), mask, row["hat"])
    boxes = [head] if row["head_hidden_by_scene"] < 0.7 else [Box("head", head.xyxy, ignore=True)]
    if smoke.get("box") and smoke["where"] != "none":
        boxes.append(Box("cigarette", tuple(smoke["box"]), ignore=smoke["visible_fraction"] < 0.2))
    judged = "size" if row[px] < JUDGED_PX + 1 else "all"
    known = {"person": "none", "head": "all", "cigarette": "all"}
    group = f"crops{row['seed'] // 20}"
    return Picture(file, 192, 192, "rendered", family, split, group, known, boxes, judged)


def rendered_heads(row: Row, held_out: bool) -> Iterator[Picture]:
    """One crop of crops.jsonl, as seen by the camera and, second, as rendered."""
    split = "dev" if held_out else "train"
    yield rendered_head(row, "render", f"synth/heads/{row['file']}", "effective_head_px", split)
    yield rendered_head(row, "clean", f"synth/heads_clean/{row['file']}", "render_head_px", split)
