"""Where two models differ: heads are matched by place, answers by their likeliest word, violations by time."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.comparison import counted, differences, matched, violations_apart

HERE, THERE = (10.0, 10.0, 50.0, 60.0), (200.0, 10.0, 240.0, 60.0)
BOXES = st.lists(
    st.tuples(*[st.floats(0, 90)] * 2).map(lambda at: {"xyxy": (at[0], at[1], at[0] + 10, at[1] + 10)}), max_size=6
)


def head(xyxy: Any = HERE, bare: float = 0.1, worn: float = 0.9, confidence: float = 0.9) -> dict[str, Any]:
    return {
        "xyxy": list(xyxy),
        "confidence": confidence,
        "hat": {"covered": 1 - bare, "bare": bare, "cannot_judge": 0.0},
        "mask": {"worn": worn, "incorrect": 0.0, "none": 1 - worn, "cannot_judge": 0.0},
    }


def row(*heads: dict[str, Any], cigarettes: tuple[Any, ...] = ()) -> dict[str, Any]:
    return {"heads": list(heads), "cigarettes": [{"xyxy": list(c), "confidence": 0.8} for c in cigarettes]}


def violation(rule: str = "no_hat", at_s: float = 4.0, person: Any = HERE, video: str = "a.mp4") -> dict[str, Any]:
    return {"video": video, "rule_id": rule, "confirmed_s": at_s, "person_xyxy": person}


def test_the_same_answers_differ_in_nothing() -> None:
    assert differences(row(head(), cigarettes=(THERE,)), row(head(), cigarettes=(THERE,))) == []


def test_a_head_that_one_calls_bare_and_the_other_covered_is_a_difference_of_hats() -> None:
    (one,) = differences(row(head(bare=0.9)), row(head((12.0, 11.0, 51.0, 62.0))))
    assert (one.what, one.a, one.b, one.xyxy) == ("hat", "bare", "covered", HERE)


def test_a_head_that_only_one_finds_is_told_with_whose_it_is() -> None:
    found = differences(row(head(), head(THERE)), row(head()))
    assert [(d.what, d.a, d.b, d.xyxy) for d in found] == [("head", "found", "", THERE)]
    found = differences(row(), row(head(THERE)))
    assert [(d.what, d.a, d.b) for d in found] == [("head", "", "found")]


def test_who_is_hardly_seen_by_a_model_is_in_nobodys_answer() -> None:
    assert differences(row(head(confidence=0.1)), row()) == []


def test_cigarettes_are_compared_too() -> None:
    found = differences(row(cigarettes=(HERE,)), row(cigarettes=(THERE,)))
    assert [(d.what, d.a, d.b) for d in found] == [("cigarette", "found", ""), ("cigarette", "", "found")]


def test_counts_say_how_often_each_pair_of_answers_differs() -> None:
    found = differences(row(head(bare=0.9), head(THERE, bare=0.9)), row(head(), head(THERE)))
    assert counted(found) == {"hat": {("bare", "covered"): 2}}


@given(BOXES, BOXES)
def test_every_box_is_matched_at_most_once_and_none_is_lost(a: list[Any], b: list[Any]) -> None:
    pairs, only_a, only_b = matched(a, b, 0.4)
    assert len(pairs) + len(only_a) == len(a)
    assert len(pairs) + len(only_b) == len(b)
    assert len({id(x) for x, _ in pairs}) == len({id(y) for _, y in pairs}) == len(pairs)


def test_violations_are_the_same_by_video_rule_place_and_time() -> None:
    here = violation()
    shared, only_a, only_b = violations_apart([here, violation("no_mask")], [violation(at_s=6.0)])
    assert (shared, only_a, only_b) == (1, [violation("no_mask")], [])
    for other in (violation(at_s=40.0), violation(person=THERE), violation(video="b.mp4")):
        assert violations_apart([here], [other]) == (0, [here], [other])
