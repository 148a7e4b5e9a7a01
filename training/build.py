"""Stage `build`: read every source, check it, apply corrections, count, and pack shrunken pictures.

Writes OUT/set/pictures.jsonl (one Picture a row), frames.bin (whole pictures) and heads.bin (squares
around heads with their surroundings).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from training.labels import Box, Picture, Row, annotated, picture_of, rendered_head, rendered_heads, rendered_still
from training.own_footage import own_pictures
from training.pack import PackWriter
from training.settings import DataSettings

CORRECTIONS = Path(__file__).with_name("corrections.jsonl")
CIGARETTES_SEEN = Path(__file__).with_name("cigarettes_seen.jsonl")
SIZES_PX = (0, 20, 40, 80, 160, 10_000)


class DataError(ValueError):
    """A row that cannot be right; the message names the file and the box."""


def read_rows(path: Path) -> list[Row]:
    """The rows of a JSONL file; none if there is no such file."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def rows_before_a_kill(path: Path) -> list[Row]:
    """The rows of a JSONL file that a killed run may have left; half a line at its end is cut off the file."""
    text = path.read_text("utf-8") if path.is_file() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, "utf-8")
    return read_rows(path)


def corrected(rows: list[Row], corrections: Iterable[Row]) -> list[Row]:
    """Rows with the project's corrections: {file, box: index, old, new, why}; `new: null` drops the box."""
    by_file = {row["file"]: row for row in rows}
    for fix in corrections:
        row = by_file.get(fix["file"])
        if row is None:
            continue
        box = row["boxes"][fix["box"]]
        if any(box.get(key) != value for key, value in fix["old"].items()):
            raise DataError(
                f"{fix['file']} box {fix['box']}: the correction expects {fix['old']}, the set has {box}"
            )
        row["boxes"][fix["box"]] = {**box, **fix["new"]} if fix["new"] is not None else None
    for row in rows:
        row["boxes"] = [box for box in row["boxes"] if box is not None]
    return rows


def looked_through(pictures: list[Picture], families: Iterable[str]) -> list[Picture]:
    """Training pictures of these families are without cigarettes, but where cigarettes_seen.jsonl says otherwise.

    Nobody labelled cigarettes on them. A cigarette look was asked, and all that it suspected was looked at: what is
    one, or may be, stands in that file as {file, xyxy, why} and is neither there nor absent.
    """
    chosen = frozenset(families)
    regions: dict[str, list[Box]] = {}
    for row in read_rows(CIGARETTES_SEEN):
        regions.setdefault(f"images/{row['file']}", []).append(Box("cigarette", tuple(row["xyxy"]), ignore=True))
    return [
        replace(p, known=p.known | {"cigarette": "all"}, boxes=[*p.boxes, *regions.get(p.file, [])])
        if p.family in chosen and p.split == "train"
        else p
        for p in pictures
    ]


def _held_out(groups: Iterable[int], pictures_each: float, wanted: int) -> set[int]:
    """The last groups that together hold about `wanted` pictures (whole rooms, so that none is half seen)."""
    ordered = sorted(set(groups))
    count = max(1, round(wanted / pictures_each)) if wanted and len(ordered) > 1 else 0
    return set(ordered[-count:]) if count else set()


def read_pictures(data: Path, settings: DataSettings) -> list[Picture]:
    """Every picture of the data folder, checked. Sources that are not there are left out."""
    rows = corrected(read_rows(data / "annotations.jsonl"), read_rows(CORRECTIONS))
    pictures = looked_through([annotated(row) for row in rows], settings.without_cigarettes)
    stills = read_rows(data / "synth/stills.jsonl")
    rooms = [row["seed"] for row in stills]
    held = _held_out(rooms, len(stills) / max(1, len(set(rooms))), settings.dev_stills)
    pictures += [rendered_still(row, row["seed"] in held) for row in stills]
    crops = read_rows(data / "synth/heads/crops.jsonl")
    held = _held_out((row["seed"] // 20 for row in crops), 20, settings.dev_renders)
    for row in crops:
        pictures += rendered_heads(row, row["seed"] // 20 in held)
    pictures += own_pictures(data / "own")
    if not pictures:
        raise DataError(f"{data} holds no annotations.jsonl, no synth/ and no own/")
    return [_checked(picture) for picture in pictures]


def _checked(picture: Picture) -> Picture:
    """Clip boxes to the picture; refuse what cannot be a box."""
    boxes = []
    for i, box in enumerate(picture.boxes):
        x0, y0, x1, y1 = box.xyxy
        if not all(np.isfinite(box.xyxy)) or x1 <= x0 or y1 <= y0:
            raise DataError(f"{picture.file} box {i}: {box.xyxy} is empty or not a number")
        clipped = (max(0.0, x0), max(0.0, y0), min(float(picture.width), x1), min(float(picture.height), y1))
        if clipped[2] - clipped[0] < 1 or clipped[3] - clipped[1] < 1:
            continue
        boxes.append(Box(box.kind, clipped, box.hat, box.mask, box.hat_kind, box.ignore))
    return Picture(**{**picture.__dict__, "boxes": boxes})


def check_splits(pictures: list[Picture]) -> None:
    """No group may be in two splits. Raises DataError."""
    seen: dict[tuple[str, str], str] = {}
    for picture in pictures:
        key = (picture.source, picture.group)
        if seen.setdefault(key, picture.split) != picture.split:
            raise DataError(f"group {key} is in {seen[key]} and in {picture.split} ({picture.file})")


def counts(pictures: list[Picture]) -> str:
    """A table: boxes by split, family, question and head size."""
    table: Counter[tuple[str, str, str]] = Counter()
    sizes: Counter[tuple[str, str, int]] = Counter()
    for picture in pictures:
        table[picture.split, picture.family, "pictures"] += 1
        for box in picture.boxes:
            table[picture.split, picture.family, f"{box.kind}{' (ignored)' if box.ignore else ''}"] += 1
            if box.kind != "head":
                continue
            for question in ("hat", "mask"):
                answer = getattr(box, question)
                table[picture.split, picture.family, f"{question} {answer or 'not labelled'}"] += 1
            height = box.xyxy[3] - box.xyxy[1]
            sizes[picture.split, picture.family, int(np.searchsorted(SIZES_PX, height, "right"))] += 1
    lines = [f"{n:7d}  {split:5} {family:7} {what}" for (split, family, what), n in sorted(table.items())]
    for (split, family, i), n in sorted(sizes.items()):
        lines.append(f"{n:7d}  {split:5} {family:7} heads of {SIZES_PX[i - 1]}-{SIZES_PX[i]} px")
    return "\n".join(lines)


def shrunk(image: np.ndarray[Any, Any], longer_px: int) -> np.ndarray[Any, Any]:
    """The picture with its longer side at most `longer_px`; never enlarged."""
    factor = longer_px / max(image.shape[:2])
    return image if factor >= 1 else cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class Square:
    """A packed square of a picture, and where it lies there."""

    picture: np.ndarray[Any, Any]
    left: float
    top: float
    scale: float

    def moved(self, box: Iterable[float]) -> list[float]:
        """A box of the picture, in pixels of the square."""
        return [(v - (self.left, self.top)[i % 2]) * self.scale for i, v in enumerate(box)]


def square(image: np.ndarray[Any, Any], box: tuple[float, ...], heads: float, side_px: int) -> Square:
    """A square of `heads` head sides around a head, at most `side_px` large."""
    side = heads * max(box[2] - box[0], box[3] - box[1])
    left, top = (box[0] + box[2] - side) / 2, (box[1] + box[3] - side) / 2
    scale = min(1.0, side_px / side)
    whole = max(8, round(side * scale))
    # Area-averaged first: warping alone would alias when the head is much larger than the packed square.
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    matrix = np.float32([[1, 0, -left * scale], [0, 1, -top * scale]])
    warped = cv2.warpAffine(small, matrix, (whole, whole), borderMode=cv2.BORDER_REPLICATE)
    return Square(warped, left, top, scale)


def head_facts(picture: Picture, boxes: list[list[float]], **given: Any) -> Row:
    """What a pack of heads holds of one square; `boxes` in its pixels, the head's first, then its neighbours'.

    `given` are its kind and its answers, and, where they are no labels, another family.
    """
    return {
        "file": picture.file,
        "family": picture.family,
        "hat": None,
        "hat_kind": None,
        "mask": None,
        "boxes": boxes,
        "judged": "all",
        "exhaustive": False,
        "source": picture.source,
        "group": picture.group,
        "split": picture.split,
        **given,
    }


def _pack_one(job: tuple[str, Row, DataSettings]) -> tuple[Row, Any, list[tuple[Any, Row]]]:
    root, row, settings = job
    cv2.setNumThreads(1)
    picture = picture_of(row)
    image = cv2.imread(f"{root}/{picture.file}", cv2.IMREAD_COLOR)
    if image is None or image.shape[:2] != (picture.height, picture.width):
        raise DataError(f"{picture.file}: unreadable, or not {picture.width}x{picture.height}")
    heads = [b for b in picture.boxes if b.kind == "head"]
    crops = []
    for box in picture.boxes:
        if box.kind not in ("head", "not_head") or box.ignore or max(box.xyxy[3] - box.xyxy[1], 0) < 8:
            continue
        crop = square(image, box.xyxy, settings.crop_heads, settings.crop_side_px)
        near = [crop.moved(b.xyxy) for b in (box, *(h for h in heads if h is not box))]
        side = crop.picture.shape[0]
        near = near[:1] + [n for n in near[1:] if n[2] > 0 and n[3] > 0 and n[0] < side and n[1] < side]
        facts = head_facts(
            picture,
            near,
            kind=box.kind,
            hat=box.hat,
            hat_kind=box.hat_kind,
            mask=box.mask,
            judged=picture.judged,
            exhaustive=picture.known["head"] == "all",
        )
        crops.append((crop.picture, facts))
    return row, shrunk(image, settings.frame_side_px), crops


def add_renders(folder: Path, out: Path, settings: DataSettings) -> int:
    """Pack the heads of a folder that `training.synth heads` made, for the zoom look; returns how many.

    Every tenth room is kept out of training, as `dev`. Writes OUT/set/renders.

    Raises:
        DataError: no crops.jsonl there, or a picture that cannot be read.
    """
    rows = read_rows(folder / "crops.jsonl")
    if not rows:
        raise DataError(f"{folder}/crops.jsonl holds nothing: make some by `python -m training.synth heads`")
    scenes = Counter(row.get("scene", row["seed"]) for row in rows)
    count = 0
    with PackWriter(out / "set/renders") as pack:
        for row in rows:
            split = "dev" if row["seed"] // 20 % 10 == 9 else "train"
            family = "pair" if scenes[row.get("scene", row["seed"])] == 2 else "render"
            picture = rendered_head(row, family, row["file"], "effective_head_px", split)
            for crop, facts in _pack_one((str(folder), picture.row(), settings))[2]:
                pack.add(crop, facts)
                count += 1
    print(f"{count} rendered heads of {folder}")
    return count


def _packed(pictures: list[Picture], data: Path, settings: DataSettings, workers: int) -> Iterator[Any]:
    jobs = [(str(data), picture.row(), settings) for picture in pictures]
    if workers < 2:
        yield from map(_pack_one, jobs)
        return
    with Pool(workers) as pool:
        yield from pool.imap(_pack_one, jobs, chunksize=16)


def build(data: Path, out: Path, settings: DataSettings, workers: int = 2) -> list[Picture]:
    """Run the stage; returns the pictures. Prints what the set holds."""
    pictures = read_pictures(data, settings)
    check_splits(pictures)
    folder = out / "set"
    folder.mkdir(parents=True, exist_ok=True)
    table = counts(pictures)
    print(table)
    (folder / "counts.txt").write_text(table + "\n", "utf-8")
    write_licences(data, pictures, folder / "licences.jsonl")
    rows = "".join(json.dumps(picture.row()) + "\n" for picture in pictures)
    (folder / "pictures.jsonl").write_text(rows, "utf-8")
    with PackWriter(folder / "frames") as frames, PackWriter(folder / "heads") as heads:
        for row, frame, crops in _packed(pictures, data, settings, workers):
            frames.add(frame, {"file": row["file"], "w": frame.shape[1], "h": frame.shape[0]})
            for crop, facts in crops:
                heads.add(crop, facts)
    return pictures


def write_licences(data: Path, pictures: list[Picture], path: Path) -> None:
    """Source and stated licence of every picture: the model's card names them."""
    stated = {f"images/{row['file']}": row["licence"] for row in read_rows(data / "annotations.jsonl")}
    ours = {"rendered": "rendered by this project", "own": "your own"}
    rows = [
        {
            "family": p.family,
            "source": p.source,
            "split": p.split,
            "licence": stated.get(p.file) or ours.get(p.source, "none stated"),
        }
        for p in pictures
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def read_set(out: Path) -> list[Picture]:
    """The pictures that `build` wrote."""
    path = out / "set/pictures.jsonl"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run the stage `build` first")
    return [picture_of(row) for row in read_rows(path)]
