"""From rows to the values that scoring takes: the histories of many canteens in a few queries."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from kitchenvision.regulator.decisions import Verdict as Decided
from kitchenvision.regulator.observed import FEW, calendars, observed_pairs, watched
from kitchenvision.regulator.policy import Policy
from kitchenvision.regulator.scoring import History, Incident, Verdict
from kitchenvision.regulator.scoring_calendar import window
from kitchenvision.regulator.tables import DecisionRow, ViolationRow


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
    incidents = _incidents(session, canteen_ids, datetime(oldest.year, oldest.month, oldest.day, tzinfo=span.zone))
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


def _incidents(session: Session, canteen_ids: Collection[str], since: datetime) -> dict[str, list[Incident]]:
    """Incidents since then, by canteen. As long as violations are not grouped, each is an incident of its own."""
    query = (
        select(
            ViolationRow.violation_id,
            ViolationRow.canteen_id,
            ViolationRow.rule_id,
            ViolationRow.captured_at,
            DecisionRow.verdict,
            DecisionRow.decided_at,
        )
        .join(DecisionRow, DecisionRow.violation_id == ViolationRow.violation_id)
        .where(ViolationRow.captured_at >= since.astimezone(UTC) - timedelta(days=1))
    )
    if len(canteen_ids) <= FEW:
        query = query.where(ViolationRow.canteen_id.in_(list(canteen_ids)))
    facts: dict[str, tuple[str, str, datetime]] = {}
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    for violation_id, canteen_id, rule_id, captured_at, verdict, decided_at in session.execute(query):
        facts[violation_id] = (canteen_id, rule_id, captured_at)
        verdicts[violation_id].append(Verdict(decided_at, verdict == Decided.CONFIRMED))
    found: dict[str, list[Incident]] = {canteen_id: [] for canteen_id in canteen_ids}
    for violation_id, (canteen_id, rule_id, captured_at) in facts.items():
        if canteen_id in found:
            found[canteen_id].append(Incident(violation_id, rule_id, captured_at, tuple(verdicts[violation_id])))
    return found
