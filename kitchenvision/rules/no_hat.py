"""`no_hat`: the hair is not covered by a hat, hairnet or cap. Due everywhere in a kitchen."""

from kitchenvision.rules.rule import Judgement, Rule, cannot, from_answers, unfit
from kitchenvision.types import HeadLook, RuleSettings, Track


class NoHat:
    """See `rule.Rule`."""

    rule_id = "no_hat"
    needs_cigarettes = False
    # Dark caps pass for hair. On the cooks of the validation pictures (28 px), 11 of 137 covered heads are called
    # bare from 0.7 on and 5 from 0.95 on; of bare heads 92 % and 74 %. So a look must be 95 % sure, and there must
    # be more of them. Chosen on those pictures: expect worse elsewhere.
    defaults = RuleSettings(min_margin=0.45, min_looks=7)

    def judge(self, track: Track, look: HeadLook, settings: RuleSettings) -> Judgement:
        """Bare against covered."""
        why = unfit(look, settings)
        if why:
            return cannot(why)
        return from_answers(look.hat.bare, look.hat.covered, look.hat.cannot_judge, settings)


RULE: Rule = NoHat()
