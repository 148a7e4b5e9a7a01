"""How a scan is measured against exact truth."""

import json
from pathlib import Path
from typing import Any

import pytest

from kitchenvision.errors import SourceUnreadable
from kitchenvision.evaluate import Incident, RuleScore, Truth, merged, read_truth, score_clip

BOX = (100.0, 100.0, 200.0, 400.0)
ELSEWHERE = (500.0, 100.0, 600.0, 400.0)


def truth(*spans: tuple[str, int, float, float], seconds: int = 60) -> Truth:
    times = tuple(float(t) for t in range(seconds))
    return Truth(times, tuple({1: BOX, 2: ELSEWHERE} for _ in times), merged(spans))


def row(rule: str, at: float, box: tuple[float, ...] = BOX, track: int = 1) -> dict[str, Any]:
    return {"rule_id": rule, "confirmed_s": at, "person_xyxy": list(box), "track_id": track}


def scored(what: Truth, *rows: dict[str, Any]) -> RuleScore:
    scores = {"no_hat": RuleScore(), "no_mask": RuleScore(), "smoking": RuleScore()}
    score_clip("clip", what, rows, scores)
    return scores["no_hat"]


def counts(score: RuleScore) -> tuple[int, int, int, int, int]:
    return score.incidents, score.found, score.missed, score.invented, score.repeated


def test_a_violation_within_the_incident_finds_it_and_tells_how_long_it_took() -> None:
    score = scored(truth(("no_hat", 1, 10, 30)), row("no_hat", 13.5))
    assert counts(score) == (1, 1, 0, 0, 0)
    assert score.seconds == [3.5]


def test_an_incident_that_nobody_found_is_missed_and_named() -> None:
    score = scored(truth(("no_hat", 1, 10, 30)))
    assert counts(score) == (1, 0, 1, 0, 0)
    assert "missed no_hat of person 1 from 10.00 s" in score.notes[0]


def test_a_violation_of_another_person_is_invented_and_the_incident_missed() -> None:
    assert counts(scored(truth(("no_hat", 1, 10, 30)), row("no_hat", 13, ELSEWHERE))) == (1, 0, 1, 1, 0)


def test_a_violation_of_another_rule_does_not_find_it() -> None:
    assert counts(scored(truth(("no_hat", 1, 10, 30)), row("no_mask", 13))) == (1, 0, 1, 0, 0)


def test_a_second_violation_of_one_incident_is_repeated() -> None:
    score = scored(truth(("no_hat", 1, 10, 30)), row("no_hat", 13), row("no_hat", 20, track=7))
    assert counts(score) == (1, 1, 0, 0, 1)


@pytest.mark.parametrize(("at", "invented"), [(9.4, 1), (9.6, 0), (31.9, 0), (32.1, 1)])
def test_half_a_second_before_and_two_after_still_count(at: float, invented: int) -> None:
    assert scored(truth(("no_hat", 1, 10, 30)), row("no_hat", at)).invented == invented


def test_intervals_less_than_thirty_seconds_apart_are_one_incident() -> None:
    assert merged([("no_hat", 1, 0, 3), ("no_hat", 1, 32, 40)]) == (Incident("no_hat", 1, ((0, 3), (32, 40))),)
    assert len(merged([("no_hat", 1, 0, 3), ("no_hat", 1, 33, 40)])) == 2
    assert len(merged([("no_hat", 1, 0, 3), ("no_hat", 2, 5, 9)])) == 2


def test_an_incident_too_short_to_be_due_may_be_missed_or_found() -> None:
    short = truth(("no_hat", 1, 10, 13))
    assert counts(scored(short)) == (0, 0, 0, 0, 0)
    assert counts(scored(short, row("no_hat", 12))) == (1, 1, 0, 0, 0)


def test_short_intervals_add_up_to_a_due_incident() -> None:
    assert counts(scored(truth(("no_hat", 1, 10, 12), ("no_hat", 1, 20, 22)))) == (1, 0, 1, 0, 0)


def test_truth_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    person = {"id": 3, "person": [1, 2, 3, 4]}
    frames = [{"t": 0.0, "people": [person]}, {"t": 1.0, "people": []}]
    path.write_text(
        json.dumps({"frames": frames, "incidents": [{"rule": "smoking", "person": 3, "from": 0, "to": 9}]})
    )
    read = read_truth(path)
    assert read.person_at(3, 0.2) == (1, 2, 3, 4)
    assert read.person_at(3, 0.9) is None
    assert read.incidents == (Incident("smoking", 3, ((0.0, 9.0),)),)


@pytest.mark.parametrize("text", ["", "[]", '{"frames": []}', '{"frames": [{"t": "x"}], "incidents": []}'])
def test_a_file_that_is_no_truth_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(SourceUnreadable, match=r"b\.json"):
        read_truth(path)
