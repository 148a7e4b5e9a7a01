"""Takes observed time from edge boxes, keeps it by hour and by local day, and gives scoring its watched days."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from math import fsum
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from kitchenvision.regulator.auth import EdgeCanteen
from kitchenvision.regulator.bodies import check_canteen, whole_body
from kitchenvision.regulator.observed_tables import (
    EVERY_CANTEEN,
    ObservedDay,
    ObservedHour,
    ObservedReport,
    SchoolDay,
    SchoolWeek,
)
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.policy_tables import ColourRow
from kitchenvision.regulator.problems import Refused, bad_fields, bad_report
from kitchenvision.regulator.scoring import Watched
from kitchenvision.regulator.scoring_calendar import MONDAY_TO_FRIDAY, Calendar
from kitchenvision.wire import ObservedTime, Receipt, content_hash, observed_bytes, parse_observed

router = APIRouter(prefix="/api/v1")
DUE_AFTER = timedelta(days=90)  # a camera and rule that was watched stays due for so long
LARGEST_BYTES = 10_000
FEW = 50  # up to so many canteens are named in a query; more are read as a whole and sifted
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(hours=1)


@router.post("/observed-times", response_model=None)
async def post_observed(canteen_id: EdgeCanteen, parts: NeedsParts, request: Request) -> Response:
    """201 accepted, 200 the same again; 409, 413 and 422 as problems."""
    body = await whole_body(request, LARGEST_BYTES, "the observed time is too large")
    receipt = await run_in_threadpool(take_observed, parts, canteen_id, body)
    status = 201 if receipt.status == "accepted" else 200
    return Response(receipt.model_dump_json(), status_code=status, media_type="application/json")


def take_observed(parts: Parts, canteen_id: str, body: bytes) -> Receipt:
    """Check and keep one observed time; durable when the receipt is returned.

    Raises:
        Refused: with the status of the answer. StorageError: it could not be kept, nothing was.
    """
    try:
        report = parse_observed(body)
    except ValidationError as error:
        raise bad_report(error) from error
    check_canteen(report.canteen_id, canteen_id)
    received_at = now()
    if report.from_at < EARLIEST or report.to_at > received_at + _CLOCKS_DIFFER:
        problem = f"between {EARLIEST.isoformat()} and an hour from now is expected"
        raise bad_fields("the interval cannot be", [{"field": "from_at", "problem": problem}])
    with parts.database.writing(lane=canteen_id) as session:
        return keep_observed(session, report, ZoneInfo(parts.settings.timezone), received_at)


def keep_observed(session: Session, report: ObservedTime, zone: ZoneInfo, received_at: datetime) -> Receipt:
    """Add one observed time to its hour and its local day; what is there already is left as it is.

    Raises:
        Refused: 409, the key holds other content, or is another canteen's.
    """
    digest = content_hash(observed_bytes(report))
    known = session.get(ObservedReport, report.observation_id)
    if known is not None:
        if known.sha256 != digest:
            detail = f"{report.idempotency_key} was received with other content"
            raise Refused(409, "other-content", "this key holds another report", detail, field="observation_id")
        return Receipt(
            idempotency_key=report.idempotency_key,
            report_sha256=digest,
            received_at=known.received_at,
            status="duplicate",
        )
    told = report.model_dump(exclude={"wire_version", "kind", "created_at"})
    session.add(ObservedReport(**told, sha256=digest, received_at=received_at))
    _add_to_hour(session, report)
    day = report.from_at.astimezone(zone).date()
    session.flush()
    _sum_day(session, report, day, zone)
    # Colours of that day and later were computed without it.
    session.execute(delete(ColourRow).where(ColourRow.canteen_id == report.canteen_id, ColourRow.day >= day))
    return Receipt(
        idempotency_key=report.idempotency_key, report_sha256=digest, received_at=received_at, status="accepted"
    )


def _add_to_hour(session: Session, report: ObservedTime) -> None:
    hour = report.from_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    key = (report.canteen_id, hour, report.camera_id, report.rule_id, report.zone)
    row = session.get(ObservedHour, key)
    if row is None:
        names = ("canteen_id", "hour_at", "camera_id", "rule_id", "zone")
        session.add(ObservedHour(**dict(zip(names, key, strict=True)), observed_s=report.observed_s))
    else:
        row.observed_s = min(row.observed_s + report.observed_s, 3600.0)


def _sum_day(session: Session, report: ObservedTime, day: date, zone: ZoneInfo) -> None:
    begins = datetime(day.year, day.month, day.day, tzinfo=zone)
    ends = datetime.combine(day + timedelta(days=1), begins.timetz())
    best = (
        select(func.max(ObservedHour.observed_s).label("s"))
        .where(
            ObservedHour.canteen_id == report.canteen_id,
            ObservedHour.hour_at >= begins,
            ObservedHour.hour_at < ends,
            ObservedHour.camera_id == report.camera_id,
            ObservedHour.rule_id == report.rule_id,
        )
        .group_by(ObservedHour.hour_at)
        .subquery()
    )
    total = float(session.scalar(select(func.sum(best.c.s))) or 0.0)
    row = session.get(ObservedDay, (report.canteen_id, day, report.camera_id, report.rule_id))
    if row is None:
        session.add(
            ObservedDay(
                canteen_id=report.canteen_id,
                day=day,
                camera_id=report.camera_id,
                rule_id=report.rule_id,
                observed_s=total,
            )
        )
    else:
        row.observed_s = total


Pair = tuple[str, str]  # camera, rule


def watched(pairs: dict[Pair, dict[date, float]], days: Iterable[date], due_hours: float) -> list[Watched]:
    """Watched days of one canteen.

    Args:
        pairs: of each camera and rule the seconds of each local day that was told.
        days: for which watching is due; other days that were watched are given too, with nothing due.
        due_hours: for which each pair is due on each of `days`.
    """
    wanted = set(days)
    told = {pair: sorted(by_day) for pair, by_day in pairs.items()}
    every = sorted(wanted | {day for by_day in pairs.values() for day in by_day})
    return [_watched(pairs, told, day, due_hours if day in wanted else 0.0) for day in every]


def _watched(
    pairs: dict[Pair, dict[date, float]], told: dict[Pair, list[date]], day: date, due_hours: float
) -> Watched:
    cameras: dict[str, float] = defaultdict(float)
    due = kept = 0.0
    for pair, by_day in pairs.items():
        hours = by_day.get(day, 0.0) / 3600.0
        cameras[pair[0]] = max(cameras[pair[0]], hours)
        # Due is what was told of on this day or within the days before: known then, so the same for ever.
        days = told[pair]
        at = bisect_left(days, day - DUE_AFTER)
        if due_hours > 0 and at < len(days) and days[at] <= day:
            due += due_hours
            kept += min(hours, due_hours)
    return Watched(day, fsum(cameras.values()), due, kept)


def observed_pairs(
    session: Session, canteen_ids: Collection[str], first: date, last: date
) -> dict[str, dict[Pair, dict[date, float]]]:
    """Seconds by canteen, camera and rule, and local day, from `first` less 90 days to `last`."""
    found: dict[str, dict[Pair, dict[date, float]]] = {canteen_id: {} for canteen_id in canteen_ids}
    query = select(
        ObservedDay.canteen_id, ObservedDay.camera_id, ObservedDay.rule_id, ObservedDay.day, ObservedDay.observed_s
    ).where(ObservedDay.day >= first - DUE_AFTER, ObservedDay.day <= last)
    if len(found) <= FEW:
        query = query.where(ObservedDay.canteen_id.in_(list(found)))
    for canteen_id, camera_id, rule_id, day, seconds in session.execute(query):
        if canteen_id in found:
            found[canteen_id].setdefault((camera_id, rule_id), {})[day] = seconds
    return found


def calendars(session: Session, district_id: str, canteen_ids: Collection[str]) -> dict[str, Calendar]:
    """The school calendar of each canteen: the district's, with what the canteen has of its own."""
    weeks = {
        row.canteen_id: frozenset(int(digit) for digit in row.weekdays)
        for row in session.scalars(select(SchoolWeek).where(SchoolWeek.district_id == district_id))
    }
    days: dict[str, dict[date, bool]] = defaultdict(dict)
    for row in session.scalars(select(SchoolDay).where(SchoolDay.district_id == district_id)):
        days[row.canteen_id][row.day] = bool(row.is_open)
    shared = days.get(EVERY_CANTEEN, {})
    found = {}
    for canteen_id in canteen_ids:
        own = {**shared, **days.get(canteen_id, {})}
        found[canteen_id] = Calendar(
            weeks.get(canteen_id, weeks.get(EVERY_CANTEEN, MONDAY_TO_FRIDAY)),
            frozenset(day for day, is_open in own.items() if not is_open),
            frozenset(day for day, is_open in own.items() if is_open),
        )
    return found
