"""Slows down the guessing of passwords: a few failures per name and address, then a pause."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

MAX_FAILURES = 5
WINDOW_S = 300.0
_MOST_KEYS = 10_000


class FailureLimiter:
    """Failures of the last `WINDOW_S` seconds, in memory; a restart forgets them.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._lock = Lock()

    def wait_s(self, username: str, address: str) -> float:
        """Seconds until another try is allowed; 0 when it is now."""
        with self._lock:
            recent = self._recent((username, address))
            if len(recent) < MAX_FAILURES:
                return 0.0
            return recent[-MAX_FAILURES] + WINDOW_S - self._clock()

    def failed(self, username: str, address: str) -> None:
        """Count a failure."""
        key = (username, address)
        with self._lock:
            self._failures[key] = [*self._recent(key), self._clock()]
            self._failures.move_to_end(key)
            while len(self._failures) > _MOST_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, username: str, address: str) -> None:
        """Forget the failures."""
        with self._lock:
            self._failures.pop((username, address), None)

    def _recent(self, key: tuple[str, str]) -> list[float]:
        oldest = self._clock() - WINDOW_S
        return [at for at in self._failures.get(key, []) if at > oldest]
