"""`no_hat`: the hair is not covered by a hat, hairnet or cap. Due everywhere in a kitchen."""

from kitchenvision.rules.rule import Judgement, Rule, cannot, from_answers, unfit
from kitchenvision.types import HeadLook, RuleSettings, Track


class NoHat:
    """See `rule.Rule`."""

    rule_id = "no_hat"
    needs_cigarettes = False
    # Dark caps pass for hair, and looks at one pose err together. So a look must be 98 % sure, and there must be
    # more of them: on the validation heads of 22 px and more that the margin was chosen on, none of 392 covered
    # ones is called bare then, and 53 % of 905 bare ones are; on the other half 4 of 347 and 57 %. At 95 %: 3, 10.
    # `python -m training margins`.
    defaults = RuleSettings(min_margin=0.48, min_looks=7)

    def judge(self, track: Track, look: HeadLook, settings: RuleSettings) -> Judgement:
        """Bare against covered."""
        why = unfit(look, settings)
        if why:
            return cannot(why)
        return from_answers(look.hat.bare, look.hat.covered, look.hat.cannot_judge, settings)


RULE: Rule = NoHat()
