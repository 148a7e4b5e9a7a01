"""`no_mask`: mouth and nose are bare; a mask on the chin or under the nose counts as none."""

from kitchenvision.rules.rule import Judgement, Rule, cannot, from_answers, unfit
from kitchenvision.types import HeadLook, RuleSettings, Track


class NoMask:
    """See `rule.Rule`."""

    rule_id = "no_mask"
    needs_cigarettes = False
    # A face needs more pixels than a hat: below 22 px mouth and nose are a few pixels. A look must be 98 % sure:
    # on the validation heads that the margin was chosen on, none of 389 with a mask is called bare-faced then
    # (81 % of 366 bare ones are), on the other half 3 of 416 (76 %). At 95 %: 2 and 6.
    # `python -m training margins`.
    defaults = RuleSettings(min_head_px=22.0, min_margin=0.48)

    def judge(self, track: Track, look: HeadLook, settings: RuleSettings) -> Judgement:
        """None or worn wrongly against worn."""
        why = unfit(look, settings)
        if why:
            return cannot(why)
        return from_answers(look.mask.none + look.mask.incorrect, look.mask.worn, look.mask.cannot_judge, settings)


RULE: Rule = NoMask()
