"""What the pages of cases show: values for the templates, made of the history at one instant."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from kitchenvision.regulator import case_store, history, store
from kitchenvision.regulator.access import Right, Scope
from kitchenvision.regulator.case_steps import (
    BY_CANTEEN,
    WITH_CANTEEN,
    Card,
    CaseEvent,
    CasePolicy,
    CaseState,
    Kind,
    appeal_until,
    blocked_because,
    card,
)
from kitchenvision.regulator.case_store import CaseFile, CaseLine
from kitchenvision.regulator.decisions import Verdict
from kitchenvision.regulator.desk import Rectangle, rectangles
from kitchenvision.regulator.history import Decision
from kitchenvision.regulator.incidents import Incident
from kitchenvision.regulator.people import Visitor
from kitchenvision.wire import ConfirmedReport

RULINGS = (Kind.ACCEPTED, Kind.RETURNED, Kind.UPHELD, Kind.OVERTURNED)


@dataclass(frozen=True)
class Term:
    """Time that the canteen has: `share` of it is gone (0..1), `left` is negative when it is overdue."""

    until: datetime
    share: float
    left: timedelta

    @property
    def days(self) -> int:
        """Whole days left or overdue, without a sign."""
        return abs(self.left) // timedelta(days=1)

    @property
    def hours(self) -> int:
        """Whole hours left or overdue, without a sign."""
        return abs(self.left) // timedelta(hours=1)

    @property
    def late(self) -> bool:
        """Whether it is over."""
        return self.left < timedelta(0)


@dataclass(frozen=True)
class Shot:
    """A snapshot: its address, its size in pixels, and who is accused on it."""

    address: str
    width: int
    height: int
    boxes: tuple[Rectangle, ...]


@dataclass(frozen=True)
class CaseView:
    """One case as its page shows it.

    Attributes:
        steps: what this visitor may do now. hint: key of a word that says who is to act, empty when he is.
        pictures: of the violations, the first one the main one.
        confirmed: the decisions that it rests on, oldest first.
        answer_seq: of the newest answer with a photo, 0 without one.
    """

    file: CaseFile
    card: Card
    term: Term | None
    steps: tuple[Kind, ...]
    hint: str
    appeal_until: datetime
    pictures: tuple[Shot, ...]
    confirmed: tuple[Decision, ...]
    answer_seq: int

    @property
    def newest(self) -> CaseEvent:
        """The newest event."""
        return self.file.events[-1]


def case_view(session: Session, visitor: Visitor, file: CaseFile, now: datetime, policy: CasePolicy) -> CaseView:
    """How that visitor sees the case at that instant."""
    events = file.events
    roles = store.roles(session, visitor.scope, [row.violation_id for row in file.violations])
    photos = [seq for seq, event in enumerate(events, 1) if event.photo_sha256 is not None]
    steps = _steps(visitor, file, now, policy)
    return CaseView(
        file=file,
        card=card(events, now, policy),
        term=term(events, now),
        steps=steps,
        hint="" if steps else _hint(visitor, file),
        appeal_until=appeal_until(events, policy),
        pictures=tuple(
            shot(session, visitor.scope, row.violation_id)
            for row in file.violations
            if "snapshot" in roles.get(row.violation_id, ())
        ),
        confirmed=tuple(
            one
            for row in file.violations
            for one in history.decisions(session, visitor.scope, row.violation_id)
            if one.verdict is Verdict.CONFIRMED
        ),
        answer_seq=photos[-1] if photos else 0,
    )


def shot(session: Session, scope: Scope, violation_id: str) -> Shot:
    """The snapshot of a violation of the scope, with the accused person's boxes."""
    reports = (report for report, _ in store.reports(session, scope, violation_id))
    report = next(one for one in reports if isinstance(one, ConfirmedReport))
    accused = tuple(box for box in rectangles(report) if box.kind != "other")
    size = report.snapshot
    return Shot(f"/api/v1/violations/{violation_id}/snapshot", size.width, size.height, accused)


def term(events: tuple[CaseEvent, ...], now: datetime) -> Term | None:
    """The canteen's time, None while others are to act."""
    newest = events[-1]
    if newest.deadline_at is None:
        return None
    whole = max((newest.deadline_at - newest.at).total_seconds(), 1.0)
    gone = (now - newest.at).total_seconds()
    return Term(newest.deadline_at, min(max(gone / whole, 0.0), 1.0), newest.deadline_at - now)


def _steps(visitor: Visitor, file: CaseFile, now: datetime, policy: CasePolicy) -> tuple[Kind, ...]:
    kinds: list[Kind] = []
    if visitor.scope.may(Right.ANSWER):
        kinds += sorted(BY_CANTEEN)
    if visitor.scope.may(Right.DECIDE):
        own = visitor.person_id in file.deciders
        kinds += [kind for kind in RULINGS if not (own and kind in (Kind.UPHELD, Kind.OVERTURNED))]
    return tuple(kind for kind in kinds if blocked_because(file.events, kind, now, policy) is None)


def _hint(visitor: Visitor, file: CaseFile) -> str:
    state = file.events[-1].state
    if state is CaseState.APPEALED:
        own = visitor.scope.may(Right.DECIDE) and visitor.person_id in file.deciders
        return "case.next.same_person" if own else "case.next.appeal"
    if state in WITH_CANTEEN:
        return "case.next.canteen"
    return "case.next.check" if state is CaseState.ANSWERED else "case.next.none"


@dataclass(frozen=True)
class ListedCase:
    """One line of the list."""

    line: CaseLine
    card: Card
    term: Term | None


@dataclass(frozen=True)
class Waiting:
    """An incident that rectification can be ordered for."""

    incident: Incident
    canteen_name: str


def listed(
    session: Session, visitor: Visitor, asked: tuple[tuple[str, ...], str], now: datetime, policy: CasePolicy
) -> list[ListedCase]:
    """The visitor's cases in these states (all when there are none) and with that part of a number."""
    return [
        ListedCase(line, card(line.events, now, policy), term(line.events, now))
        for line in case_store.cases(session, visitor.scope, *asked)
    ]
