"""`kitchenvision feedback`: what inspectors decided becomes pictures with labels, for training."""

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitchenvision.commands.regulator import DataOption, regulator_settings
from kitchenvision.errors import SettingsError

if TYPE_CHECKING:
    from kitchenvision.regulator.feedback import Example

app = typer.Typer(help="What decisions teach the detector.", no_args_is_help=True)

_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}
_COLUMNS = ("file", "canteen_id", "camera_id", "rule_id", "captured_at", "decided_at", "reason", "meaning", "box")


@app.callback()
def _group() -> None:
    """What decisions teach the detector."""


@app.command("export", no_args_is_help=True)
def export(
    out: Annotated[Path, typer.Option("--out", help="New folder for the pictures and labels.")],
    confirmed: Annotated[
        float, typer.Option("--confirmed", help="Share of the confirmed pictures to take.", min=0.0, max=1.0)
    ] = 0.2,
    data: DataOption = Path("regulator-data"),
) -> None:
    """Write rejected and overturned pictures, and a share of the confirmed ones, as a labelled set."""
    settings = regulator_settings(data)
    from kitchenvision.regulator.access import EVERYTHING
    from kitchenvision.regulator.feedback import examples
    from kitchenvision.regulator.setup import opened
    from kitchenvision.regulator.storage import open_blobs

    if out.exists() and any(out.iterdir()):
        raise SettingsError("feedback", "--out", f"{out} is not empty; name a new folder")
    blobs = open_blobs(settings, tidy=False)
    with opened(settings) as database, database.reading() as session:
        found = examples(session, EVERYTHING, confirmed)
        counts = write(
            ((one, b"".join(blobs.chunks(one.picture_sha256))) for one in found if one.media_type in _SUFFIXES), out
        )
    for group, count in sorted(counts.items()):
        sys.stdout.write(f"{out / group}: {count} picture(s)\n")
    if not counts:
        sys.stdout.write("nothing was decided yet\n")


def write(pictures: "Iterable[tuple[Example, bytes]]", out: Path) -> Counter[str]:
    """Write the set into a folder; returns how many pictures each of its folders got.

    Args:
        pictures: each with the bytes of its picture.
    """
    from kitchenvision.regulator.feedback import MAPPING, MAPPING_NO_CIGARETTE, Group

    out.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    with (out / "feedback.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_COLUMNS)
        for one, picture in pictures:
            folder = out / one.group
            (folder / "images").mkdir(parents=True, exist_ok=True)
            name = one.violation_id
            alone = one.group is Group.NO_CIGARETTE
            suffix = ".png" if alone else _SUFFIXES[one.media_type]
            shown = cut(picture, one.box, name) if alone else picture
            (folder / "images" / f"{name}{suffix}").write_bytes(shown)
            if one.group is not Group.TO_LABEL:
                (folder / "labels").mkdir(exist_ok=True)
                (folder / "labels" / f"{name}.txt").write_text(one.label + "\n" if one.label else "", "utf-8")
                mapping = MAPPING if one.group is Group.OWN else MAPPING_NO_CIGARETTE
                (folder / "mapping.toml").write_text(mapping, "utf-8")
            rows.writerow(_cells(one, f"{one.group}/images/{name}{suffix}"))
            counts[one.group.value] += 1
    return counts


def cut(picture: bytes, box: tuple[float, float, float, float], name: str) -> bytes:
    """The part of a picture inside the box, as PNG: cutting a JPEG and coding it again would blur it.

    Raises:
        SettingsError: the picture cannot be read.
    """
    import cv2
    import numpy as np

    whole = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    if whole is None:
        raise SettingsError("feedback", name, "its picture cannot be read")
    height, width = whole.shape[:2]
    x0, y0 = (max(int(value), 0) for value in box[:2])
    x1, y1 = min(int(box[2]) + 1, width), min(int(box[3]) + 1, height)
    done, data = cv2.imencode(".png", whole[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])
    if not done:
        raise SettingsError("feedback", name, "its picture cannot be cut")
    return data.tobytes()


def _cells(one: "Example", file: str) -> Iterator[object]:
    meaning = "" if one.meaning is None else one.meaning.name.lower()
    box = " ".join(f"{value:.1f}" for value in one.box)
    reason = "" if one.reason is None else one.reason
    yield from (file, one.canteen_id, one.camera_id, one.rule_id)
    yield from (one.captured_at.isoformat(), one.decided_at.isoformat(), reason, meaning, box)
