"""What cameras on probation have found: kept on this box for a person to look at, reported to nobody."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

FOLDER = "probation"
_KEY = re.compile(r"^\d{4}-\d\d-\d\d/[a-z0-9_]+-[0-9a-f]{10}$")
_CAMERA = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$")
PICTURES = ("snapshot.jpg", "head.jpg")


@dataclass(frozen=True)
class ProbationFinding:
    """One finding. key: its folder below the camera's. confidence: 0..1."""

    key: str
    rule_id: str
    zone: str
    at: datetime
    confidence: float


def findings(data: Path, camera_id: str, most: int) -> tuple[list[ProbationFinding], int]:
    """The newest findings of a camera, newest first, and how many there are in all."""
    folder = data / FOLDER / camera_id
    keys = sorted(
        (f"{p.parent.parent.name}/{p.parent.name}" for p in folder.glob("*/*/evidence.json")), reverse=True
    )
    days: dict[str, list[ProbationFinding]] = {}
    for key in keys:
        day = key.partition("/")[0]
        if day not in days and sum(map(len, days.values())) >= most:
            break
        found = _read(folder / key, key)
        if found is not None:
            days.setdefault(day, []).append(found)
    newest = sorted((one for day in days.values() for one in day), key=lambda one: one.at, reverse=True)
    return newest[:most], len(keys)


def picture(data: Path, camera_id: str, key: str, name: str) -> bytes | None:
    """A picture of a finding; None where there is none or the names are not of findings."""
    if not (_CAMERA.match(camera_id) and _KEY.match(key) and name in PICTURES):
        return None
    try:
        return (data / FOLDER / camera_id / key / name).read_bytes()
    except OSError:
        return None


def oldest_first(data: Path) -> list[tuple[datetime, Path]]:
    """Folders of all findings on probation with their times."""
    found = []
    for path in (data / FOLDER).glob("*/*/*/evidence.json"):
        one = _read(path.parent, path.parent.name)
        if one is not None:
            found.append((one.at, path.parent))
    return sorted(found)


def instant_of(facts: Mapping[str, object]) -> datetime:
    """When a finding was captured, as its evidence says.

    Raises:
        ValueError, KeyError, TypeError: it says none, or one without an offset, which is no instant.
    """
    at = datetime.fromisoformat(cast(str, facts["captured_at"]))
    if at.tzinfo is None:
        raise ValueError("an instant without an offset")
    return at


def _read(folder: Path, key: str) -> ProbationFinding | None:
    try:
        facts = json.loads((folder / "evidence.json").read_text("utf-8"))["facts"]
        at = instant_of(facts)
        return ProbationFinding(key, str(facts["rule_id"]), str(facts["zone"]), at, float(facts["confidence"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
