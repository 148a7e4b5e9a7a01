"""Which incident each violation is reviewed with: kept beside it, so that a queue of a million can be paged.

A violation that arrives, or whose end does, joins what it touches (`incidents.group` says what touching is) and so
unites incidents that were two until then. What a person put together or apart, and what has a case, stays as it is;
a newcomer that touches it joins the nearest. `incidents` are the same values whoever asks: the desk looks at all
violations, cases and scores at confirmed ones only.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from kitchenvision.regulator.case_tables import CaseViolation
from kitchenvision.regulator.incidents import GAP_S, Sighting, between_s
from kitchenvision.regulator.tables import ViolationRow

LONGEST = timedelta(hours=6)  # a violation that goes on for longer is found by its start only


def sighting(row: ViolationRow) -> Sighting:
    """A row as grouping takes it."""
    started = row.captured_at - timedelta(seconds=max(row.confirmed_s - row.started_s, 0.0))
    lasted = 0.0 if row.ended_s is None else max(row.ended_s - row.confirmed_s, 0.0)
    ended = row.captured_at + timedelta(seconds=lasted)
    return Sighting(row.violation_id, (row.canteen_id, row.rule_id, row.zone), row.camera_id, started, ended)


def settle(session: Session, row: ViolationRow) -> None:
    """Give a violation that has just arrived or ended its place among the incidents."""
    row.incident_id = row.incident_id or row.violation_id
    session.flush()
    touched = {one.incident_id for one in _touching(session, row)} - {row.incident_id}
    if not touched:
        return
    members = members_of(session, {*touched, row.incident_id})
    fixed = _fixed(session, members)
    if not fixed:
        first = min(members, key=_order)
        _put(members, first.incident_id)
        return
    anchors = [one for one in members if one.incident_id in fixed]
    for one in members:
        if one.incident_id not in fixed:
            mine = sighting(one)
            nearest = min(anchors, key=lambda other: (between_s(mine, sighting(other)), other.incident_id))
            one.incident_id = nearest.incident_id


_MEMBERS = select(ViolationRow).where(ViolationRow.incident_id.in_(bindparam("incident_ids", expanding=True)))


def members_of(session: Session, incident_ids: Collection[str]) -> list[ViolationRow]:
    """All violations of these incidents, by start. The caller has asked a scope which ones may be."""
    return sorted(session.scalars(_MEMBERS, {"incident_ids": list(incident_ids)}), key=_order)


def by_hand(rows: Iterable[ViolationRow]) -> Mapping[str, str]:
    """What a person put where, as `incidents.group` takes it."""
    return {row.violation_id: row.incident_id for row in rows if row.by_hand}


def settle_all(session: Session) -> None:
    """The incident of every violation that has none yet, for rows that were written in bulk."""
    query = select(ViolationRow).where(ViolationRow.incident_id == "").order_by(ViolationRow.captured_at)
    known: dict[tuple[str, str, str], tuple[datetime, str]] = {}
    rows = sorted(session.scalars(query), key=_order)
    for row in rows:
        one = sighting(row)
        until, incident_id = known.get(one.place, (None, ""))
        if until is None or one.started_at - until > timedelta(seconds=GAP_S):
            incident_id = row.violation_id
        known[one.place] = (max(until or one.ended_at, one.ended_at), incident_id)
        session.execute(
            update(ViolationRow)
            .where(ViolationRow.violation_id == row.violation_id)
            .values(incident_id=incident_id)
            .execution_options(synchronize_session=False)
        )


def _order(row: ViolationRow) -> tuple[datetime, str]:
    return sighting(row).started_at, row.violation_id


def _touching(session: Session, row: ViolationRow) -> list[ViolationRow]:
    own, gap = sighting(row), timedelta(seconds=GAP_S)
    query = select(ViolationRow).where(
        ViolationRow.canteen_id == row.canteen_id,
        ViolationRow.rule_id == row.rule_id,
        ViolationRow.zone == row.zone,
        ViolationRow.captured_at >= own.started_at - gap - LONGEST,
        # A violation is captured at its confirmation, which comes after its start.
        ViolationRow.captured_at <= own.ended_at + gap + LONGEST,
    )
    return [one for one in session.scalars(query) if between_s(own, sighting(one)) <= GAP_S]


def _fixed(session: Session, members: Sequence[ViolationRow]) -> set[str]:
    named = with_case(session, [one.violation_id for one in members])
    return {one.incident_id for one in members if one.by_hand or one.violation_id in named}


def with_case(session: Session, violation_ids: Sequence[str]) -> set[str]:
    """Those of them that a case rests on."""
    query = select(CaseViolation.violation_id).where(CaseViolation.violation_id.in_(violation_ids))
    return set(session.scalars(query))


def _put(members: Iterable[ViolationRow], incident_id: str) -> None:
    for one in members:
        one.incident_id = incident_id
