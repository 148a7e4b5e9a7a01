"""From looks of one track under one rule to a finding: when it is confirmed, when it has cleared.

A pure state machine over media time. Looks are not independent: five looks at one pose are one error five times.
So evidence is a sum of log-odds in which looks closer together than `spacing_s` share a vote, and a finding needs
a least number of looks, a share of them that violate, a window that is really covered, and an unbroken stretch of
the track. "Cannot judge" neither builds up nor clears.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from kitchenvision.types import MainUse, Observation, RuleSettings, Verdict

_MOST_LOG_ODDS = 3.0  # one look never says more than 95 %
_COVERED = 0.8  # share of the window between its first and its last judged look
_ROUNDING = 1e-6  # looks at 5 fps lie exactly on these limits: the last bit of a float must not decide


@dataclass(frozen=True)
class Finding:
    """A window of looks that confirms: its violating and other looks in order, and the mean probability."""

    started_s: float
    confirmed_s: float
    confidence: float
    best_s: float
    looks: tuple[Observation, ...]


class Debounce:
    """One track, one rule. Feed observations in order of time."""

    def __init__(self, settings: RuleSettings) -> None:
        self._settings = settings
        self._looks: deque[Observation] = deque()
        self.last_violating_s: float | None = None

    def add(self, look: Observation) -> None:
        """Take one look in; a new stretch of the track forgets what was before."""
        if self._looks and self._looks[-1].stretch != look.stretch:
            self._looks.clear()
        self._looks.append(look)
        while self._looks and look.media_s - self._looks[0].media_s > self._settings.longest_window_s + _ROUNDING:
            self._looks.popleft()
        if look.verdict is Verdict.VIOLATING:
            self.last_violating_s = look.media_s

    def building(self) -> bool:
        """Whether a violation may be building up: something in the window violates, or the track is new.

        Looks that could not be judged, one after the other, are no reason to look more often.
        """
        window = self._window()
        if not window:
            return len(self._looks) < self._settings.min_looks
        return any(look.verdict is Verdict.VIOLATING for look in window)

    def finding(self) -> Finding | None:
        """The finding that the looks so far confirm, if any; only right after a violating look."""
        settings, window = self._settings, self._window(self._weighed())
        if len(window) < settings.min_looks or window[-1] is not self._looks[-1]:
            return None
        if window[-1].verdict is not Verdict.VIOLATING:
            return None
        violating = [look for look in window if look.verdict is Verdict.VIOLATING]
        if (
            window[-1].media_s - window[0].media_s < _COVERED * settings.window_s - _ROUNDING
            or len(violating) < settings.min_ratio * len(window) - _ROUNDING
            or _log_odds(window, settings.spacing_s) < settings.confirm_log_odds
        ):
            return None
        started_s = violating[0].media_s
        shown = tuple(look for look in self._looks if look.media_s >= min(started_s, window[0].media_s))
        return Finding(
            started_s=started_s,
            confirmed_s=window[-1].media_s,
            confidence=sum(look.probability for look in window) / len(window),
            best_s=max(violating, key=lambda look: look.worth).media_s,
            looks=shown,
        )

    def cleared(self, now_s: float) -> bool:
        """Whether an open violation is over: enough judged looks, and (nearly) none of them violates.

        Only right after a compliant look: time that passes while nothing can be judged clears nothing.
        """
        settings, window = self._settings, self._window()
        if len(window) < settings.min_looks or self._looks[-1].verdict is not Verdict.COMPLIANT:
            return False
        violating = sum(look.verdict is Verdict.VIOLATING for look in window)
        quiet_s = now_s - (self.last_violating_s if self.last_violating_s is not None else window[0].media_s)
        return violating < settings.clear_ratio * len(window) or quiet_s >= settings.clear_s

    def _weighed(self) -> list[Observation]:
        """The looks that may accuse: once the main stream's picture was looked at, none before it was asked for.

        What the smaller picture seemed to show is the reason to ask the larger one, not a witness beside it.
        """
        if not any(look.main is MainUse.USED for look in self._looks):
            return list(self._looks)
        return [
            look
            for look in self._looks
            if look.main is not MainUse.NOT_ASKED or look.verdict is not Verdict.VIOLATING
        ]

    def _window(self, looks: Sequence[Observation] | None = None) -> list[Observation]:
        """Judged looks of the last `window_s`; with too few of them it stretches to `longest_window_s`."""
        if not self._looks:
            return []
        judged = [
            look for look in (self._looks if looks is None else looks) if look.verdict is not Verdict.CANNOT_JUDGE
        ]
        from_s = self._looks[-1].media_s - self._settings.window_s - _ROUNDING
        recent = [look for look in judged if look.media_s >= from_s]
        return recent if len(recent) >= self._settings.min_looks else judged[-self._settings.min_looks :]


def _log_odds(window: list[Observation], spacing_s: float) -> float:
    """Sum over the looks; each weighs by its distance from the one before, at most one whole vote."""
    total, before_s = 0.0, -math.inf
    for look in window:
        weight = 1.0 if spacing_s <= 0 else min(1.0, (look.media_s - before_s) / spacing_s)
        p = min(max(look.probability, 1e-3), 1 - 1e-3)
        total += weight * max(-_MOST_LOG_ODDS, min(_MOST_LOG_ODDS, math.log(p / (1 - p))))
        before_s = look.media_s
    return total
