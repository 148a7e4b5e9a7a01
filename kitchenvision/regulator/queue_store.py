"""Queries of the desk: the queue of incidents, what else is known of a camera.

An incident is listed once, at the newest of those of its violations that the filters let through.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from kitchenvision.regulator import second_reviews, store
from kitchenvision.regulator.access import Scope, Shape
from kitchenvision.regulator.decisions import State, Verdict
from kitchenvision.regulator.incident_members import members_of
from kitchenvision.regulator.listing import Cursor, Filters
from kitchenvision.regulator.second_reviews import SecondPolicy
from kitchenvision.regulator.tables import DecisionRow, ViolationRow

RECORD_DAYS = 90


@dataclass(frozen=True)
class Looker:
    """Who looks at the queue, and when. `second`: what is looked at twice."""

    scope: Scope
    person_id: int
    now: datetime
    second: SecondPolicy


@dataclass(frozen=True)
class Entry:
    """An incident of the queue.

    Attributes:
        row: the violation for which it is listed.
        members: all of its violations, by start.
        asked: those of them for which the filters ask, such as the undecided ones.
    """

    row: ViolationRow
    members: tuple[ViolationRow, ...]
    asked: tuple[ViolationRow, ...]


@dataclass(frozen=True)
class CameraRecord:
    """What became of a camera's violations of one rule in the last `RECORD_DAYS` days.

    Attributes:
        everywhere: of every camera of the canteen, at any time. reasons: of the rejections, by number.
    """

    everywhere: dict[str, int]
    states: dict[str, int]
    reasons: dict[int, int]

    @property
    def rejected_share(self) -> float | None:
        """Of what was confirmed or rejected, 0..1; None where nothing was."""
        decided = self.states.get("confirmed", 0) + self.states.get("rejected", 0)
        return self.states.get("rejected", 0) / decided if decided else None


def page(session: Session, looker: Looker, filters: Filters, limit: int, cursor: Cursor | None) -> list[Entry]:
    """Up to `limit` incidents, newest first, after `cursor`."""
    row, newer = ViolationRow, aliased(ViolationRow)
    listed_later = or_(
        newer.captured_at > row.captured_at,
        and_(newer.captured_at == row.captured_at, newer.violation_id > row.violation_id),
    )
    by_newer = exists().where(newer.incident_id == row.incident_id, listed_later, *_asked(newer, looker, filters))
    query = select(row).where(looker.scope.covers(row.canteen_id), *_asked(row, looker, filters), ~by_newer)
    if cursor is not None:
        query = query.where(store.after(cursor))
    order = (row.captured_at.desc(), row.violation_id.desc())
    rows = list(session.scalars(query.order_by(*order).limit(limit)))
    return _entries(session, looker, filters, rows)


def entry(session: Session, looker: Looker, filters: Filters, row: ViolationRow) -> Entry:
    """The incident of a violation of the scope."""
    return _entries(session, looker, filters, [row])[0]


def count(session: Session, looker: Looker, filters: Filters) -> int:
    """How many incidents the filters let through."""
    query = select(func.count(ViolationRow.incident_id.distinct())).where(
        looker.scope.covers(ViolationRow.canteen_id), *_asked(ViolationRow, looker, filters)
    )
    return int(session.scalar(query) or 0)


@cache
def _counted(shape: Shape) -> Select[str, int, int]:
    own, near = _own(shape)
    counted = select(ViolationRow.state, func.count(), func.count().filter(near)).where(*own)
    return counted.group_by(ViolationRow.state)


@cache
def _reasons(shape: Shape) -> Select[int | None, int]:
    own, near = _own(shape)
    return (
        select(DecisionRow.reason, func.count())
        .join(ViolationRow, ViolationRow.decision_id == DecisionRow.decision_id)
        .where(*own, near, DecisionRow.verdict == Verdict.REJECTED.value)
        .group_by(DecisionRow.reason)
        .order_by(func.count().desc(), DecisionRow.reason)
    )


def _own(shape: Shape) -> tuple[list[ColumnElement[bool]], ColumnElement[bool]]:
    row = ViolationRow
    own = [shape.covers(row.canteen_id), row.canteen_id == bindparam("canteen_id")]
    near = and_(
        row.camera_id == bindparam("camera_id"),
        row.incident_id != bindparam("incident_id"),
        row.captured_at >= bindparam("since"),
    )
    return [*own, row.rule_id == bindparam("rule_id")], near


def camera_record(session: Session, looker: Looker, of: ViolationRow) -> CameraRecord:
    """Of the camera and rule of a violation, without the violation's own incident."""
    own = {name: getattr(of, name) for name in ("canteen_id", "rule_id", "camera_id", "incident_id")}
    asked = {**own, "since": looker.now - timedelta(days=RECORD_DAYS)}
    rows = session.connection().execute(*looker.scope.asks(_counted, **asked)).all()
    everywhere = {state: int(n) for state, n, _ in rows}
    states = {state: int(n) for state, _, n in rows if n}
    if not states.get(State.REJECTED.value):
        return CameraRecord(everywhere, states, {})
    reasons = session.connection().execute(*looker.scope.asks(_reasons, **asked))
    return CameraRecord(everywhere, states, {int(reason): int(n) for reason, n in reasons if reason is not None})


def _asked(row: type[ViolationRow] | Any, looker: Looker, filters: Filters) -> list[ColumnElement[bool]]:
    if filters.state != "second":
        return store.conditions(row, filters)
    rest = Filters.model_validate({**filters.model_dump(by_alias=True), "state": None})
    waits = second_reviews.due(row, looker.person_id, looker.now, looker.second)
    return [*store.conditions(row, rest), waits]


def _entries(session: Session, looker: Looker, filters: Filters, rows: Collection[ViolationRow]) -> list[Entry]:
    ids = {row.incident_id for row in rows}
    members: dict[str, list[ViolationRow]] = {}
    for one in members_of(session, ids):
        members.setdefault(one.incident_id, []).append(one)
    # What is shown is decided, or looked at again, whatever else narrows the list.
    if filters.state == "second":
        again = _asked(ViolationRow, looker, Filters(state="second"))
        query = select(ViolationRow.violation_id).where(ViolationRow.incident_id.in_(ids), *again)
        asked = set(session.scalars(query))
    else:
        asked = {one.violation_id for rows in members.values() for one in rows if one.state == State.OPEN}
    return [
        Entry(
            row,
            tuple(members[row.incident_id]),
            tuple(one for one in members[row.incident_id] if one.violation_id in asked),
        )
        for row in rows
    ]
