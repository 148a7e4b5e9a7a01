"""Keeps a canteen's line usable: what can wait is held back so that no more than so much goes out on average."""

import threading
import time
from collections.abc import Callable

_BYTES_S = 125.0  # of one kbit/s
_LONGEST_DEBT_S = 20.0  # whatever went out at once, a lease and a server's patience outlast this


class Throttle:
    """One line, shared by all who send over it.

    Args:
        kbit_s: on average; 0: no limit. May be replaced. steady: seconds that never go back. sleep: waits.
    """

    def __init__(
        self,
        kbit_s: float,
        steady: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.kbit_s, self._steady, self._sleep = kbit_s, steady, sleep
        self._lock = threading.Lock()
        self._free_s = steady()

    def urgent(self, size: int) -> None:
        """So many bytes go out at once; what can wait pays for them."""
        self._spend(size)

    def patient(self, size: int) -> None:
        """Returns when so many bytes may go out."""
        wait_s = self._spend(size)
        if wait_s > 0:
            self._sleep(wait_s)

    def _spend(self, size: int) -> float:
        """Seconds until the line is free for them."""
        if self.kbit_s <= 0:
            return 0.0
        with self._lock:
            now_s = self._steady()
            begins_s = max(self._free_s, now_s)
            self._free_s = min(begins_s + size / (self.kbit_s * _BYTES_S), now_s + _LONGEST_DEBT_S)
            return begins_s - now_s
