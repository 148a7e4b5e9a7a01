"""Whether this box's clock is kept right, by what, and when it was last: what the kernel says, asked once a minute.

The kernel is asked and no time service, since it answers in a container too and for whichever service there is. It
keeps an upper bound of the clock's error, which whoever corrects the clock sets and which grows by 500 µs each
second from then on. So a bound that is smaller than the one before must have grown shows a correction between the
two, and any bound below its end shows how long ago the last one can be. Its flag STA_UNSYNC is not asked: chrony
leaves it set unless it also sets the hardware clock.
"""

import ctypes
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from kitchenvision.edge.clock import SteadyClock
from kitchenvision.wire import ClockState

_EVERY_S = 60.0
_GROWS = 500e-6  # seconds of error a second: MAXFREQ of the kernel's ntp.c
_UNKNOWN_S = 16.0  # where the bound ends, in ntp.c; systemd calls a clock synchronised below it
_LEAST_DROP_S = 1e-3  # of the bound, to be a correction: two seconds of its growth
_MICRO = 1e-6
# What each service leaves in /run; in a container nothing of it shows.
_SIGNS = {
    "systemd-timesyncd": "systemd/timesync/synchronized",
    "chrony": "chrony/chronyd.sock",
    "ntpd": "ntpd.pid",
}


class _Timeval(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("micros", ctypes.c_long))


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), with more room behind it than any version of it takes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", _Timeval),
        ("tick", ctypes.c_long),
        ("more", ctypes.c_byte * 256),
    )


def kernel_error_s() -> float | None:
    """By how much the system's clock can be off, seconds, as the kernel reckons; None where no kernel says it."""
    if sys.platform != "linux":
        return None
    try:
        ask = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):  # a C library without it
        return None
    answer = _Timex()  # modes 0: nothing is set, so no right is needed
    if ask(ctypes.byref(answer)) < 0:
        return None
    return float(answer.maxerror) * _MICRO


def service_of(run: Path = Path("/run")) -> str:
    """The time service that has left its sign there; empty where none shows."""
    return next((name for name, sign in _SIGNS.items() if (run / sign).exists()), "")


class ClockWatch:
    """What is known of a clock. Call `tick` often, from one thread; `state` may be read from any.

    Args:
        clock: whose steps belong to it. error_s: the kernel's bound, as `kernel_error_s`.
        service: who keeps it right. steady: seconds that never go back.

    Attributes:
        state: the latest; None where the system does not say.
    """

    def __init__(
        self,
        clock: SteadyClock,
        error_s: Callable[[], float | None] = kernel_error_s,
        service: Callable[[], str] = service_of,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock, self._error_s, self._service, self._steady = clock, error_s, service, steady
        self._asked_s: float | None = None
        self._steps = 0
        self._before_s = _UNKNOWN_S  # the bound when it was last asked
        self._synced_s: float | None = None  # steady: it was corrected then or later
        self.state: ClockState | None = None
        self.tick()

    def tick(self) -> None:
        """Ask again when a minute is over or the clock was set meanwhile."""
        at, now_s = self._clock(), self._steady()
        if self._asked_s is not None and now_s - self._asked_s < _EVERY_S and self._clock.jumps == self._steps:
            return
        error_s, self._steps = self._error_s(), self._clock.jumps
        if error_s is None:
            self._asked_s, self.state = now_s, None
            return
        self._note(error_s, now_s)
        last_sync_at = None if self._synced_s is None else at - timedelta(seconds=round(now_s - self._synced_s, 3))
        self.state = ClockState(
            checked_at=at,
            synchronised=error_s < _UNKNOWN_S,
            by=self._service(),
            last_sync_at=last_sync_at,
            max_error_s=round(error_s, 6),
            steps=self._steps,
            last_step_s=round(self._clock.last_jump_s, 3),
        )

    def _note(self, error_s: float, now_s: float) -> None:
        """When it can have been corrected last."""
        if error_s < _UNKNOWN_S:
            latest_s = now_s - error_s / _GROWS
            if self._asked_s is not None:
                grown_s = self._before_s + (now_s - self._asked_s) * _GROWS
                if error_s < min(grown_s, _UNKNOWN_S) - _LEAST_DROP_S:
                    latest_s = max(latest_s, self._asked_s)
            self._synced_s = latest_s if self._synced_s is None else max(self._synced_s, latest_s)
        self._asked_s, self._before_s = now_s, error_s
