"""Every query on cases, each within a scope: incidents that wait for one, opening, steps, lists."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kitchenvision.errors import KitchenvisionError
from kitchenvision.regulator import history
from kitchenvision.regulator.access import Right, Scope
from kitchenvision.regulator.case_steps import (
    BY_CANTEEN,
    CaseEvent,
    CasePolicy,
    CaseState,
    CaseStep,
    Kind,
    follow,
)
from kitchenvision.regulator.case_tables import CaseEventRow, CaseRow, CaseViolation
from kitchenvision.regulator.decisions import OTHER_REASON, Step, Verdict
from kitchenvision.regulator.incident_members import by_hand, sighting
from kitchenvision.regulator.incidents import Incident, group
from kitchenvision.regulator.tables import Canteen, DecisionRow, Person, ViolationRow

WAITING_DAYS = 90
LISTED = 300


class NoSuchCase(KitchenvisionError):
    """There is no such case, or no such incident without one, in this scope."""


@dataclass(frozen=True)
class CaseFile:
    """One case with all that it has: `names` are user names by person id."""

    row: CaseRow
    canteen: Canteen
    violations: tuple[ViolationRow, ...]
    events: tuple[CaseEvent, ...]
    names: dict[int, str]
    deciders: frozenset[int]


def waiting(session: Session, scope: Scope, now: datetime) -> tuple[Incident, ...]:
    """Confirmed incidents of the last `WAITING_DAYS` days that have no case, by start."""
    since = now - timedelta(days=WAITING_DAYS)
    query = (
        select(ViolationRow, CaseViolation.case_id)
        .outerjoin(CaseViolation, CaseViolation.violation_id == ViolationRow.violation_id)
        .where(scope.covers(ViolationRow.canteen_id), ViolationRow.state == "confirmed")
        .where(ViolationRow.captured_at >= since)
    )
    rows = session.execute(query).all()
    cases = {row.violation_id: case_id for row, case_id in rows if case_id is not None}
    found = group((sighting(row) for row, _ in rows), cases, by_hand=by_hand(row for row, _ in rows))
    return tuple(one for one in found if one.case_id is None)


def open_case(
    session: Session, scope: Scope, incident_id: str, person_id: int, now: datetime, policy: CasePolicy
) -> int:
    """Order rectification of an incident that waits; returns the case's id.

    Raises:
        NoSuchCase: it does not wait (any more) in this scope, or nothing may be ordered there.
    """
    incident = next((one for one in waiting(session, scope, now) if one.incident_id == incident_id), None)
    if incident is None or not scope.may(Right.DECIDE):
        raise NoSuchCase(incident_id)
    canteen_id, rule_id, zone = incident.place
    deadline_at = policy.deadline(rule_id, now)
    row = CaseRow(
        number=_next_number(session, now),
        canteen_id=canteen_id,
        rule_id=rule_id,
        zone=zone,
        opened_at=now,
        state=CaseState.NOTIFIED,
        deadline_at=deadline_at,
    )
    session.add(row)
    session.flush()
    session.add_all(CaseViolation(violation_id=one.violation_id, case_id=row.case_id) for one in incident.sightings)
    session.flush()
    _add(session, row, CaseEvent(Kind.OPENED, CaseState.NOTIFIED, person_id, now, deadline_at=deadline_at), 1)
    return row.case_id


def case_file(session: Session, scope: Scope, case_id: int) -> CaseFile | None:
    """One case, or None when there is none in this scope."""
    found = session.execute(
        select(CaseRow, Canteen)
        .join(Canteen, Canteen.canteen_id == CaseRow.canteen_id)
        .where(CaseRow.case_id == case_id, scope.reads(CaseRow.canteen_id))
    ).first()
    if found is None:
        return None
    violations = session.scalars(
        select(ViolationRow)
        .join(CaseViolation, CaseViolation.violation_id == ViolationRow.violation_id)
        .where(CaseViolation.case_id == case_id)
        .order_by(ViolationRow.captured_at, ViolationRow.violation_id)
    ).all()
    events = _histories(session, [case_id]).get(case_id, ())
    names = session.execute(
        select(Person.person_id, Person.username).where(Person.person_id.in_({one.person_id for one in events}))
    )
    deciders = {events[0].person_id, *_confirmed_by(session, [row.violation_id for row in violations])}
    return CaseFile(
        found[0],
        found[1],
        tuple(violations),
        events,
        {person_id: username for person_id, username in names},
        frozenset(deciders),
    )


def take_step(
    session: Session, scope: Scope, case_id: int, step: CaseStep, now: datetime, policy: CasePolicy
) -> CaseEvent:
    """Add one step; an overturned case takes its violations' confirmation back and rejects them.

    Raises:
        NoSuchCase: none in this scope, or the role may not do this. CaseStepRefused: the case does not allow it.
    """
    file = case_file(session, scope, case_id)
    needed = Right.ANSWER if step.kind in BY_CANTEEN else Right.DECIDE
    if file is None or not scope.may(needed):
        raise NoSuchCase(str(case_id))
    event = follow(file.events, step, now, file.deciders, policy)
    _add(session, file.row, event, len(file.events) + 1)
    if event.kind is Kind.OVERTURNED:
        note = f"{file.row.number}: {event.words}"[:500]
        for one in file.violations:
            withdrawn = history.decide(
                session,
                scope,
                (one.violation_id, one.decision_id),
                Step(Verdict.WITHDRAWN, note=note),
                step.person_id,
                now,
            )
            rejected = Step(Verdict.REJECTED, step.reason or OTHER_REASON, note)
            seen = (one.violation_id, withdrawn)
            history.decide(session, scope, seen, rejected, step.person_id, now)
    return event


@dataclass(frozen=True)
class CaseLine:
    """One case in a list."""

    row: CaseRow
    canteen_name: str
    events: tuple[CaseEvent, ...]
    first_violation: str


def cases(session: Session, scope: Scope, states: Collection[str] = (), number: str = "") -> list[CaseLine]:
    """Up to `LISTED` cases in these states (all when empty), the nearest deadline first, then the newest.

    Args:
        number: a part of the case's number that is looked for.
    """
    query = (
        select(CaseRow, Canteen.name)
        .join(Canteen, Canteen.canteen_id == CaseRow.canteen_id)
        .where(scope.reads(CaseRow.canteen_id))
    )
    if states:
        query = query.where(CaseRow.state.in_(states))
    if number:
        query = query.where(CaseRow.number.contains(number, autoescape=True))
    order = (CaseRow.deadline_at.is_(None), CaseRow.deadline_at, CaseRow.opened_at.desc())
    rows = session.execute(query.order_by(*order).limit(LISTED)).all()
    ids = [row.case_id for row, _ in rows]
    histories = _histories(session, ids)
    first = (
        select(CaseViolation.case_id, func.min(CaseViolation.violation_id))
        .where(CaseViolation.case_id.in_(ids))
        .group_by(CaseViolation.case_id)
    )
    firsts = {case_id: violation_id for case_id, violation_id in session.execute(first)}
    return [CaseLine(row, name, histories[row.case_id], firsts[row.case_id]) for row, name in rows]


def count_by_state(session: Session, scope: Scope) -> dict[str, int]:
    """How many cases are in each state."""
    query = select(CaseRow.state, func.count()).where(scope.reads(CaseRow.canteen_id))
    return {state: int(n) for state, n in session.execute(query.group_by(CaseRow.state))}


def case_of(session: Session, scope: Scope, violation_id: str) -> CaseRow | None:
    """The case that rests on a violation, or None."""
    return session.scalar(
        select(CaseRow)
        .join(CaseViolation, CaseViolation.case_id == CaseRow.case_id)
        .where(CaseViolation.violation_id == violation_id, scope.covers(CaseRow.canteen_id))
    )


def _add(session: Session, row: CaseRow, event: CaseEvent, seq: int) -> None:
    session.add(
        CaseEventRow(
            case_id=row.case_id,
            seq=seq,
            kind=event.kind,
            state=event.state,
            person_id=event.person_id,
            at=event.at,
            words=event.words,
            photo_sha256=event.photo_sha256,
            deadline_at=event.deadline_at,
        )
    )
    session.flush()  # before the case, which must say what its newest event says
    row.state, row.deadline_at = event.state.value, event.deadline_at
    session.flush()


def _histories(session: Session, case_ids: Sequence[int]) -> dict[int, tuple[CaseEvent, ...]]:
    query = select(CaseEventRow).where(CaseEventRow.case_id.in_(case_ids)).order_by(CaseEventRow.seq)
    found: dict[int, list[CaseEvent]] = {}
    for row in session.scalars(query):
        found.setdefault(row.case_id, []).append(
            CaseEvent(
                Kind(row.kind),
                CaseState(row.state),
                row.person_id,
                row.at,
                row.words,
                row.photo_sha256,
                row.deadline_at,
            )
        )
    return {case_id: tuple(events) for case_id, events in found.items()}


def _confirmed_by(session: Session, violation_ids: Sequence[str]) -> set[int]:
    query = select(DecisionRow.person_id).where(
        DecisionRow.violation_id.in_(violation_ids), DecisionRow.verdict == Verdict.CONFIRMED.value
    )
    return set(session.scalars(query))


def _next_number(session: Session, now: datetime) -> str:
    year = f"{now.year}-"
    newest = session.scalar(select(func.max(CaseRow.number)).where(CaseRow.number.startswith(year)))
    return f"{year}{1 if newest is None else int(newest.removeprefix(year)) + 1:05d}"
