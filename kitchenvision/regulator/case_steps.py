"""The life of a case, as a pure state machine: no clock, no input, no output. Instants are aware and passed in.

    (none) -opened-> NOTIFIED -answered-> ANSWERED -accepted-> CLOSED
                        ^                  |
                        |               returned
                        |                  v
                        +----answered-- RETURNED

From each of these the canteen may appeal, once and within a term: APPEALED. Somebody without part in the decision
upholds it (back to where it was, with as much time as was left) or overturns it (OVERTURNED, the end).
`migrations/versions/0003_cases.py` holds the same steps as triggers; a test compares both.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from kitchenvision.errors import KitchenvisionError

LONGEST_WORDS = 2000


class CaseState(StrEnum):
    """Who is to act: the canteen (notified, returned), the inspector (answered), another one (appealed)."""

    NOTIFIED = "notified"
    ANSWERED = "answered"
    RETURNED = "returned"
    CLOSED = "closed"
    APPEALED = "appealed"
    OVERTURNED = "overturned"


class Kind(StrEnum):
    """What happened."""

    OPENED = "opened"
    ANSWERED = "answered"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    APPEALED = "appealed"
    UPHELD = "upheld"
    OVERTURNED = "overturned"


class Card(StrEnum):
    """What being late brings."""

    NONE = "none"
    YELLOW = "yellow"
    RED = "red"


WITH_CANTEEN = frozenset({CaseState.NOTIFIED, CaseState.RETURNED})
APPEALABLE = (CaseState.NOTIFIED, CaseState.ANSWERED, CaseState.RETURNED, CaseState.CLOSED)
BY_CANTEEN = frozenset({Kind.ANSWERED, Kind.APPEALED})
# (state before, what happens) -> state after. `UPHELD` leads back to the state before the appeal.
STEPS: frozenset[tuple[CaseState | None, Kind, CaseState]] = frozenset(
    {
        (None, Kind.OPENED, CaseState.NOTIFIED),
        (CaseState.NOTIFIED, Kind.ANSWERED, CaseState.ANSWERED),
        (CaseState.RETURNED, Kind.ANSWERED, CaseState.ANSWERED),
        (CaseState.ANSWERED, Kind.RETURNED, CaseState.RETURNED),
        (CaseState.ANSWERED, Kind.ACCEPTED, CaseState.CLOSED),
        *((state, Kind.APPEALED, CaseState.APPEALED) for state in APPEALABLE),
        *((CaseState.APPEALED, Kind.UPHELD, state) for state in APPEALABLE),
        (CaseState.APPEALED, Kind.OVERTURNED, CaseState.OVERTURNED),
    }
)


@dataclass(frozen=True)
class CasePolicy:
    """Days that a case takes.

    Attributes:
        rectify_days: from the notice to the deadline, by rule; `other_days` for the others.
        returned_days: for another try after an answer was returned.
        appeal_days: from the notice, within which the canteen may appeal.
        yellow_days, red_days: overdue for so long: the card.
    """

    rectify_days: Mapping[str, float] = field(default_factory=lambda: {"smoking": 3.0})
    other_days: float = 7.0
    returned_days: float = 3.0
    appeal_days: float = 10.0
    yellow_days: float = 5.0
    red_days: float = 10.0

    def deadline(self, rule_id: str, at: datetime) -> datetime:
        """Until when a violation of that rule is to be rectified, for a notice of that instant."""
        return at + timedelta(days=self.rectify_days.get(rule_id, self.other_days))


@dataclass(frozen=True)
class CaseEvent:
    """One row of the history. `state` is the one after it; `deadline_at` is set while the canteen is to act."""

    kind: Kind
    state: CaseState
    person_id: int
    at: datetime
    words: str = ""
    photo_sha256: str | None = None
    deadline_at: datetime | None = None


@dataclass(frozen=True)
class CaseStep:
    """What somebody wants to do. All but an acceptance need words, a canteen's answer a photo too.

    `reason` is that of the rejection which overturning brings (`decisions.Step`), None for "other".
    """

    kind: Kind
    person_id: int
    words: str = ""
    photo_sha256: str | None = None
    reason: int | None = None


class CaseStepRefused(KitchenvisionError):
    """The case does not allow the step.

    Args:
        why: out_of_turn, too_late, appealed_before, same_person, no_words, no_photo, too_long, too_early.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the case does not allow this step: {why}")
        self.why = why


def follow(
    history: Sequence[CaseEvent], step: CaseStep, now: datetime, deciders: Collection[int], policy: CasePolicy
) -> CaseEvent:
    """The event that the step makes.

    Args:
        history: of the case, oldest first, not empty. deciders: who had a part in the decision that is appealed.

    Raises:
        CaseStepRefused.
    """
    refused = why_not(history, step, now, deciders, policy)
    if refused is not None:
        raise CaseStepRefused(refused)
    after = _after(history, step.kind)
    return CaseEvent(
        step.kind,
        after,
        step.person_id,
        now,
        step.words.strip(),
        step.photo_sha256,
        _deadline(history, step.kind, after, now, policy),
    )


def why_not(
    history: Sequence[CaseEvent], step: CaseStep, now: datetime, deciders: Collection[int], policy: CasePolicy
) -> str | None:
    """Why the step is refused, as in `CaseStepRefused`; None when it is allowed."""
    blocked = blocked_because(history, step.kind, now, policy)
    if blocked is not None:
        return blocked
    if step.kind in (Kind.UPHELD, Kind.OVERTURNED) and step.person_id in deciders:
        return "same_person"
    if not step.words.strip() and step.kind is not Kind.ACCEPTED:
        return "no_words"
    if len(step.words) > LONGEST_WORDS:
        return "too_long"
    if step.kind is Kind.ANSWERED and step.photo_sha256 is None:
        return "no_photo"
    return None


def blocked_because(history: Sequence[CaseEvent], kind: Kind, now: datetime, policy: CasePolicy) -> str | None:
    """Why nobody can do that now, whatever he says; None when it is open."""
    newest = history[-1]
    if not any(before is newest.state and what is kind for before, what, _ in STEPS):
        return "out_of_turn"
    if now < newest.at:
        return "too_early"
    if kind is Kind.APPEALED:
        if any(event.kind is Kind.APPEALED for event in history):
            return "appealed_before"
        if now > appeal_until(history, policy):
            return "too_late"
    return None


def appeal_until(history: Sequence[CaseEvent], policy: CasePolicy) -> datetime:
    """The end of the appeal's term."""
    return history[0].at + timedelta(days=policy.appeal_days)


def overdue_days(history: Sequence[CaseEvent], now: datetime) -> float:
    """Days, at the worst so far, by which the canteen was late. None count while others are to act."""
    if history[-1].state is CaseState.OVERTURNED:
        return 0.0
    worst = 0.0
    for event, until in zip(history, [*(later.at for later in history[1:]), now], strict=True):
        if event.deadline_at is not None:
            worst = max(worst, (until - event.deadline_at) / timedelta(days=1))
    return worst


def card(history: Sequence[CaseEvent], now: datetime, policy: CasePolicy) -> Card:
    """The card that the case has earned until now; an overturned one has none."""
    late = overdue_days(history, now)
    if late >= policy.red_days:
        return Card.RED
    return Card.YELLOW if late >= policy.yellow_days else Card.NONE


def _after(history: Sequence[CaseEvent], kind: Kind) -> CaseState:
    if kind is Kind.UPHELD:
        return before_appeal(history).state
    return next(after for before, what, after in STEPS if before is history[-1].state and what is kind)


def before_appeal(history: Sequence[CaseEvent]) -> CaseEvent:
    """The newest event before the newest appeal."""
    newest = max(i for i, event in enumerate(history) if event.kind is Kind.APPEALED)
    return history[newest - 1]


def _deadline(
    history: Sequence[CaseEvent], kind: Kind, after: CaseState, now: datetime, policy: CasePolicy
) -> datetime | None:
    if after not in WITH_CANTEEN:
        return None
    if kind is Kind.RETURNED:
        return now + timedelta(days=policy.returned_days)
    # Upheld: the clock stood still during the appeal, so what was left (or missing) then is left now.
    was = before_appeal(history)
    return None if was.deadline_at is None else now + (was.deadline_at - history[-1].at)
