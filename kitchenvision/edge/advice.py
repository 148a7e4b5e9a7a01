"""One thing to change about a camera: which, with its numbers; in words of either language."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kitchenvision.edge.words import Language, Words


@dataclass(frozen=True)
class Advice:
    """key: of `advice_words`. values: what stands in it, as it is shown."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, language: Language) -> str:
        """The sentence; a rule stands in it by its id, which settings use, and in Chinese also by its name."""
        words = Words(language)
        rule = self.values.get("rule")
        named = {} if rule is None else {"name": words(str(rule))}
        return words(self.key, **self.values, **named)


def advice(key: str, **values: object) -> Advice:
    """Such a thing."""
    return Advice(key, values)
