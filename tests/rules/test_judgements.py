"""What single looks mean: masks under the nose, doubt, cigarettes, spoons, hands at the mouth."""

from dataclasses import replace

import pytest
from builders import cigarette, hat, look, mask, track

from kitchenvision.rules.no_hat import NoHat
from kitchenvision.rules.no_mask import NoMask
from kitchenvision.rules.rule import observed
from kitchenvision.rules.smoking import Smoking
from kitchenvision.types import HeadLook, RuleSettings, Verdict

V, C, N = Verdict.VIOLATING, Verdict.COMPLIANT, Verdict.CANNOT_JUDGE


def verdict_of(rule: NoHat | NoMask | Smoking, seen: HeadLook) -> Verdict:
    return rule.judge(track(), seen, rule.defaults).verdict


@pytest.mark.parametrize(
    ("none", "incorrect", "verdict"),
    [
        (0.0, 0.97, V),
        (0.5, 0.47, V),
        (0.97, 0.0, V),
        (0.9, 0.0, N),
        (0.05, 0.05, C),
        (0.3, 0.0, C),
        (0.25, 0.25, N),
    ],
)
def test_a_mask_under_the_nose_or_on_the_chin_counts_as_none(
    none: float, incorrect: float, verdict: Verdict
) -> None:
    assert verdict_of(NoMask(), replace(look(), mask=mask(none, incorrect))) is verdict


@pytest.mark.parametrize(
    ("bare", "cannot", "verdict"),
    [
        (0.45, 0.51, N),
        (0.50, 0.49, V),
        (0.02, 0.49, C),
        (0.55, 0.0, N),
        (0.94, 0.0, N),
        (0.97, 0.0, N),
        (0.99, 0.0, V),
        (0.3, 0.0, C),
        (0.4, 0.0, N),
    ],
)
def test_doubt_and_a_close_call_are_not_judged(bare: float, cannot: float, verdict: Verdict) -> None:
    assert verdict_of(NoHat(), replace(look(), hat=hat(bare, cannot))) is verdict


def test_a_mask_needs_more_pixels_than_a_hat() -> None:
    small = look(bare=0.97, no_mask=0.97, head_px=20.0)
    assert verdict_of(NoHat(), small) is V
    assert verdict_of(NoMask(), small) is N


def test_a_hand_at_the_mouth_without_a_cigarette_is_not_smoking() -> None:
    assert verdict_of(Smoking(), look()) is C


def test_a_cigarette_below_the_least_confidence_is_none() -> None:
    sure = Smoking.defaults.min_object
    assert verdict_of(Smoking(), look(cigarettes=[cigarette(310, 112, sure - 0.01)])) is C
    assert verdict_of(Smoking(), look(cigarettes=[cigarette(310, 112, sure)])) is V


def test_something_longer_than_a_head_is_a_spoon() -> None:
    assert verdict_of(Smoking(), look(head_px=40, cigarettes=[cigarette(310, 112, 0.99, px=41)])) is C
    assert verdict_of(Smoking(), look(head_px=40, cigarettes=[cigarette(310, 112, 0.99, px=39)])) is V


def test_the_surest_fitting_cigarette_is_the_one_that_is_shown() -> None:
    spoon, sure, doubtful = cigarette(310, 112, 0.99, px=90), cigarette(305, 110, 0.8), cigarette(290, 110, 0.5)
    said = Smoking().judge(track(), look(cigarettes=[doubtful, spoon, sure]), Smoking.defaults)
    assert said.object_xyxy == sure.xyxy


def test_without_having_looked_for_cigarettes_nobody_is_cleared_of_smoking() -> None:
    assert verdict_of(Smoking(), replace(look(), cigarette_looked=False)) is N


def test_an_observation_carries_the_boxes_of_its_own_frame() -> None:
    who = track(7, x=250, stretch=3)
    said = NoHat().judge(who, look(bare=0.97), RuleSettings())
    seen = observed(4.2, "no_hat", who, look(bare=0.97), said)
    assert (seen.media_s, seen.track_id, seen.stretch) == (4.2, 7, 3)
    assert (seen.person_xyxy, seen.head_xyxy) == (who.person_xyxy, who.head_xyxy)


def test_a_big_sharp_sure_look_shows_a_violation_best() -> None:
    def quality(seen: HeadLook) -> float:
        return observed(0, "no_hat", track(), seen, NoHat().judge(track(), seen, RuleSettings())).quality

    plain = quality(look(bare=0.97))
    assert quality(look(bare=0.97, head_px=20)) < plain
    assert quality(look(bare=0.97, sharpness=2)) < plain
    assert quality(look(bare=0.75)) < plain
    assert quality(look()) == 0, "a compliant look shows no violation"
    assert 0 <= plain <= quality(look(bare=0.97, head_px=500, sharpness=99)) <= 1
