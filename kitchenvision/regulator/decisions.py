"""DECISION: what may be decided when. Pure functions of the history; nothing is ever deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kitchenvision.errors import KitchenvisionError

OTHER_REASON = 6
REASONS = range(1, OTHER_REASON + 1)
LONGEST_NOTE = 500


class Verdict(StrEnum):
    """One row of the history."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    CANNOT_TELL = "cannot_tell"
    WITHDRAWN = "withdrawn"


class State(StrEnum):
    """What the history adds up to."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Step:
    """What somebody wants to add to the history.

    Attributes:
        verdict: what is decided, or that the newest decision is withdrawn.
        reason: 1..6 for a rejection (1 hat or mask was on, 2 not a person, 3 not a worker, 4 another object,
            5 the picture does not show it, 6 other), else None.
        note: free text; required for reason 6.
    """

    verdict: Verdict
    reason: int | None = None
    note: str = ""


class StepRefused(KitchenvisionError):
    """The step itself is not complete, whatever the history: `field` says where.

    Args:
        field: verdict, reason or note. problem: what is expected.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem


class StepOutOfTurn(KitchenvisionError):
    """The history does not allow the step: already decided, or nothing to withdraw."""


def state_after(history: Sequence[Verdict]) -> State:
    """The state after these verdicts, oldest first."""
    if not history or history[-1] is Verdict.WITHDRAWN:
        return State.OPEN
    return State(history[-1].value)


def check(state: State, step: Step) -> None:
    """Whether the step may follow. To change a decision it is withdrawn first, so both stay visible.

    Raises:
        StepRefused: the step is not complete. StepOutOfTurn: not in this state.
    """
    if step.verdict is Verdict.REJECTED:
        if step.reason not in REASONS:
            raise StepRefused("reason", f"a rejection needs a reason from 1 to {OTHER_REASON}")
        if step.reason == OTHER_REASON and not step.note.strip():
            raise StepRefused("note", f"reason {OTHER_REASON} needs a note")
    elif step.reason is not None:
        raise StepRefused("reason", "only a rejection has a reason")
    if len(step.note) > LONGEST_NOTE:
        raise StepRefused("note", f"at most {LONGEST_NOTE} characters")
    if step.verdict is Verdict.WITHDRAWN and state is State.OPEN:
        raise StepOutOfTurn("there is no decision to withdraw")
    if step.verdict is not Verdict.WITHDRAWN and state is not State.OPEN:
        raise StepOutOfTurn("it is decided already; withdraw that first")
