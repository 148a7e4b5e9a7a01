"""How a scan is measured where people stand close together, and that the counts add up whatever was found."""

import itertools
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.evaluate import RuleScore, Truth, merged, score_clip
from kitchenvision.types import Xyxy

RULES = ("no_hat", "no_mask", "smoking")
LEFT: Xyxy = (100.0, 100.0, 200.0, 400.0)
RIGHT: Xyxy = (150.0, 100.0, 250.0, 400.0)  # a third of the one's box is the other's
SPANS = st.lists(
    st.tuples(st.sampled_from(RULES), st.integers(1, 2), st.floats(0, 100), st.floats(0.1, 60)).map(
        lambda span: (span[0], span[1], span[2], span[2] + span[3])
    ),
    max_size=6,
)
ROWS = st.lists(
    st.tuples(st.sampled_from(RULES), st.floats(0, 170), st.sampled_from([LEFT, RIGHT, (500.0, 0.0, 600.0, 90.0)])),
    max_size=8,
)


def truth(spans: list[tuple[str, int, float, float]]) -> Truth:
    """Person 1 on the left, person 2 close beside."""
    times = tuple(float(t) for t in range(200))
    return Truth(times, tuple({1: LEFT, 2: RIGHT} for _ in times), merged(spans))


def row(rule: str, at: float, box: Xyxy) -> dict[str, Any]:
    return {"rule_id": rule, "confirmed_s": at, "person_xyxy": list(box), "track_id": 1}


def scored(what: Truth, rows: list[dict[str, Any]]) -> dict[str, RuleScore]:
    scores = {rule: RuleScore() for rule in RULES}
    score_clip("clip", what, rows, scores)
    return scores


def counts(score: RuleScore) -> tuple[int, int, int, int, int]:
    return score.incidents, score.found, score.missed, score.invented, score.repeated


def test_two_who_stand_close_are_both_found_by_their_own_violation() -> None:
    both = truth([("no_hat", 1, 10, 30), ("no_hat", 2, 10, 30)])
    for rows in (
        [row("no_hat", 14, LEFT), row("no_hat", 15, RIGHT)],
        [row("no_hat", 14, RIGHT), row("no_hat", 15, LEFT)],
    ):
        assert counts(scored(both, rows)["no_hat"]) == (2, 2, 0, 0, 0)


def test_one_who_is_accused_twice_finds_nobody_beside() -> None:
    both = truth([("no_hat", 1, 10, 30), ("no_hat", 2, 10, 30)])
    found = scored(both, [row("no_hat", 14, LEFT), row("no_hat", 20, LEFT)])["no_hat"]
    assert counts(found) == (2, 1, 1, 0, 1)
    assert "missed no_hat of person 2" in found.notes[-1]


def test_only_who_is_in_fault_is_found_by_a_box_between_the_two() -> None:
    assert counts(scored(truth([("no_hat", 2, 10, 30)]), [row("no_hat", 14, LEFT)])["no_hat"]) == (1, 1, 0, 0, 0)


@given(SPANS, ROWS)
def test_every_row_is_counted_once_and_every_due_incident_is_found_or_missed(
    spans: list[tuple[str, int, float, float]], found: list[tuple[str, float, Xyxy]]
) -> None:
    what, rows = truth(spans), [row(*one) for one in found]
    for rule, score in scored(what, rows).items():
        own = [one for one in what.incidents if one.rule_id == rule]
        assert score.found + score.repeated + score.invented == len([one for one in rows if one["rule_id"] == rule])
        assert score.found + score.missed == score.incidents
        assert len([one for one in own if one.due]) <= score.incidents <= len(own)
        assert score.missed <= len([one for one in own if one.due])
        assert len(score.seconds) == score.found
        assert all(seconds >= 0 for seconds in score.seconds)
        assert len(score.notes) == score.missed + score.repeated + score.invented


@given(SPANS, ROWS, st.integers())
def test_the_order_of_the_rows_does_not_matter(
    spans: list[tuple[str, int, float, float]], found: list[tuple[str, float, Xyxy]], seed: int
) -> None:
    rows = [row(*one) for one in dict.fromkeys(found)]
    shuffled = random.Random(seed).sample(rows, len(rows))
    one, other = scored(truth(spans), rows), scored(truth(spans), shuffled)
    assert {rule: counts(score) for rule, score in one.items()} == {rule: counts(s) for rule, s in other.items()}


@given(SPANS)
def test_merging_loses_no_span_and_leaves_no_two_incidents_of_one_state_close_together(
    spans: list[tuple[str, int, float, float]],
) -> None:
    incidents = merged(spans)
    told = [(one.rule_id, one.person, *span) for one in incidents for span in one.intervals]
    assert sorted(told) == sorted(spans)
    ordered = sorted(incidents, key=lambda one: (one.rule_id, one.person, one.intervals[0]))
    for one, later in itertools.pairwise(ordered):
        if (one.rule_id, one.person) == (later.rule_id, later.person):
            assert later.intervals[0][0] - max(end for _, end in one.intervals) >= 30.0


def test_a_short_span_within_a_long_one_does_not_end_the_incident() -> None:
    (incident,) = merged([("no_hat", 1, 0, 50), ("no_hat", 1, 10, 20), ("no_hat", 1, 60, 70)])
    assert incident.intervals == ((0, 50), (10, 20), (60, 70))


def test_a_person_who_is_not_in_the_picture_cannot_have_been_accused() -> None:
    what = Truth((0.0, 1.0, 30.0), ({1: LEFT}, {}, {1: LEFT}), merged([("no_hat", 1, 0, 60)]))
    assert counts(scored(what, [row("no_hat", 1.2, LEFT)])["no_hat"]) == (1, 0, 1, 1, 0)
    assert counts(scored(what, [row("no_hat", 0.2, LEFT)])["no_hat"]) == (1, 1, 0, 0, 0)
    assert Truth((), (), ()).person_at(1, 0.0) is None


def test_the_seconds_are_told_as_median_and_most() -> None:
    assert RuleScore(seconds=[5.0, 1.0, 3.004]).row()["seconds_to_confirm_median"] == 3.0
    assert RuleScore(seconds=[5.0, 1.0, 3.004]).row()["seconds_to_confirm_most"] == 5.0
    assert RuleScore().row()["seconds_to_confirm_median"] is None
