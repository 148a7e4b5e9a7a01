"""`smoking`: a cigarette at the mouth or in the hand of a person. Hand to mouth alone is not smoking."""

from kitchenvision.rules.rule import Judgement, Rule, cannot, unfit
from kitchenvision.types import Cigarette, HeadLook, RuleSettings, Track, Verdict

# A look that shows none says little: a cigarette is a few pixels, and a hand hides it.
_NOT_SEEN = 0.3
_LONGEST_HEADS = 1.0  # a cigarette is about 8 cm, a head 22-25 cm; longer things are spoons and chopsticks


class Smoking:
    """See `rule.Rule`."""

    rule_id = "smoking"
    needs_cigarettes = True
    defaults = RuleSettings(window_s=2.0, min_head_px=24.0)

    def judge(self, track: Track, look: HeadLook, settings: RuleSettings) -> Judgement:
        """The surest cigarette of a fitting size; the engine has left it to the nearest head only."""
        why = unfit(look, settings)
        if why:
            return cannot(why)
        if not look.cigarette_looked:
            return cannot("not looked for")
        fitting = [c for c in look.cigarettes if _fits(c, track)]
        best = max(fitting, key=lambda c: c.confidence, default=None)
        if best is None or best.confidence < settings.min_object:
            return Judgement(Verdict.COMPLIANT, _NOT_SEEN)
        # The confidence starts at the threshold: it is mapped onto 0.7..1, since the threshold already is a yes.
        share = (best.confidence - settings.min_object) / max(1 - settings.min_object, 1e-6)
        return Judgement(Verdict.VIOLATING, 0.7 + 0.3 * share, best.xyxy)


def _fits(cigarette: Cigarette, track: Track) -> bool:
    """Both boxes are of one picture; the look's own `head_px` may be that of a larger one."""
    assert track.head_xyxy is not None
    x0, y0, x1, y1 = cigarette.xyxy
    return max(x1 - x0, y1 - y0) <= _LONGEST_HEADS * (track.head_xyxy[3] - track.head_xyxy[1])


RULE: Rule = Smoking()
