"""Adds reports, in sequence, with what follows from each: its violation, its place among the incidents, its blobs.

Written in columns and without objects: an edge box waits for each receipt, and nobody reads these rows back here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from kitchenvision.regulator.incident_members import Times, settle, sighted
from kitchenvision.regulator.incidents import Place
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.tables import ReportBlob, ReportRow, ViolationRow
from kitchenvision.wire import ClipReport, ConfirmedReport, EndedReport, Receipt, content_hash

AnyReport = ConfirmedReport | ClipReport | EndedReport


@dataclass(frozen=True)
class Arriving:
    """A report and its canonical bytes."""

    report: AnyReport
    body: bytes


@dataclass(frozen=True)
class Begun:
    """What is there of a violation whose next report comes."""

    canteen_id: str
    last_seq: int
    incident_id: str
    camera_id: str
    rule_id: str
    zone: str
    captured_at: datetime
    started_s: float
    confirmed_s: float

    @property
    def place(self) -> Place:
        """As incidents take it."""
        return self.canteen_id, self.rule_id, self.zone


_BEGUN = select(*(getattr(ViolationRow, name) for name in Begun.__dataclass_fields__)).where(
    ViolationRow.violation_id == bindparam("violation_id")
)
_KNOWN = select(ReportRow.sha256, ReportRow.received_at).where(
    ReportRow.violation_id == bindparam("violation_id"), ReportRow.seq == bindparam("at")
)
_REMOVED = select(ReportBlob.sha256).where(
    ReportBlob.sha256.in_(bindparam("sha256s", expanding=True)), ReportBlob.removed_at.is_not(None)
)
_NEW_VIOLATION, _NEW_REPORT, _NEW_BLOBS = insert(ViolationRow), insert(ReportRow), insert(ReportBlob)
_OWN = update(ViolationRow).where(ViolationRow.violation_id == bindparam("own_id"))
_GOES_ON = _OWN.values(last_seq=bindparam("seq"))
_ENDS = _OWN.values(last_seq=bindparam("seq"), ended_s=bindparam("end_s"))


def begun(session: Session, violation_id: str) -> Begun | None:
    """What is there of that violation, None before its first report."""
    row = session.connection().execute(_BEGUN, {"violation_id": violation_id}).first()
    return None if row is None else Begun(*row)


def known_receipt(session: Session, arriving: Arriving, there: Begun | None) -> Receipt | None:
    """The receipt for a report that is there already, or None when its key is free and next in line.

    Raises:
        Refused: 409 when the key holds other content, a report before it is missing, or the violation
            belongs to another canteen.
    """
    report = arriving.report
    if there is not None and there.canteen_id != report.canteen_id:
        # Not 403, which would tell the edge that its token is wrong and stop its whole queue.
        raise Refused(409, "other-canteen", "this violation belongs to another canteen", field="violation_id")
    # No report is ever taken away, so one after the last need not be looked for.
    told = there is not None and report.seq <= there.last_seq
    asked = {"violation_id": report.violation_id, "at": report.seq}
    row = session.connection().execute(_KNOWN, asked).first() if told else None
    if row is not None:
        digest = content_hash(arriving.body)
        if row.sha256 != digest:
            raise Refused(
                409,
                "other-content",
                "this key holds another report",
                f"{report.idempotency_key} was received with SHA-256 {row.sha256}, now came {digest}",
                field="seq",
            )
        return _receipt(report, digest, row.received_at, "duplicate")
    expected = 1 if there is None else there.last_seq + 1
    if report.seq != expected:
        raise Refused(
            409,
            "sequence-gap",
            "a report before this one is missing",
            f"{report.violation_id}: expected seq {expected}, got {report.seq}",
            field="seq",
            expected_seq=expected,
        )
    return None


def add_report(session: Session, arriving: Arriving, there: Begun | None, now: datetime) -> Receipt:
    """Add a report for which `known_receipt` found nothing, with what follows from it."""
    report, digest = arriving.report, content_hash(arriving.body)
    rows = session.connection()
    if isinstance(report, ConfirmedReport):
        rows.execute(_NEW_VIOLATION, _violation(report, now))
        place = report.canteen_id, report.rule_id, report.zone
        times: Times = report.captured_at, report.started_s, report.confirmed_s, None
        settle(session, sighted(report.violation_id, place, report.camera_id, times), report.violation_id)
    elif isinstance(report, EndedReport) and there is not None:
        rows.execute(_ENDS, {"own_id": report.violation_id, "seq": report.seq, "end_s": report.ended_s})
        times = there.captured_at, there.started_s, there.confirmed_s, report.ended_s
        settle(session, sighted(report.violation_id, there.place, there.camera_id, times), there.incident_id)
    else:
        rows.execute(_GOES_ON, {"own_id": report.violation_id, "seq": report.seq})
    key = {"violation_id": report.violation_id, "seq": report.seq}
    told = {"kind": report.kind, "body": arriving.body, "sha256": digest, "received_at": now}
    rows.execute(_NEW_REPORT, {**key, **told})
    if report.blobs:
        rows.execute(_NEW_BLOBS, [{**key, **blob.model_dump()} for blob in report.blobs])
    return _receipt(report, digest, now, "accepted")


def once_removed(session: Session, sha256s: Sequence[str]) -> set[str]:
    """Those of these blobs that were removed from some violation."""
    return set(session.connection().scalars(_REMOVED, {"sha256s": list(sha256s)}))


def _receipt(report: AnyReport, digest: str, at: datetime, status: Any) -> Receipt:
    return Receipt(idempotency_key=report.idempotency_key, report_sha256=digest, received_at=at, status=status)


def _violation(report: ConfirmedReport, now: datetime) -> dict[str, Any]:
    return {
        "violation_id": report.violation_id,
        "canteen_id": report.canteen_id,
        "camera_id": report.camera_id,
        "rule_id": report.rule_id,
        "captured_at": report.captured_at,
        "received_at": now,
        "started_s": report.started_s,
        "confirmed_s": report.confirmed_s,
        "confidence": report.confidence,
        "last_seq": report.seq,
        "state": "open",
        "decision_id": 0,
        "zone": report.zone,
        "incident_id": report.violation_id,
    }
