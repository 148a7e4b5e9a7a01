"""Decisions on a violation: read, and added one after another."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Select, bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kitchenvision.errors import KitchenvisionError
from kitchenvision.regulator.access import Right, Scope, Shape
from kitchenvision.regulator.case_tables import CaseRow, CaseViolation
from kitchenvision.regulator.decisions import State, Step, StepOutOfTurn, Verdict, check, state_after
from kitchenvision.regulator.tables import DecisionRow, Person, ViolationRow


@dataclass(frozen=True)
class Decision:
    """One row of the history. `follows` is the decision before it, 0 for the first."""

    decision_id: int
    violation_id: str
    follows: int
    verdict: Verdict
    reason: int | None
    note: str
    username: str
    decided_at: datetime


class DecidedMeanwhile(KitchenvisionError):
    """Somebody else decided after the page was shown.

    Args:
        newest: their decision; None when it cannot be read yet.
    """

    def __init__(self, newest: Decision | None) -> None:
        who = "somebody else" if newest is None else newest.username
        super().__init__(f"{who} decided meanwhile")
        self.newest = newest


class NoSuchViolation(KitchenvisionError):
    """There is no violation with that id."""


def decisions(session: Session, scope: Scope, violation_id: str) -> list[Decision]:
    """The whole history, oldest first."""
    rows = session.execute(
        select(DecisionRow, Person.username)
        .join(Person, Person.person_id == DecisionRow.person_id)
        .join(ViolationRow, ViolationRow.violation_id == DecisionRow.violation_id)
        .where(DecisionRow.violation_id == violation_id, scope.covers(ViolationRow.canteen_id))
        .order_by(DecisionRow.decision_id)
    )
    return [
        Decision(
            decision_id=row.decision_id,
            violation_id=row.violation_id,
            follows=row.follows,
            verdict=Verdict(row.verdict),
            reason=row.reason,
            note=row.note,
            username=username,
            decided_at=row.decided_at,
        )
        for row, username in rows
    ]


def decide(session: Session, scope: Scope, seen: tuple[str, int], step: Step, person_id: int, now: datetime) -> int:
    """Add one step to the history; its number.

    Args:
        seen: violation id, and the newest decision (0: none) that the person saw when deciding.

    Raises:
        NoSuchViolation, DecidedMeanwhile, decisions.StepRefused, decisions.StepOutOfTurn.
    """
    violation_id, follows = seen
    violation = session.scalar(*scope.asks(_decided, violation_id=violation_id))
    if violation is None or not scope.may(Right.DECIDE):
        raise NoSuchViolation(violation_id)
    before: list[Decision] = []
    if violation.decision_id:  # nothing rests on what nobody has decided
        resting = session.scalar(
            select(CaseRow.number)
            .join(CaseViolation, CaseViolation.case_id == CaseRow.case_id)
            .where(CaseViolation.violation_id == violation_id, CaseRow.state != "overturned")
        )
        if resting is not None:
            raise StepOutOfTurn(f"case {resting} rests on it; only an appeal can overturn it")
        before = decisions(session, scope, violation_id)
    newest = before[-1] if before else None
    try:
        check(State(violation.state), step)
    except StepOutOfTurn:
        if violation.decision_id != follows:
            raise DecidedMeanwhile(newest) from None
        raise
    if violation.decision_id != follows:
        raise DecidedMeanwhile(newest)
    row = {"violation_id": violation_id, "follows": follows, "verdict": step.verdict.value, "reason": step.reason}
    row |= {"note": step.note.strip(), "person_id": person_id, "decided_at": now}
    try:
        decision_id = int(session.connection().execute(_NEW, row).scalar_one())
    except IntegrityError as error:
        raise DecidedMeanwhile(None) from error
    violation.decision_id = decision_id
    violation.state = state_after([*(one.verdict for one in before), step.verdict]).value
    return decision_id


_NEW = insert(DecisionRow).returning(DecisionRow.decision_id)


@cache
def _decided(shape: Shape) -> Select[ViolationRow]:
    own = ViolationRow.violation_id == bindparam("violation_id"), shape.covers(ViolationRow.canteen_id)
    return select(ViolationRow).where(*own).with_for_update()
