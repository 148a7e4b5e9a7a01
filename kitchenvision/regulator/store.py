"""Queries on reports and violations, each within a scope. `report_store` adds reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from kitchenvision.regulator.access import Scope, Shape
from kitchenvision.regulator.db import Found
from kitchenvision.regulator.listing import Cursor, Filters
from kitchenvision.regulator.report_store import AnyReport
from kitchenvision.regulator.tables import Canteen, ReportBlob, ReportRow, ViolationRow
from kitchenvision.wire import BlobRole, parse_report

Columns = TypeVarTuple("Columns")


@cache
def _violation(shape: Shape) -> Select[ViolationRow, Canteen]:
    return (
        select(ViolationRow, Canteen)
        .join(Canteen, Canteen.canteen_id == ViolationRow.canteen_id)
        .where(ViolationRow.violation_id == bindparam("violation_id"), shape.covers(ViolationRow.canteen_id))
    )


def violation(session: Session, scope: Scope, violation_id: str) -> tuple[ViolationRow, Canteen] | None:
    """One violation with its canteen, or None."""
    row = session.execute(*scope.asks(_violation, violation_id=violation_id)).first()
    return None if row is None else (row[0], row[1])


_CANTEEN_OF = select(ViolationRow.canteen_id).where(ViolationRow.violation_id == bindparam("violation_id"))


def lane_of(violation_id: str) -> Found:
    """The lane of who writes about a violation: its canteen. Says nothing of who may."""
    return Found(_CANTEEN_OF, {"violation_id": violation_id})


@cache
def _reports(shape: Shape) -> Select[bytes]:
    return (
        select(ReportRow.body)
        .join(ViolationRow, ViolationRow.violation_id == ReportRow.violation_id)
        .where(ReportRow.violation_id == bindparam("violation_id"), shape.covers(ViolationRow.canteen_id))
        .order_by(ReportRow.seq)
    )


def reports(session: Session, scope: Scope, violation_id: str) -> list[tuple[AnyReport, bytes]]:
    """Its reports in order, each with its bytes."""
    bodies = session.connection().scalars(*scope.asks(_reports, violation_id=violation_id))
    return [(parse_report(body), body) for body in bodies]


@dataclass(frozen=True)
class Kept:
    """A blob that is there: where, and how many bytes."""

    role: str
    sha256: str
    size: int
    media_type: str


_KEPT = ReportBlob.role, ReportBlob.sha256, ReportBlob.size, ReportBlob.media_type


@cache
def _blob(shape: Shape) -> Select[str, str, int, str]:
    own = ReportBlob.violation_id == bindparam("violation_id"), ReportBlob.role == bindparam("role")
    return (
        select(*_KEPT)
        .join(ViolationRow, ViolationRow.violation_id == ReportBlob.violation_id)
        .where(*own, ReportBlob.removed_at.is_(None), shape.covers(ViolationRow.canteen_id))
        .order_by(ReportBlob.seq.desc())
        .limit(1)
    )


def blob(asked: Session | Connection, scope: Scope, violation_id: str, role: BlobRole) -> Kept | None:
    """The newest blob of that role, or None."""
    row = asked.execute(*scope.asks(_blob, violation_id=violation_id, role=role)).first()
    return None if row is None else Kept(*row)


def gone(session: Session, scope: Scope, violation_id: str, role: BlobRole) -> bool:
    """Whether a blob of that role was kept once and is no longer."""
    query = (
        select(ReportBlob.seq)
        .join(ViolationRow, ViolationRow.violation_id == ReportBlob.violation_id)
        .where(ReportBlob.violation_id == violation_id, ReportBlob.role == role, ReportBlob.removed_at.is_not(None))
        .where(scope.covers(ViolationRow.canteen_id))
    )
    return session.scalar(query.limit(1)) is not None


def page(
    session: Session, scope: Scope, filters: Filters, limit: int, cursor: Cursor | None = None
) -> list[ViolationRow]:
    """Up to `limit` violations, newest first, after `cursor`."""
    query = _filtered(select(ViolationRow), scope, filters)
    if cursor is not None:
        query = query.where(after(cursor))
    order = (ViolationRow.captured_at.desc(), ViolationRow.violation_id.desc())
    return list(session.scalars(query.order_by(*order).limit(limit)))


def count(session: Session, scope: Scope, filters: Filters) -> int:
    """How many violations the filters let through."""
    return int(session.scalar(_filtered(select(func.count()).select_from(ViolationRow), scope, filters)) or 0)


def count_newer(session: Session, scope: Scope, filters: Filters, since: datetime) -> int:
    """How many of them were received after that instant."""
    query = _filtered(select(func.count()).select_from(ViolationRow), scope, filters)
    return int(session.scalar(query.where(ViolationRow.received_at > since)) or 0)


@cache
def _earlier(shape: Shape) -> Select[ViolationRow]:
    row = ViolationRow
    return (
        select(row)
        .where(shape.covers(row.canteen_id), row.canteen_id == bindparam("canteen_id"))
        .where(row.rule_id == bindparam("rule_id"))
        .where(_after(bindparam("captured_at"), bindparam("violation_id")))
        .order_by(row.captured_at.desc(), row.violation_id.desc())
        .limit(bindparam("at_most"))
    )


def earlier(session: Session, scope: Scope, of: ViolationRow, limit: int) -> list[ViolationRow]:
    """The newest violations of the same canteen and rule before this one."""
    own = {name: getattr(of, name) for name in ("captured_at", "violation_id", "canteen_id", "rule_id")}
    return list(session.scalars(*scope.asks(_earlier, at_most=limit, **own)))


@cache
def _blobs(shape: Shape) -> Select[str, str, str, int, str]:
    return (
        select(ReportBlob.violation_id, *_KEPT)
        .join(ViolationRow, ViolationRow.violation_id == ReportBlob.violation_id)
        .where(ReportBlob.violation_id.in_(bindparam("violation_ids", expanding=True)))
        .where(ReportBlob.removed_at.is_(None), shape.covers(ViolationRow.canteen_id))
        .order_by(ReportBlob.seq)
    )


def blobs(session: Session, scope: Scope, violation_ids: Sequence[str]) -> dict[str, dict[str, Kept]]:
    """The blobs of each of these violations by role, of each role the newest."""
    found: dict[str, dict[str, Kept]] = {}
    asked = scope.asks(_blobs, violation_ids=violation_ids)
    for violation_id, *kept in session.connection().execute(*asked):
        one = Kept(*kept)
        found.setdefault(violation_id, {})[one.role] = one
    return found


def roles(session: Session, scope: Scope, violation_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """Which blobs each of these violations has, by role."""
    return {one: frozenset(found) for one, found in blobs(session, scope, violation_ids).items()}


@cache
def _newest_received(shape: Shape) -> Select[datetime]:
    query = select(ViolationRow.received_at).where(shape.covers(ViolationRow.canteen_id))
    return query.order_by(ViolationRow.received_at.desc()).limit(1)


def newest_received(session: Session, scope: Scope) -> datetime | None:
    """When the newest violation was received, or None without any."""
    return session.connection().execute(*scope.asks(_newest_received)).scalar()


def cameras(session: Session, scope: Scope) -> Sequence[str]:
    """Ids of the cameras that reported, sorted."""
    query = select(ViolationRow.camera_id).where(scope.covers(ViolationRow.canteen_id)).distinct()
    return session.scalars(query.order_by(ViolationRow.camera_id)).all()


def rules(session: Session, scope: Scope) -> Sequence[str]:
    """Ids of the rules that were reported, sorted."""
    return session.connection().execute(*scope.asks(_rules)).scalars().all()


@cache
def _rules(shape: Shape) -> Select[str]:
    # From one to the next in the index of each canteen; to look at every violation would take a second.
    row = ViolationRow
    first = select(func.min(row.rule_id)).where(row.canteen_id == Canteen.canteen_id).scalar_subquery()
    found = (
        select(Canteen.canteen_id.label("canteen_id"), first.label("rule_id"))
        .where(shape.covers(Canteen.canteen_id))
        .cte("found", recursive=True)
    )
    following = select(func.min(row.rule_id)).where(
        row.canteen_id == found.c.canteen_id, row.rule_id > found.c.rule_id
    )
    found = found.union_all(
        select(found.c.canteen_id, following.scalar_subquery()).where(found.c.rule_id.is_not(None))
    )
    query = select(found.c.rule_id).where(found.c.rule_id.is_not(None)).distinct()
    return query.order_by(found.c.rule_id)


def after(cursor: Cursor) -> ColumnElement[bool]:
    """The condition that a violation comes after that place in a list, newest first."""
    return _after(cursor.captured_at, cursor.violation_id)


def _after(captured_at: Any, violation_id: Any) -> ColumnElement[bool]:
    row = ViolationRow
    at_once = and_(row.captured_at == captured_at, row.violation_id < violation_id)
    return or_(row.captured_at < captured_at, at_once)


def _filtered(query: Select[*Columns], scope: Scope, filters: Filters) -> Select[*Columns]:
    return query.where(scope.covers(ViolationRow.canteen_id), *conditions(ViolationRow, filters))


def conditions(row: type[ViolationRow] | Any, filters: Filters) -> list[ColumnElement[bool]]:
    """What the filters ask of a violation.

    Args:
        row: the table, or an alias of it.
    """
    asked: list[ColumnElement[bool]] = []
    for column, wanted in (
        (row.rule_id, filters.rule),
        (row.canteen_id, filters.canteen),
        (row.camera_id, filters.camera),
    ):
        if wanted is not None:
            asked.append(column == wanted)
    if filters.state == "decided":
        asked.append(row.state != "open")
    elif filters.state is not None:
        asked.append(row.state == filters.state)
    if filters.since is not None:
        asked.append(row.captured_at >= filters.since)
    if filters.until is not None:
        asked.append(row.captured_at < filters.until)
    return asked
