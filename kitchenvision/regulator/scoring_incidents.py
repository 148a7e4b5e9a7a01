"""Incidents as scoring takes them: out of violations, decisions and cases, for many canteens in a few queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from kitchenvision.regulator.case_steps import Kind
from kitchenvision.regulator.case_tables import CaseEventRow, CaseRow, CaseViolation
from kitchenvision.regulator.decisions import Verdict as Decided
from kitchenvision.regulator.incidents import Incident as Grouped
from kitchenvision.regulator.incidents import Sighting, group
from kitchenvision.regulator.observed import FEW
from kitchenvision.regulator.scoring import Answer, Incident, Verdict
from kitchenvision.regulator.tables import DecisionRow, ViolationRow

CaseEvents = Sequence[tuple[str, datetime, datetime | None]]  # kind, at, deadline


def scored_incidents(session: Session, canteen_ids: Collection[str], since: datetime) -> dict[str, list[Incident]]:
    """Incidents that began after `since` (less a day) and were confirmed at least once, by canteen."""
    begins = since.astimezone(UTC) - timedelta(days=1)
    sightings, verdicts, by_hand = _sightings(session, canteen_ids, begins)
    cases = _cases(session, canteen_ids, begins)
    events = _events(session, set(cases.values()))
    found: dict[str, list[Incident]] = {canteen_id: [] for canteen_id in canteen_ids}
    for one in group(sightings, cases, by_hand=by_hand):
        canteen_id = one.place[0]
        if canteen_id in found:
            told = together([verdicts[sighting.violation_id] for sighting in one.sightings])
            found[canteen_id].append(_incident(one, told, events.get(one.case_id or 0, ())))
    return found


def together(members: Iterable[Sequence[Verdict]]) -> tuple[Verdict, ...]:
    """Verdicts of an incident: it counts as long as one of its violations does.

    Args:
        members: the verdicts of each violation, in any order.
    """
    each = [Incident(str(i), "", datetime.min, tuple(known)) for i, known in enumerate(members)]
    instants = sorted({verdict.at for one in each for verdict in one.verdicts})
    return tuple(Verdict(at, any(one.counts_at(at) for one in each)) for at in instants)


def with_case(one: Incident, events: CaseEvents) -> Incident:
    """The incident with deadlines and answers of its case.

    Args:
        events: of one case, oldest first, each (kind, when, the deadline that it sets or None).
    """
    answers: list[Answer] = []
    appeals: list[Answer] = []
    later: list[tuple[datetime, datetime]] = []
    due_at: datetime | None = None
    for kind, at, deadline in events:
        if kind == Kind.OPENED:
            due_at = deadline
        elif deadline is not None:
            later.append((at, deadline))
        if kind == Kind.ANSWERED:
            answers.append(Answer(at))
        elif kind == Kind.ACCEPTED:
            answers[-1] = replace(answers[-1], accepted_at=at)
        elif kind == Kind.RETURNED:
            answers[-1] = replace(answers[-1], returned_at=at)
        elif kind == Kind.APPEALED:
            appeals.append(Answer(at))
        elif kind in (Kind.UPHELD, Kind.OVERTURNED):
            appeals[-1] = replace(appeals[-1], returned_at=at)
    return replace(one, due_at=due_at, answers=(*answers, *appeals), later_deadlines=tuple(later))


def _incident(one: Grouped, verdicts: tuple[Verdict, ...], events: CaseEvents) -> Incident:
    made = Incident(one.incident_id, one.place[1], one.started_at, verdicts)
    return with_case(made, events) if events else made


def _sightings(
    session: Session, canteen_ids: Collection[str], begins: datetime
) -> tuple[list[Sighting], dict[str, list[Verdict]], dict[str, str]]:
    query = (
        select(
            ViolationRow.violation_id,
            ViolationRow.canteen_id,
            ViolationRow.rule_id,
            ViolationRow.zone,
            ViolationRow.camera_id,
            ViolationRow.captured_at,
            ViolationRow.started_s,
            ViolationRow.confirmed_s,
            ViolationRow.ended_s,
            ViolationRow.incident_id,
            ViolationRow.by_hand,
            DecisionRow.verdict,
            DecisionRow.decided_at,
        )
        .join(DecisionRow, DecisionRow.violation_id == ViolationRow.violation_id)
        .where(ViolationRow.captured_at >= begins)
    )
    if len(canteen_ids) <= FEW:
        query = query.where(ViolationRow.canteen_id.in_(list(canteen_ids)))
    known: dict[str, Sighting] = {}
    by_hand: dict[str, str] = {}
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    for row in session.execute(query):
        started = row.captured_at - timedelta(seconds=max(row.confirmed_s - row.started_s, 0.0))
        lasted = 0.0 if row.ended_s is None else max(row.ended_s - row.confirmed_s, 0.0)
        known[row.violation_id] = Sighting(
            row.violation_id,
            (row.canteen_id, row.rule_id, row.zone),
            row.camera_id,
            started,
            row.captured_at + timedelta(seconds=lasted),
        )
        if row.by_hand:
            by_hand[row.violation_id] = row.incident_id
        verdicts[row.violation_id].append(Verdict(row.decided_at, row.verdict == Decided.CONFIRMED))
    # What nobody ever confirmed must not join two incidents that somebody did.
    once = [one for name, one in known.items() if any(verdict.counts for verdict in verdicts[name])]
    return once, verdicts, by_hand


def _cases(session: Session, canteen_ids: Collection[str], begins: datetime) -> dict[str, int]:
    query = (
        select(CaseViolation.violation_id, CaseViolation.case_id)
        .join(ViolationRow, ViolationRow.violation_id == CaseViolation.violation_id)
        .where(ViolationRow.captured_at >= begins)
    )
    if len(canteen_ids) <= FEW:
        query = query.where(ViolationRow.canteen_id.in_(list(canteen_ids)))
    return {violation_id: case_id for violation_id, case_id in session.execute(query)}


def _events(session: Session, case_ids: Collection[int]) -> dict[int, list[tuple[str, datetime, datetime | None]]]:
    if not case_ids:
        return {}
    query = (
        select(CaseEventRow.case_id, CaseEventRow.kind, CaseEventRow.at, CaseEventRow.deadline_at)
        .join(CaseRow, CaseRow.case_id == CaseEventRow.case_id)
        .where(CaseEventRow.case_id >= min(case_ids), CaseEventRow.case_id <= max(case_ids))
        .order_by(CaseEventRow.case_id, CaseEventRow.seq)
    )
    found: dict[int, list[tuple[str, datetime, datetime | None]]] = defaultdict(list)
    for case_id, kind, at, deadline in session.execute(query):
        if case_id in case_ids:
            found[case_id].append((kind, at, deadline))
    return found
