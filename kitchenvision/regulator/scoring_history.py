"""From rows to the values that scoring takes: the histories of many canteens in a few queries."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from kitchenvision.regulator.observed import calendars, observed_pairs, watched
from kitchenvision.regulator.policy import Policy
from kitchenvision.regulator.scoring import History
from kitchenvision.regulator.scoring_calendar import window
from kitchenvision.regulator.scoring_incidents import scored_incidents


@dataclass(frozen=True)
class Span:
    """Local days `first` to `last` for which colours are wanted, and the zone that says what a local day is."""

    first: date
    last: date
    zone: ZoneInfo


def day_end(day: date, zone: ZoneInfo) -> datetime:
    """The last second of a local day: the instant for which the colour of a past day is computed."""
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=zone)


def histories(
    session: Session, district_id: str, canteen_ids: Collection[str], policy: Policy, span: Span
) -> dict[str, History]:
    """All that scoring needs of these canteens of one district to compute the days of the span.

    Rows of canteens that are not named are not read; the caller has asked a scope which ones may be.
    """
    known = calendars(session, district_id, canteen_ids)
    firsts = {
        canteen_id: (window(calendar, span.first, policy.window.open_days) or (span.first,))[0]
        for canteen_id, calendar in known.items()
    }
    oldest = min(firsts.values(), default=span.first)
    pairs = observed_pairs(session, canteen_ids, oldest, span.last)
    since = datetime(oldest.year, oldest.month, oldest.day, tzinfo=span.zone)
    incidents = scored_incidents(session, canteen_ids, since)
    due_hours = policy.coverage.hours_per_open_day
    return {
        canteen_id: History(
            tuple(incidents[canteen_id]),
            tuple(
                watched(
                    pairs[canteen_id],
                    known[canteen_id].between(firsts[canteen_id], span.last),
                    due_hours,
                )
            ),
            known[canteen_id],
        )
        for canteen_id in canteen_ids
    }
