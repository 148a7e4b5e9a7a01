"""Incidents split and merged by hand, with who did it and when. What has a case stays as its notice says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, bindparam, delete, exists, select
from sqlalchemy.orm import Session

from kitchenvision.errors import KitchenvisionError
from kitchenvision.regulator.access import Right, Scope, Shape
from kitchenvision.regulator.case_tables import CaseViolation
from kitchenvision.regulator.incident_members import members_of, with_case
from kitchenvision.regulator.policy_tables import ColourRow
from kitchenvision.regulator.review_tables import IncidentMove
from kitchenvision.regulator.tables import Person, ViolationRow

MERGE_WITHIN = timedelta(hours=24)
LONGEST_WORDS = 500


class IncidentRefused(KitchenvisionError):
    """An incident cannot be changed like this.

    Args:
        why: not_there, alone, same, has_case, elsewhere, too_far, too_long.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the incident cannot be changed: {why}")
        self.why = why


@dataclass(frozen=True)
class Move:
    """One deed by hand: these violations went from one incident to another."""

    kind: str
    violation_ids: tuple[str, ...]
    username: str
    at: datetime
    words: str


def split(session: Session, scope: Scope, violation_id: str, person_id: int, now: datetime, words: str = "") -> str:
    """Take one violation out of its incident; returns the incident that it is now.

    Raises:
        IncidentRefused: it is alone, or the incident has a case.
    """
    row = _own(session, scope, violation_id)
    members = members_of(session, {row.incident_id})
    if len(members) == 1:
        raise IncidentRefused("alone")
    _free(session, members, words)
    rest = [one for one in members if one is not row]
    before = row.incident_id
    leaving = [row]
    if before == row.violation_id:
        leaving, rest = rest, leaving  # it gave the incident its name and keeps it
    to = leaving[0].violation_id
    _move(session, leaving, IncidentMove(kind="split", to_incident=to, person_id=person_id, at=now, words=words))
    for one in (*leaving, *rest):
        one.by_hand = True
    session.flush()
    return row.incident_id


def merge(
    session: Session, scope: Scope, pair: tuple[str, str], person_id: int, now: datetime, words: str = ""
) -> str:
    """Make the incidents of two violations one; returns its id.

    Raises:
        IncidentRefused: they are one already, of another canteen or rule, too far apart, or one has a case.
    """
    one, other = (_own(session, scope, violation_id) for violation_id in pair)
    if one.incident_id == other.incident_id:
        raise IncidentRefused("same")
    if (one.canteen_id, one.rule_id) != (other.canteen_id, other.rule_id):
        raise IncidentRefused("elsewhere")
    if abs(one.captured_at - other.captured_at) > MERGE_WITHIN:
        raise IncidentRefused("too_far")
    members = members_of(session, {one.incident_id, other.incident_id})
    _free(session, members, words)
    to = members[0].incident_id
    moving = [member for member in members if member.incident_id != to]
    _move(session, moving, IncidentMove(kind="merge", to_incident=to, person_id=person_id, at=now, words=words))
    for member in members:
        member.by_hand = True
    session.flush()
    return to


@dataclass(frozen=True)
class Near:
    """An incident near another one, by its first violation there."""

    violation_id: str
    camera_id: str
    zone: str
    captured_at: datetime


@cache
def _near(shape: Shape) -> Select[str, str, str, str, datetime, bool]:
    # What has a case further away is refused later, by `merge`.
    row = ViolationRow
    case = exists().where(CaseViolation.violation_id == row.violation_id)
    return (
        select(row.incident_id, row.violation_id, row.camera_id, row.zone, row.captured_at, case)
        .where(shape.covers(row.canteen_id), row.canteen_id == bindparam("canteen_id"))
        .where(row.rule_id == bindparam("rule_id"), row.incident_id != bindparam("incident_id"))
        .where(row.captured_at >= bindparam("since"), row.captured_at <= bindparam("until"))
        .order_by(row.captured_at, row.violation_id)
    )


def mergeable(session: Session, scope: Scope, row: ViolationRow) -> list[Near]:
    """Other incidents of that canteen and rule within a day that have no case; the nearest first."""
    own = {name: getattr(row, name) for name in ("canteen_id", "rule_id", "incident_id")}
    span = {"since": row.captured_at - MERGE_WITHIN, "until": row.captured_at + MERGE_WITHIN}
    found: dict[str, Near] = {}
    fixed = set()
    for incident_id, *told, has_case in session.connection().execute(*scope.asks(_near, **own, **span)):
        if incident_id not in found:
            found[incident_id] = Near(*told)
        if has_case:
            fixed.add(incident_id)
    free = [near for incident_id, near in found.items() if incident_id not in fixed]
    return sorted(free, key=lambda near: abs(near.captured_at - row.captured_at))


def moves(session: Session, scope: Scope, incident_id: str) -> list[Move]:
    """What was done by hand to an incident, oldest first."""
    query = (
        select(IncidentMove, Person.username)
        .join(Person, Person.person_id == IncidentMove.person_id)
        .join(ViolationRow, ViolationRow.violation_id == IncidentMove.violation_id)
        .where(scope.covers(ViolationRow.canteen_id))
        .where((IncidentMove.from_incident == incident_id) | (IncidentMove.to_incident == incident_id))
        .order_by(IncidentMove.move_id)
    )
    found: dict[tuple[str, str, datetime, str], list[str]] = {}
    for row, username in session.execute(query):
        found.setdefault((row.kind, username, row.at, row.words), []).append(row.violation_id)
    return [Move(kind, tuple(ids), who, at, words) for (kind, who, at, words), ids in found.items()]


def _own(session: Session, scope: Scope, violation_id: str) -> ViolationRow:
    row = session.scalar(
        select(ViolationRow)
        .where(ViolationRow.violation_id == violation_id, scope.covers(ViolationRow.canteen_id))
        .with_for_update()
    )
    if row is None or not scope.may(Right.DECIDE):
        raise IncidentRefused("not_there")
    return row


def _free(session: Session, members: Sequence[ViolationRow], words: str) -> None:
    if len(words) > LONGEST_WORDS:
        raise IncidentRefused("too_long")
    if with_case(session, [one.violation_id for one in members]):
        raise IncidentRefused("has_case")


def _move(session: Session, rows: Sequence[ViolationRow], deed: IncidentMove) -> None:
    for row in rows:
        session.add(
            IncidentMove(
                kind=deed.kind,
                violation_id=row.violation_id,
                from_incident=row.incident_id,
                to_incident=deed.to_incident,
                person_id=deed.person_id,
                at=deed.at,
                words=deed.words.strip(),
            )
        )
        row.incident_id = deed.to_incident
    # Days that are over count incidents too: they are computed again when somebody looks.
    session.execute(delete(ColourRow).where(ColourRow.canteen_id.in_({row.canteen_id for row in rows})))
