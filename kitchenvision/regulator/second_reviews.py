"""Second looks: a sample of decisions and every one of a serious rule is judged again by another person.

The second person does not see the first decision. Nothing changes by it: where the two differ, somebody withdraws
the decision and decides anew, or lets it stand. What it gives is a measure: how often people agree, on what not.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from kitchenvision.errors import KitchenvisionError
from kitchenvision.regulator.access import Right, Scope
from kitchenvision.regulator.decisions import State, Step, Verdict, check
from kitchenvision.regulator.review_tables import SecondReview
from kitchenvision.regulator.tables import DecisionRow, Person, ViolationRow

VERDICTS = (Verdict.CONFIRMED, Verdict.REJECTED, Verdict.CANNOT_TELL)
LISTED = 50
MOST_COUNTED = 100


@dataclass(frozen=True)
class SecondPolicy:
    """What is looked at twice.

    Attributes:
        serious_rules: every decision on these. share: of all others, 0..1; which ones, the violation's id says.
        within_days: older violations are not asked for any more.
    """

    serious_rules: frozenset[str] = frozenset({"smoking"})
    share: float = 0.1
    within_days: float = 30.0

    def below(self) -> str:
        """Ids, which are hashes in hexadecimal digits, below this word are in the sample."""
        return "g" if self.share >= 1 else f"{int(max(self.share, 0.0) * 2**32):08x}"


class NoSecondLook(KitchenvisionError):
    """It is not this person's to look at again: not decided, decided by them, looked at already, or not there."""


def due(row: type[ViolationRow] | Any, person_id: int, now: datetime, policy: SecondPolicy) -> ColumnElement[bool]:
    """The condition that a violation waits for a second look of that person.

    Args:
        row: the table, or an alias of it.
    """
    by_another = exists().where(DecisionRow.decision_id == row.decision_id, DecisionRow.person_id != person_id)
    seen = exists().where(SecondReview.decision_id == row.decision_id)
    return and_(
        row.state != State.OPEN.value,
        row.captured_at >= now - timedelta(days=policy.within_days),
        or_(row.rule_id.in_(sorted(policy.serious_rules)), row.violation_id < policy.below()),
        by_another,
        ~seen,
    )


def count_due(session: Session, scope: Scope, person_id: int, now: datetime, policy: SecondPolicy) -> int:
    """How many incidents wait for a second look of that person; `MOST_COUNTED` stands for so many or more."""
    query = select(ViolationRow.incident_id).where(
        scope.covers(ViolationRow.canteen_id), due(ViolationRow, person_id, now, policy)
    )
    # To count them all would take a second where many wait; an incident has seldom more than a few violations.
    newest = query.order_by(ViolationRow.captured_at.desc(), ViolationRow.violation_id.desc())
    found = set(session.scalars(newest.limit(4 * MOST_COUNTED)))
    return min(len(found), MOST_COUNTED)


def look_again(
    session: Session, scope: Scope, seen: tuple[str, int], step: Step, person_id: int, now: datetime
) -> None:
    """Keep what a second person makes of a violation.

    Args:
        seen: violation id, and the decision that holds.

    Raises:
        NoSecondLook. decisions.StepRefused: the step is not complete.
    """
    violation_id, decision_id = seen
    check(State.OPEN, step)
    row = session.execute(
        select(ViolationRow, DecisionRow.person_id)
        .join(DecisionRow, DecisionRow.decision_id == ViolationRow.decision_id)
        .where(ViolationRow.violation_id == violation_id, scope.covers(ViolationRow.canteen_id))
    ).first()
    if row is None or not scope.may(Right.DECIDE) or step.verdict is Verdict.WITHDRAWN:
        raise NoSecondLook(violation_id)
    violation, first_person = row
    if violation.decision_id != decision_id or violation.state == State.OPEN or first_person == person_id:
        raise NoSecondLook(violation_id)
    session.add(
        SecondReview(
            decision_id=decision_id,
            violation_id=violation_id,
            verdict=step.verdict.value,
            reason=step.reason,
            note=step.note.strip(),
            person_id=person_id,
            reviewed_at=now,
        )
    )
    try:
        session.flush()
    except IntegrityError as error:
        raise NoSecondLook(violation_id) from error


@dataclass(frozen=True)
class Pair:
    """Both verdicts on one violation. `holds`: the first decision has not been withdrawn since."""

    violation_id: str
    rule_id: str
    first: str
    second: str
    first_name: str
    second_name: str
    reviewed_at: datetime
    holds: bool


@dataclass(frozen=True)
class Agreement:
    """How often two people agreed.

    Attributes:
        counts: (first, second verdict) -> how often.
    """

    counts: dict[tuple[str, str], int]

    @property
    def total(self) -> int:
        """Second looks."""
        return sum(self.counts.values())

    @property
    def agreed(self) -> int:
        """Those with the same verdict."""
        return sum(n for (first, second), n in self.counts.items() if first == second)

    @property
    def share(self) -> float | None:
        """0..1, None without any."""
        return self.agreed / self.total if self.total else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: agreement beyond chance, at most 1 (Cohen 1960); None where chance alone would agree."""
        if not self.total:
            return None
        firsts, seconds = Counter[str](), Counter[str]()
        for (first, second), n in self.counts.items():
            firsts[first] += n
            seconds[second] += n
        chance = sum(firsts[verdict] * seconds[verdict] for verdict in firsts) / self.total**2
        return None if chance >= 1 else (self.agreed / self.total - chance) / (1 - chance)


def pairs(session: Session, scope: Scope, since: datetime) -> list[Pair]:
    """Second looks since then, the newest first."""
    second = aliased(Person)
    query = (
        select(SecondReview, ViolationRow, DecisionRow.verdict, Person.username, second.username)
        .join(ViolationRow, ViolationRow.violation_id == SecondReview.violation_id)
        .join(DecisionRow, DecisionRow.decision_id == SecondReview.decision_id)
        .join(Person, Person.person_id == DecisionRow.person_id)
        .join(second, second.person_id == SecondReview.person_id)
        .where(scope.covers(ViolationRow.canteen_id), SecondReview.reviewed_at >= since)
        .order_by(SecondReview.reviewed_at.desc(), SecondReview.decision_id.desc())
    )
    return [
        Pair(
            look.violation_id,
            row.rule_id,
            verdict,
            look.verdict,
            first_name,
            second_name,
            look.reviewed_at,
            row.decision_id == look.decision_id,
        )
        for look, row, verdict, first_name, second_name in session.execute(query)
    ]


def agreement(found: Iterable[Pair]) -> Agreement:
    """Of these."""
    return Agreement(dict(Counter((one.first, one.second) for one in found)))
