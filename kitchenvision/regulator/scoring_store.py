"""Colours of canteens by day: computed from history, kept in a cache that can be dropped."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kitchenvision.regulator.db import Database
from kitchenvision.regulator.observed import FEW
from kitchenvision.regulator.policy import Policy
from kitchenvision.regulator.policy_store import Entered, in_force, policies
from kitchenvision.regulator.policy_tables import ColourRow
from kitchenvision.regulator.scoring import Colour, History, Score, score
from kitchenvision.regulator.scoring_history import Span, day_end, histories

_ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class DayColour:
    """One square of a strip. `score` is None when grey; `coverage` None when nothing was due."""

    day: date
    colour: Colour
    score: float | None
    camera_hours: float
    coverage: float | None


@dataclass(frozen=True)
class Today:
    """The canteen now: its history, the policy in force, and what both give."""

    history: History
    policy: Policy
    score: Score


def zone_of(at: datetime) -> ZoneInfo:
    """The zone that says what a local day is.

    Raises:
        TypeError: the instant has none by name.
    """
    if not isinstance(at.tzinfo, ZoneInfo):
        raise TypeError("an instant in a zone with a name is expected")
    return at.tzinfo


def today(
    session: Session, district_id: str, canteen_ids: Collection[str], at: datetime, policy: Policy | None = None
) -> dict[str, Today]:
    """Colours of this instant.

    Args:
        at: aware, in the zone of local days. policy: another one than that in force.
    """
    used = policy or in_force(policies(session, district_id), at.date())
    zone = zone_of(at)
    told = histories(session, district_id, canteen_ids, used, Span(at.date(), at.date(), zone))
    return {canteen_id: Today(history, used, score(history, used, at)) for canteen_id, history in told.items()}


def strips(
    database: Database, district_id: str, canteen_ids: Collection[str], at: datetime, days: int
) -> dict[str, tuple[DayColour, ...]]:
    """The colours of the `days` local days before today, oldest first; what the cache lacks is added to it.

    A canteen has none for days before anything was known of it.
    """
    last = at.date() - timedelta(days=1)
    first = last - timedelta(days=days - 1)
    with database.reading() as session:
        known = policies(session, district_id)
        cached = _cached(session, canteen_ids, first, last, known)
        wanted = [first + timedelta(days=i) for i in range(days)]
        lacking = {
            canteen_id: missing
            for canteen_id in canteen_ids
            if (missing := [day for day in wanted if day not in cached[canteen_id]])
        }
        made = _computed(session, district_id, lacking, at, known)
    if made:
        with database.writing() as session:
            keep_colours(session, made)
        for row in made:
            cached[row["canteen_id"]][row["day"]] = DayColour(
                row["day"], Colour(row["colour"]), row["score"], row["camera_hours"], row["coverage"]
            )
    return {
        canteen_id: tuple(by_day[day] for day in wanted if day in by_day) for canteen_id, by_day in cached.items()
    }


def drop_colours(session: Session) -> None:
    """Empty the cache, for example after the school calendar was changed."""
    session.execute(delete(ColourRow))


def keep_colours(session: Session, rows: list[dict[str, Any]]) -> None:
    """Add rows to the cache; another request may have added the same ones."""
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        session.execute(insert(ColourRow).on_conflict_do_nothing(), rows[begin : begin + _ROWS_AT_ONCE])


def _cached(
    session: Session, canteen_ids: Collection[str], first: date, last: date, known: list[Entered]
) -> dict[str, dict[date, DayColour]]:
    digests = {entered.policy.digest() for entered in known}
    query = select(
        ColourRow.canteen_id,
        ColourRow.day,
        ColourRow.colour,
        ColourRow.score,
        ColourRow.camera_hours,
        ColourRow.coverage,
        ColourRow.policy_sha256,
    ).where(ColourRow.day >= first, ColourRow.day <= last)
    if len(canteen_ids) <= FEW:
        query = query.where(ColourRow.canteen_id.in_(list(canteen_ids)))
    found: dict[str, dict[date, DayColour]] = {canteen_id: {} for canteen_id in canteen_ids}
    for canteen_id, day, colour, value, hours, coverage, digest in session.execute(query):
        if canteen_id in found and digest in digests:
            found[canteen_id][day] = DayColour(day, Colour(colour), value, hours, coverage)
    return found


def _computed(
    session: Session, district_id: str, lacking: dict[str, list[date]], at: datetime, known: list[Entered]
) -> list[dict[str, Any]]:
    if not lacking:
        return []
    zone = zone_of(at)
    first = min(days[0] for days in lacking.values())
    last = max(days[-1] for days in lacking.values())
    longest = max((entered.policy for entered in known), key=lambda policy: policy.window.open_days)
    made: list[dict[str, Any]] = []
    # What is due on a day depends on the policy only by hours, in which versions of one policy seldom differ.
    by_hours = {entered.policy.coverage.hours_per_open_day for entered in known}
    for hours in by_hours:
        coverage = longest.coverage.model_copy(update={"hours_per_open_day": hours})
        told = histories(
            session,
            district_id,
            list(lacking),
            longest.model_copy(update={"coverage": coverage}),
            Span(first, last, zone),
        )
        for canteen_id, days in lacking.items():
            history = told[canteen_id]
            begins = min((one.day for one in history.watched if one.camera_hours > 0), default=None)
            for day in days:
                policy = in_force(known, day)
                if begins is None or day < begins or policy.coverage.hours_per_open_day != hours:
                    continue
                made.append(_row(canteen_id, day, score(history, policy, day_end(day, zone)), policy))
    return made


def _row(canteen_id: str, day: date, told: Score, policy: Policy) -> dict[str, Any]:
    return {
        "canteen_id": canteen_id,
        "day": day,
        "colour": told.colour.value,
        "reason": told.reason.value,
        "score": told.score,
        "camera_hours": told.camera_hours,
        "coverage": told.coverage,
        "policy_sha256": policy.digest(),
    }
