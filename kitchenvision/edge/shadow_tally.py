"""What two models say of the same frames, counted: verdicts person by person, and what each would have reported.

Pure: observations and violations in, counts out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kitchenvision.comparison import SAME_HEAD, SAME_VIOLATION_S, matched, violations_apart
from kitchenvision.types import Observation, Verdict, Violation
from kitchenvision.wire_box import ShadowRule

Row = Mapping[str, Any]


class Tally:
    """Counts over all cameras.

    Args:
        rules: what was counted before, such as by a run that was killed.
    """

    def __init__(self, rules: Iterable[ShadowRule] = ()) -> None:
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        for rule in rules:
            self._counts[rule.rule_id].update(rule.model_dump(exclude={"rule_id"}))

    def looks(self, old: Sequence[Observation], new: Sequence[Observation]) -> None:
        """One frame: only heads at which both have looked can differ."""
        for rule_id in {look.rule_id for look in old} & {look.rule_id for look in new}:
            count = self._counts[rule_id]
            pairs, _, _ = matched(_rows(old, rule_id), _rows(new, rule_id), SAME_HEAD)
            for one, other in pairs:
                said = one["verdict"], other["verdict"]
                if Verdict.CANNOT_JUDGE not in said:
                    count["both"] += 1
                    count["opposite"] += said[0] is not said[1]
                elif said[0] is not said[1]:
                    count["only_new" if said[0] is Verdict.CANNOT_JUDGE else "only_old"] += 1

    def turn(self, old: Sequence[Violation], new: Sequence[Violation], until_s: float) -> None:
        """What each would have reported of one camera in a row of frames that ended at `until_s`, media time.

        What one alone confirmed shortly before the end is not counted: the other had no time to.
        """
        sides = [[_row(violation) for violation in each] for each in (old, new)]
        for rule_id in {row["rule_id"] for side in sides for row in side}:
            a, b = ([row for row in side if row["rule_id"] == rule_id] for side in sides)
            shared, only_a, only_b = violations_apart(a, b)
            count = self._counts[rule_id]
            count["confirmed_both"] += shared
            count["confirmed_old"] += _settled(only_a, until_s)
            count["confirmed_new"] += _settled(only_b, until_s)

    def rules(self) -> tuple[ShadowRule, ...]:
        """By rule id."""
        return tuple(ShadowRule(rule_id=rule, **self._counts[rule]) for rule in sorted(self._counts))


def _rows(looks: Sequence[Observation], rule_id: str) -> list[Row]:
    return [{"xyxy": one.head_xyxy, "verdict": one.verdict} for one in looks if one.rule_id == rule_id]


def _row(violation: Violation) -> Row:
    return {
        "video": "",
        "rule_id": violation.rule_id,
        "confirmed_s": violation.confirmed_s,
        "person_xyxy": violation.looks[-1].person_xyxy,
    }


def _settled(rows: Sequence[Row], until_s: float) -> int:
    return sum(row["confirmed_s"] <= until_s - SAME_VIOLATION_S for row in rows)
