"""Which incident each violation is reviewed with: kept beside it, so that a queue of a million can be paged.

A violation that arrives, or whose end does, joins what it touches (`incidents.group` says what touching is) and so
unites incidents that were two until then. What a person put together or apart, and what has a case, stays as it is;
a newcomer that touches it joins the nearest. `incidents` are the same values whoever asks: the desk looks at all
violations, cases and scores at confirmed ones only.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, bindparam, or_, select, update
from sqlalchemy.orm import Session

from kitchenvision.regulator.case_tables import CaseViolation
from kitchenvision.regulator.incidents import GAP_S, Place, Sighting, between_s
from kitchenvision.regulator.tables import ViolationRow

Times = tuple[datetime, float, float, float | None]  # captured at; started, confirmed and ended in media seconds
LONGEST = timedelta(hours=6)  # a violation that goes on for longer is found by its start only


def sighting(row: ViolationRow) -> Sighting:
    """A row as grouping takes it."""
    place = (row.canteen_id, row.rule_id, row.zone)
    times = (row.captured_at, row.started_s, row.confirmed_s, row.ended_s)
    return sighted(row.violation_id, place, row.camera_id, times)


def sighted(violation_id: str, place: Place, camera_id: str, times: Times) -> Sighting:
    """The same out of its columns."""
    captured_at, started_s, confirmed_s, ended_s = times
    started = captured_at - timedelta(seconds=max(confirmed_s - started_s, 0.0))
    lasted = 0.0 if ended_s is None else max(ended_s - confirmed_s, 0.0)
    return Sighting(violation_id, place, camera_id, started, captured_at + timedelta(seconds=lasted))


def settle(session: Session, own: Sighting, incident_id: str) -> None:
    """Give a violation that has just arrived or ended, and whose row is written, its place among the incidents.

    Args:
        incident_id: that it has now; of one that has just arrived its own id.
    """
    touched = _touching(session, own) - {incident_id}
    if not touched:
        return
    members = members_of(session, {*touched, incident_id})
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


def _near() -> Select[str, str, datetime, float, float, float | None]:
    row = ViolationRow
    short_s = _SHORT.total_seconds()
    return select(
        row.incident_id, row.camera_id, row.captured_at, row.started_s, row.confirmed_s, row.ended_s
    ).where(
        row.canteen_id == bindparam("canteen_id"),
        row.rule_id == bindparam("rule_id"),
        row.zone == bindparam("zone"),
        row.captured_at >= bindparam("since"),
        row.captured_at <= bindparam("until"),
        # Most are short, and then too far away; the rest is told apart exactly.
        or_(row.captured_at >= bindparam("soon"), row.ended_s - row.confirmed_s >= short_s),
        or_(row.captured_at <= bindparam("late"), row.confirmed_s - row.started_s >= short_s),
    )


_SHORT = timedelta(minutes=10)
_NEAR = _near()


def _touching(session: Session, own: Sighting) -> set[str]:
    """Incidents of the violations that it touches, itself among them. What waits in the session is not seen."""
    canteen_id, rule_id, zone = own.place
    # A violation is captured at its confirmation, which comes after its start.
    first, last = own.started_at - timedelta(seconds=GAP_S), own.ended_at + timedelta(seconds=GAP_S)
    asked: dict[str, object] = {"canteen_id": canteen_id, "rule_id": rule_id, "zone": zone}
    asked |= {"since": first - LONGEST, "until": last + LONGEST, "soon": first - _SHORT, "late": last + _SHORT}
    return {
        incident_id
        for incident_id, camera_id, at, started_s, confirmed_s, ended_s in session.connection().execute(
            _NEAR, asked
        )
        if between_s(own, sighted("", own.place, camera_id, (at, started_s, confirmed_s, ended_s))) <= GAP_S
    }


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
