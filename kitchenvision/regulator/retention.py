"""Pictures go when their time is over; reports, decisions, cases and hashes stay.

Never touched: what nobody has decided, what is held, and what a case rests on that is not at its end, each together
with its whole incident. First the rows say that a blob is gone, then it goes; the next run ends a broken one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.blobs import BlobStore
from kitchenvision.regulator.case_steps import CaseState
from kitchenvision.regulator.case_tables import CaseEventRow, CaseRow, CaseViolation
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.retention_policy import LONGEST_DAYS, RetentionPolicy
from kitchenvision.regulator.tables import DecisionRow, LegalHold, ReportBlob, ViolationRow

AT_ENDS = (CaseState.CLOSED.value, CaseState.OVERTURNED.value)
BATCH = 200  # violations that one transaction marks, and blobs that one drops: writers wait meanwhile
UNFINISHED = timedelta(days=30)  # what an earlier run marked and did not drop is looked for so far back


@dataclass(frozen=True)
class Removed:
    """How many violations lost their pictures, and which blobs went with how many bytes."""

    violations: int = 0
    blobs: int = 0
    size: int = 0


def hold(session: Session, violation_id: str, holds: bool, words: str, at: datetime) -> None:
    """Keep the pictures of a violation's incident whatever the policy says, or no longer.

    Args:
        words: why; shown to nobody but kept for good.

    Raises:
        SettingsError: no such violation, no words, or nothing to change.
    """
    if not 1 <= len(words.strip()) <= 500:
        raise SettingsError("hold", "why", "needs 1 to 500 characters")
    if session.get(ViolationRow, violation_id) is None:
        raise SettingsError("hold", "violation", f"there is no violation '{violation_id}'")
    if (violation_id in held(session, [violation_id])) is holds:
        raise SettingsError("hold", "violation", "it is held already" if holds else "it is not held")
    session.add(LegalHold(violation_id=violation_id, holds=holds, words=words.strip(), at=at))


def held(session: Session, violation_ids: Collection[str]) -> set[str]:
    """Those of them on which a hold of their own lies."""
    newest = (
        select(func.max(LegalHold.hold_id))
        .where(LegalHold.violation_id.in_(violation_ids))
        .group_by(LegalHold.violation_id)
    )
    query = select(LegalHold.violation_id).where(LegalHold.hold_id.in_(newest), LegalHold.holds.is_(True))
    return set(session.scalars(query))


def due(
    session: Session, policy: RetentionPolicy, now: datetime, after: str = "", among: Collection[str] | None = None
) -> list[str]:
    """Up to `BATCH` violations whose pictures may go and that are not in use, by id.

    Args:
        after: from which id on. among: only of these; None = of all.
    """
    if policy.shortest is None:
        return []
    old = [
        and_(
            ViolationRow.state == state, ViolationRow.captured_at < now - span, DecisionRow.decided_at < now - span
        )
        for state in ("rejected", "cannot_tell", "confirmed")
        if (span := policy.after(state)) is not None
    ]
    kept = select(ReportBlob.seq).where(
        ReportBlob.violation_id == ViolationRow.violation_id, ReportBlob.removed_at.is_(None)
    )
    query = (
        select(ViolationRow.violation_id)
        .join(DecisionRow, DecisionRow.decision_id == ViolationRow.decision_id)
        .where(ViolationRow.violation_id > after, or_(*old), kept.exists(), ~_in_use(policy, now))
        .order_by(ViolationRow.violation_id)
        .limit(BATCH)
    )
    if among is not None:
        query = query.where(ViolationRow.violation_id.in_(among))
    return list(session.scalars(query))


def remove(database: Database, blobs: BlobStore, policy: RetentionPolicy, now: datetime) -> Removed:
    """Drop what is due.

    Raises:
        StorageError: it could not go on; what was done stays done, and the next run goes on.
    """
    after, violations, count, size = "", 0, 0, 0
    while True:
        with database.reading() as session:
            found = due(session, policy, now, after)
        if not found:
            break
        with database.writing() as session:
            batch = due(session, policy, now, among=found)  # a hold or an appeal may have come meanwhile
            session.execute(
                update(ReportBlob)
                .where(ReportBlob.violation_id.in_(batch), ReportBlob.removed_at.is_(None))
                .values(removed_at=now)
                .execution_options(synchronize_session=False)
            )
        after, violations = found[-1], violations + len(batch)
    after = ""
    while True:
        # Alone: a report that names one of these blobs anew must not come in between.
        with database.writing() as session:
            unused = _unused(session, now - UNFINISHED, after)
            for sha256, of_bytes in unused:
                if blobs.delete(sha256):
                    count, size = count + 1, size + of_bytes
        if not unused:
            return Removed(violations, count, size)
        after = unused[-1][0]


def would_remove(session: Session, policy: RetentionPolicy, now: datetime) -> Removed:
    """What `remove` would mark now; a blob that another violation needs is counted too."""
    after, told = "", Removed()
    while batch := due(session, policy, now, after):
        count, size = session.execute(
            select(func.count(), func.coalesce(func.sum(ReportBlob.size), 0)).where(
                ReportBlob.violation_id.in_(batch), ReportBlob.removed_at.is_(None)
            )
        ).one()
        told = Removed(told.violations + len(batch), told.blobs + int(count), told.size + int(size))
        after = batch[-1]
    return told


def _in_use(policy: RetentionPolicy, now: datetime) -> ColumnElement[bool]:
    """Whether of a violation's incident one is undecided, held, or has a case that is open or ended lately."""
    recent = now - (policy.confirmed or timedelta(days=LONGEST_DAYS))
    other, newest = aliased(ViolationRow), aliased(LegalHold)
    last = select(func.max(newest.hold_id)).where(newest.violation_id == other.violation_id).scalar_subquery()
    on_hold = select(LegalHold.hold_id).where(LegalHold.hold_id == last, LegalHold.holds.is_(True)).exists()
    lately = select(CaseEventRow.event_id).where(CaseEventRow.case_id == CaseRow.case_id, CaseEventRow.at >= recent)
    in_case = (
        select(CaseViolation.violation_id)
        .join(CaseRow, CaseRow.case_id == CaseViolation.case_id)
        .where(CaseViolation.violation_id == other.violation_id)
        .where(or_(CaseRow.state.not_in(AT_ENDS), lately.exists()))
        .exists()
    )
    return (
        select(other.violation_id)
        .where(other.incident_id == ViolationRow.incident_id, or_(other.state == "open", on_hold, in_case))
        .exists()
    )


def _unused(session: Session, since: datetime, after: str) -> Sequence[tuple[str, int]]:
    """Blobs that were marked lately and that nothing names any more, by hash."""
    other = aliased(ReportBlob)
    named = select(other.sha256).where(other.sha256 == ReportBlob.sha256, other.removed_at.is_(None))
    photos = select(CaseEventRow.event_id).where(CaseEventRow.photo_sha256 == ReportBlob.sha256)
    query = (
        select(ReportBlob.sha256, func.max(ReportBlob.size))
        .where(ReportBlob.removed_at >= since, ReportBlob.sha256 > after)
        .where(~named.exists(), ~photos.exists())
        .group_by(ReportBlob.sha256)
        .order_by(ReportBlob.sha256)
        .limit(BATCH)
    )
    return [(sha256, int(size)) for sha256, size in session.execute(query)]
