"""`no_hat`: the hair is not covered by a hat, hairnet or cap. Due everywhere in a kitchen."""

from kitchenvision.rules.rule import Judgement, Rule, cannot, from_answers, unfit
from kitchenvision.types import HeadLook, RuleSettings, Track


class NoHat:
    """See `rule.Rule`."""

    rule_id = "no_hat"
    # On cooks of the validation pictures one look in twenty that is 80 % sure errs; it must be 85 % sure to count.
    defaults = RuleSettings(min_margin=0.35)

    def judge(self, track: Track, look: HeadLook, settings: RuleSettings) -> Judgement:
        """Bare against covered."""
        why = unfit(look, settings)
        if why:
            return cannot(why)
        return from_answers(look.hat.bare, look.hat.covered, look.hat.cannot_judge, settings)


RULE: Rule = NoHat()
