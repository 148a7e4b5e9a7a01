"""The seam of a rule: what one look says. Debouncing over time is the same for all (debounce.py)."""

from dataclasses import dataclass
from typing import Protocol

from kitchenvision.types import HeadLook, Observation, RuleSettings, Track, Verdict, Xyxy

_COMPLIES_MARGIN = 0.15


class Rule(Protocol):
    """One rule. `tests/rules/test_rule_contract.py` holds its promises."""

    @property
    def rule_id(self) -> str:
        """Such as ``no_hat``; also the key of its settings table."""

    @property
    def defaults(self) -> RuleSettings:
        """Its settings where nothing else is said."""

    @property
    def needs_cigarettes(self) -> bool:
        """Whether it asks for cigarettes around the head, which cost a look of their own."""

    def judge(self, track: Track, look: HeadLook, settings: RuleSettings) -> "Judgement":
        """What this look says of this track; never raises, never remembers."""


@dataclass(frozen=True)
class Judgement:
    """Verdict, probability of violating (0..1, given that it could be judged), the object, why it could not."""

    verdict: Verdict
    probability: float
    object_xyxy: Xyxy | None = None
    why: str = ""


def cannot(why: str) -> Judgement:
    """It cannot be judged, and why."""
    return Judgement(Verdict.CANNOT_JUDGE, 0.5, None, why)


def unfit(look: HeadLook, settings: RuleSettings) -> str:
    """Why a head cannot be judged at all; empty when it can."""
    if look.head < settings.min_head:
        return "not surely a head"
    if look.head_px < settings.min_head_px:
        return "too small"
    if look.sharpness < settings.min_sharpness:
        return "too blurred"
    return ""


def from_answers(violating: float, compliant: float, doubt: float, settings: RuleSettings) -> Judgement:
    """Two opposite answers and the doubt about both (probabilities) become a judgement.

    To accuse takes `min_margin`; to speak for somebody takes less, so that a look that leans towards "complies" is
    held against an accusation instead of not counting.
    """
    if doubt > settings.max_doubt:
        return cannot("turned away or hidden")
    probability = violating / max(violating + compliant, 1e-6)
    if probability - 0.5 >= settings.min_margin:
        return Judgement(Verdict.VIOLATING, probability)
    if 0.5 - probability >= min(settings.min_margin, _COMPLIES_MARGIN):
        return Judgement(Verdict.COMPLIANT, probability)
    return cannot("undecided")


def observed(media_s: float, rule_id: str, track: Track, look: HeadLook, judgement: Judgement) -> Observation:
    """The judgement as an observation at a time; `track` must have a head."""
    assert track.head_xyxy is not None
    size, sharp = min(1.0, look.head_px / 80.0), min(1.0, look.sharpness / 8.0)
    sureness = judgement.probability if judgement.verdict is Verdict.VIOLATING else 0.0
    return Observation(
        media_s=media_s,
        rule_id=rule_id,
        track_id=track.track_id,
        stretch=track.stretch,
        verdict=judgement.verdict,
        probability=judgement.probability,
        quality=(size * sharp * sureness) ** (1 / 3),
        person_xyxy=track.person_xyxy,
        head_xyxy=track.head_xyxy,
        cigarette_xyxy=judgement.object_xyxy,
        why=judgement.why,
        main=look.main,
    )
