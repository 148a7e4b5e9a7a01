"""Rounds of the walls: what one round tells is made once for all walls that may see the same. No clock in here."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

PAUSE_S = 2.0  # between two rounds of a wall
_FIGURES_EVERY = 10  # rounds
_FORGOTTEN_BEATS = 60


@dataclass
class _Round:
    lock: Lock = field(default_factory=Lock)
    beat: int = -1
    counted: int = -1_000_000
    text: str = ""


class Rounds:
    """Safe to use from several threads: who comes while a round is made waits for it.

    Args:
        every_s: length of a round. count_every: rounds after which what is costly is counted anew.
    """

    def __init__(self, every_s: float = PAUSE_S, count_every: int = _FIGURES_EVERY) -> None:
        self._every_s, self._count_every = every_s, count_every
        self._lock = Lock()
        self._rounds: dict[Hashable, _Round] = {}

    def text(self, key: Hashable, at: datetime, first: bool, make: Callable[[bool], str]) -> str:
        """The text of the round of that instant.

        Args:
            key: who may see the same. first: who asks has no counts yet. make: (whether to count) -> text.
        """
        beat = int(at.timestamp() // self._every_s)
        one = self._of(key, beat)
        with one.lock:
            if one.beat == beat and (one.counted == beat or not first):
                return one.text
            count = first or beat - one.counted >= self._count_every
            one.text = make(count)
            one.beat, one.counted = beat, beat if count else one.counted
            return one.text

    def _of(self, key: Hashable, beat: int) -> _Round:
        with self._lock:
            if key not in self._rounds:
                for old in [k for k, one in self._rounds.items() if beat - one.beat > _FORGOTTEN_BEATS]:
                    del self._rounds[old]
            return self._rounds.setdefault(key, _Round())


def until_next(every_s: float, at: datetime) -> float:
    """Seconds from an instant to the next round: all walls ask at once, so that one answer does."""
    return every_s - at.timestamp() % every_s
