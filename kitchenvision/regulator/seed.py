"""A believable district made up by a seed, with rendered pictures, so that every page can be seen full.

The same seed, day and clips give the same rows and blobs. Nobody in it exists.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from kitchenvision.regulator.decisions import Verdict
from kitchenvision.wire import BlobRef, BlobRole, Box, ConfirmedReport, ModelRef, SnapshotBoxes, content_hash

TOWNS = ("城关街道", "东湖街道", "南桥镇", "北山镇", "开发区")
KINDS = ("第{n}小学", "第{n}中学", "第{n}幼儿园", "实验学校{n}分校", "市{n}医院", "{n}号工业园")
RULES = ("no_hat", "no_mask", "smoking")
CONFIRMED = Verdict.CONFIRMED.value
# (share of canteens, chance of a lapse per camera and day): careful to careless; and those often blind.
HABITS = ((0.5, 0.008), (0.27, 0.024), (0.15, 0.05), (0.08, 0.12))
BLIND_SHARE = 0.06
LOOKED_BEFORE_S = 1.5  # a trace begins so long before the violation


@dataclass(frozen=True)
class Scene:
    """A rendered picture and what is on it.

    Attributes:
        rule_id: what the accused person truly does. snapshot, head_crop: JPEG.
        width, height: of the snapshot. person, head: of the accused, xyxy. others: the other persons.
    """

    rule_id: str
    snapshot: bytes
    head_crop: bytes
    width: int
    height: int
    person: Box
    head: Box
    cigarette: Box | None
    others: tuple[Box, ...]


@dataclass(frozen=True)
class MadeCanteen:
    """A canteen of the district: `chance` of a lapse per camera and day, `watching` share of the due time."""

    canteen_id: str
    name: str
    town_id: str
    cameras: tuple[str, ...]
    chance: float
    watching: float


@dataclass(frozen=True)
class MadeViolation:
    """A report as it would have come, and the decision on it (None: still open)."""

    report: ConfirmedReport
    scene: Scene
    verdict: str | None
    reason: int | None
    decided_at: datetime | None

    @property
    def blobs(self) -> tuple[bytes, ...]:
        """What the report names."""
        return tuple(_blobs(self.scene, round(self.report.started_s - LOOKED_BEFORE_S)).values())


def town_id(index: int) -> str:
    """Identifier of the town."""
    return f"seed-town-{index + 1}"


def canteens(count: int, seed: int) -> list[MadeCanteen]:
    """So many canteens, of which a few are careless and a few often blind."""
    made = []
    for number in range(1, count + 1):
        chance = Random(f"{seed} canteen {number}")
        draw, habit = chance.random(), HABITS[-1][1]
        for share, each in HABITS:
            if draw < share:
                habit = each
                break
            draw -= share
        blind = chance.random() < BLIND_SHARE
        made.append(
            MadeCanteen(
                f"seed-{number:03d}",
                KINDS[number % len(KINDS)].format(n=(number - 1) // len(KINDS) + 1) + "食堂",
                town_id(chance.randrange(len(TOWNS))),
                tuple(f"{'备餐间' if i % 2 else '烹饪区'}-{i + 1}" for i in range(chance.choice((2, 4, 4, 6, 8)))),
                habit * chance.uniform(0.6, 1.4),
                chance.uniform(0.25, 0.5) if blind else chance.uniform(0.82, 0.99),
            )
        )
    return made


def coordinates(canteen: MadeCanteen) -> tuple[float, float]:
    """(latitude, longitude) of a canteen, around its town's middle, in a district that lies in the open sea."""
    chance = Random(f"{canteen.canteen_id} place")
    index = [town_id(i) for i in range(len(TOWNS))].index(canteen.town_id)
    # The first town in the middle, the others around it.
    away, turn = (0.0 if index == 0 else 0.11), index * 2 * math.pi / (len(TOWNS) - 1)
    north, east = away * math.sin(turn) + chance.gauss(0, 0.022), away * math.cos(turn) + chance.gauss(0, 0.026)
    return round(28.0 + north, 5), round(125.0 + east, 5)


def school_days(last: date, days: int) -> list[date]:
    """Mondays to Fridays of the `days` days up to `last`, oldest first."""
    every = [last - timedelta(days=i) for i in range(days - 1, -1, -1)]
    return [day for day in every if day.weekday() < 5]


def observed_rows(one: MadeCanteen, days: Sequence[date], seed: int) -> Iterator[dict[str, Any]]:
    """Rows of `observed_days`: each camera for hats, half of them for masks too."""
    for day in days:
        chance = Random(f"{seed} watch {one.canteen_id} {day}")
        for i, camera in enumerate(one.cameras):
            seconds = round(8 * 3600 * min(max(chance.gauss(one.watching, 0.05), 0.0), 1.0))
            for rule_id in ("no_hat", "no_mask", "smoking") if i % 2 else ("no_hat", "smoking"):
                yield {
                    "canteen_id": one.canteen_id,
                    "day": day,
                    "camera_id": camera,
                    "rule_id": rule_id,
                    "observed_s": float(seconds),
                }


def violations(
    one: MadeCanteen, days: Sequence[date], scenes: Sequence[Scene], seed: int, now: datetime
) -> Iterator[MadeViolation]:
    """What the cameras of a canteen reported on those days, up to `now`, and what was decided.

    Args:
        now: aware, in the zone of local days.
    """
    zone = now.tzinfo
    for day in days:
        chance = Random(f"{seed} lapses {one.canteen_id} {day}")
        for camera in one.cameras:
            if chance.random() >= one.chance:
                continue
            scene = chance.choice(scenes)
            at = datetime(day.year, day.month, day.day, 7, tzinfo=zone) + timedelta(
                seconds=chance.randrange(10 * 3600)
            )
            decided = _decision(chance, at)
            if at + timedelta(minutes=1) < now:
                report = _report(one, camera, scene, at.astimezone(UTC), chance)
                yield MadeViolation(report, scene, *(decided if decided[2] < now else (None, None, None)))


def _decision(chance: Random, at: datetime) -> tuple[str, int | None, datetime]:
    draw, decided_at = chance.random(), at + timedelta(hours=chance.uniform(0.5, 60))
    if draw < 0.78:
        return CONFIRMED, None, decided_at
    if draw < 0.95:
        return Verdict.REJECTED.value, chance.choice((1, 2, 4, 5)), decided_at
    return Verdict.CANNOT_TELL.value, None, decided_at


def _report(one: MadeCanteen, camera: str, scene: Scene, at: datetime, chance: Random) -> ConfirmedReport:
    violation_id = content_hash(f"seed {one.canteen_id} {camera} {at.isoformat()}".encode())[:32]
    begin = chance.randrange(8)  # few values, so that many reports share one trace
    started_s, confirmed_s = begin + LOOKED_BEFORE_S, begin + LOOKED_BEFORE_S + 3.2
    media = {"snapshot": "image/jpeg", "head_crop": "image/jpeg", "trace": "application/json"}
    blobs = _blobs(scene, begin)
    return ConfirmedReport(
        violation_id=violation_id,
        seq=1,
        canteen_id=one.canteen_id,
        camera_id=camera,
        created_at=at + timedelta(seconds=1),
        blobs=tuple(
            BlobRef(role=role, sha256=content_hash(data), size=len(data), media_type=media[role])
            for role, data in blobs.items()
        ),
        rule_id=scene.rule_id,
        zone="厨房",
        track_id=chance.randrange(1, 90),
        video=f"{camera}.mp4",
        started_s=started_s,
        confirmed_s=confirmed_s,
        captured_at=at,
        captured_at_source="camera",
        person_xyxy=scene.person,
        head_xyxy=scene.head,
        confidence=round(chance.uniform(0.8, 0.99), 3),
        snapshot=SnapshotBoxes(
            media_s=confirmed_s,
            captured_at=at,
            width=scene.width,
            height=scene.height,
            person_xyxy=scene.person,
            head_xyxy=scene.head,
            cigarette_xyxy=scene.cigarette,
            others_xyxy=scene.others,
        ),
        model=ModelRef(name="canteen-n", version="0.1.0", files={}),
        software_version="0.1.0",
        settings={"window_s": 3.0, "min_looks": 5, "min_ratio": 0.6},
        evidence_sha256=content_hash(violation_id.encode()),
    )


def _blobs(scene: Scene, begin: int) -> dict[BlobRole, bytes]:
    return {
        "snapshot": scene.snapshot,
        "head_crop": scene.head_crop,
        "trace": trace(scene.rule_id, begin),
    }


def trace(rule_id: str, begin: int) -> bytes:
    """Twenty looks from media second `begin` on, violating from the sixth on."""
    looks = [
        {
            "media_s": round(begin + 0.25 * i, 2),
            "verdict": "violating" if i >= 6 else "compliant",
            "probability": 0.9 if i >= 6 else 0.1,
            "why": "",
        }
        for i in range(20)
    ]
    told = {
        "rule_id": rule_id,
        "started_s": begin + LOOKED_BEFORE_S,
        "confirmed_s": begin + LOOKED_BEFORE_S + 3.2,
        "settings": {"window_s": 3.0},
        "looks": looks,
    }
    return json.dumps(told, sort_keys=True).encode()


def token_sha256(canteen_id: str, seed: int) -> str:
    """A hash that no token has: edge boxes of made-up canteens cannot exist until one is rotated in."""
    return sha256(f"no token {seed} {canteen_id}".encode()).hexdigest()


def local(now: datetime, timezone: str) -> datetime:
    """The instant in the zone of local days."""
    return now.astimezone(ZoneInfo(timezone))
