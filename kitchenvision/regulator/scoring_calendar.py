"""The school calendar: on which local days a canteen works. A closed day is neither blind nor without data."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

EVERY_WEEKDAY = frozenset(range(7))
MONDAY_TO_FRIDAY = frozenset(range(5))
_FURTHEST = timedelta(days=800)


@dataclass(frozen=True)
class Calendar:
    """Open days: those of the week (0 = Monday), less `closed`, plus `opened` (a Sunday that is worked)."""

    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    closed: frozenset[date] = frozenset()
    opened: frozenset[date] = frozenset()

    def is_open(self, day: date) -> bool:
        """Whether the canteen works on that day; `opened` wins over everything."""
        return day in self.opened or (day.weekday() in self.weekdays and day not in self.closed)

    def between(self, first: date, last: date) -> Iterator[date]:
        """Open days from `first` to `last`, both included."""
        for offset in range((last - first).days + 1):
            day = first + timedelta(days=offset)
            if self.is_open(day):
                yield day


@lru_cache(maxsize=4096)
def window(calendar: Calendar, today: date, open_days: int) -> tuple[date, ...]:
    """The last `open_days` open days up to `today`, oldest first; fewer where 800 days hold fewer."""
    found: list[date] = []
    day = today
    while len(found) < open_days and today - day < _FURTHEST:
        if calendar.is_open(day):
            found.append(day)
        day -= timedelta(days=1)
    return tuple(reversed(found))
