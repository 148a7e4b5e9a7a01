"""What every rule promises, whichever it is; and that a new one needs one new file."""

import dataclasses
import sys
from pathlib import Path

import pytest
from builders import cigarette, look, track
from hypothesis import given
from hypothesis import strategies as st

import kitchenvision.rules as folder
from kitchenvision.rules.registry import all_rules
from kitchenvision.rules.rule import Rule
from kitchenvision.types import Cigarette, HatAnswer, HeadLook, MaskAnswer, Verdict

SHARE = st.floats(0, 1)
BOXES = st.tuples(*[st.floats(-50, 700)] * 4)
# A look of each rule that violates it as plainly as can be.
PLAIN = {
    "no_hat": look(bare=0.97),
    "no_mask": look(no_mask=0.97),
    "smoking": look(cigarettes=[cigarette(310, 112, 0.95)]),
}


@st.composite
def looks(draw: st.DrawFn) -> HeadLook:
    """Any answer that the zoom net can give."""
    return HeadLook(
        head=draw(SHARE),
        hat=HatAnswer(*adding_up(draw(st.lists(SHARE, min_size=3, max_size=3)))),
        mask=MaskAnswer(*adding_up(draw(st.lists(SHARE, min_size=4, max_size=4)))),
        cigarettes=tuple(Cigarette(box, c) for box, c in draw(st.lists(st.tuples(BOXES, SHARE), max_size=3))),
        cigarette_looked=draw(st.sampled_from((True, False, None))),
        head_px=draw(st.floats(0, 900)),
        sharpness=draw(st.floats(0, 200)),
    )


def adding_up(parts: list[float]) -> list[float]:
    total = sum(parts)
    return [p / total for p in parts] if total > 1e-9 else [1.0] + [0.0] * (len(parts) - 1)


@pytest.mark.parametrize("rule", all_rules().values(), ids=list(all_rules()))
class TestEveryRule:
    @given(seen=looks())
    def test_any_look_gives_one_of_three_verdicts_with_a_probability(self, rule: Rule, seen: HeadLook) -> None:
        said = rule.judge(track(), seen, rule.defaults)
        assert 0 <= said.probability <= 1
        assert said.verdict is not Verdict.VIOLATING or said.probability > 0.5
        assert said.verdict is not Verdict.COMPLIANT or said.probability < 0.5
        assert (said.verdict is Verdict.CANNOT_JUDGE) == bool(said.why), (
            "cannot judge says why, a verdict needs no why"
        )

    @given(seen=looks())
    def test_the_same_look_gives_the_same_judgement_and_nothing_is_remembered(
        self, rule: Rule, seen: HeadLook
    ) -> None:
        first = rule.judge(track(), seen, rule.defaults)
        rule.judge(track(), PLAIN.get(rule.rule_id, look()), rule.defaults)
        assert rule.judge(track(), seen, rule.defaults) == first

    @given(seen=looks(), way=st.sampled_from(["small", "blurred", "no head"]))
    def test_small_blurred_and_doubtful_heads_are_not_judged(self, rule: Rule, seen: HeadLook, way: str) -> None:
        settings = rule.defaults
        spoilt = {
            "small": dataclasses.replace(seen, head_px=settings.min_head_px - 0.1),
            "blurred": dataclasses.replace(seen, sharpness=settings.min_sharpness - 0.1),
            "no head": dataclasses.replace(seen, head=settings.min_head - 0.01),
        }[way]
        assert rule.judge(track(), spoilt, settings).verdict is Verdict.CANNOT_JUDGE

    def test_a_cook_with_hat_and_mask_and_without_cigarette_is_compliant(self, rule: Rule) -> None:
        assert rule.judge(track(), look(), rule.defaults).verdict is Verdict.COMPLIANT

    def test_the_plain_case_violates(self, rule: Rule) -> None:
        assert rule.rule_id in PLAIN, "add a look to PLAIN that this rule surely takes for a violation"
        said = rule.judge(track(), PLAIN[rule.rule_id], rule.defaults)
        assert said.verdict is Verdict.VIOLATING
        assert said.probability > 0.9

    def test_its_id_is_the_key_that_it_is_found_by(self, rule: Rule) -> None:
        assert all_rules()[rule.rule_id] is rule
        assert rule.rule_id.isidentifier()
        assert rule.defaults.window_s <= rule.defaults.longest_window_s


def test_the_three_rules_of_a_kitchen_are_there() -> None:
    assert list(all_rules()) == ["no_hat", "no_mask", "smoking"]


@pytest.fixture
def extra_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second folder that the package of rules looks into."""
    before = set(sys.modules)
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("kitchenvision.rules."):
            del sys.modules[name]
            if hasattr(folder, name.rpartition(".")[2]):
                delattr(folder, name.rpartition(".")[2])


NEW_RULE = """
from kitchenvision.rules.rule import cannot
from kitchenvision.types import RuleSettings

class NoGloves:
    rule_id = "{rule_id}"
    defaults = RuleSettings()
    def judge(self, track, look, settings):
        return cannot("hands are not looked at")

RULE = NoGloves()
"""


def test_a_new_rule_is_one_new_file_and_no_edit_elsewhere(extra_folder: Path) -> None:
    (extra_folder / "no_gloves.py").write_text(NEW_RULE.format(rule_id="no_gloves"))
    assert list(all_rules()) == ["no_gloves", "no_hat", "no_mask", "smoking"]


def test_two_rules_of_one_id_are_refused_by_name(extra_folder: Path) -> None:
    (extra_folder / "zz_other.py").write_text(NEW_RULE.format(rule_id="no_hat"))
    with pytest.raises(ValueError, match=r"'no_hat'.*zz_other\.py"):
        all_rules()
