"""The golden clips: scenes of their own that no model has seen, with a truth that is exact."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Run

from kitchenvision.evaluate import read_truth

Runner = Callable[..., Run]
GOLDEN = Path(__file__).parents[1] / "golden"
DUE = {
    "G1": set(),
    "G2": {("no_hat", 1), ("no_mask", 2)},
    "G3": {("smoking", 1), ("no_mask", 1)},
}


@pytest.mark.parametrize("name", sorted(DUE))
def test_the_truth_says_what_the_script_says(name: str) -> None:
    truth = read_truth(GOLDEN / f"{name}.json")
    assert {(i.rule_id, i.person) for i in truth.incidents if i.due} == DUE[name]


@pytest.mark.parametrize("name", sorted(DUE))
def test_boxes_lie_in_the_picture_and_heads_on_their_persons(name: str) -> None:
    raw = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    persons = [person for frame in raw["frames"] for person in frame["people"]]
    assert len(persons) > len(raw["frames"])
    for person in persons:
        x0, y0, x1, y1 = person["person"]
        assert 0 <= x0 < x1 <= raw["width"]
        assert 0 <= y0 < y1 <= raw["height"]
        if person["head"] and person["head_fraction"] > 0.5:
            assert x0 - 5 <= (person["head"][0] + person["head"][2]) / 2 <= x1 + 5


def test_the_clips_are_small_and_their_origin_is_told() -> None:
    told = (GOLDEN / "SOURCES.md").read_text("utf-8")
    clips = sorted(GOLDEN.glob("*.mp4"))
    assert [clip.stem for clip in clips] == sorted(DUE)
    for clip in clips:
        assert clip.stat().st_size < 1_000_000
        assert f"| {clip.stem} |" in told


@pytest.mark.slow
def test_the_shipped_model_invents_nothing_on_them(run: Runner, tmp_path: Path) -> None:
    """Hats and masks are all found. The cigarette of G3 may be missed: no hat or mask may."""
    result = run("evaluate", GOLDEN, "--json", "--out", tmp_path / "scan")
    rules = json.loads(result.out)["rules"]
    assert result.code == 0
    assert sum(rule["invented"] + rule["repeated"] for rule in rules.values()) == 0
    assert (rules["no_hat"]["found"], rules["no_mask"]["found"]) == (1, 2)
    assert rules["smoking"]["found"] + rules["smoking"]["missed"] == 1
