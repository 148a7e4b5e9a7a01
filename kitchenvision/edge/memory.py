"""Memory that was freed goes back to the system, so that a worker of many months is no larger than one of an hour.

glibc gives threads heaps of their own (eight a core). A stream that is called again has a new thread, and in time
each heap has held a connection, with holes that nobody fills. Elsewhere than on glibc nothing is done.
"""

import ctypes
import os
from collections.abc import Callable

_HEAPS = "2"


def with_few_heaps() -> None:
    """For processes that are started from now on; what is set already holds."""
    os.environ.setdefault("MALLOC_ARENA_MAX", _HEAPS)


class Trimmer:
    """Gives free memory back every `every_s` seconds.

    Args:
        trim: does it; glibc's own by default.
    """

    def __init__(self, every_s: float = 60.0, trim: Callable[[], object] | None = None) -> None:
        self._every_s = every_s
        self._trim = trim or _malloc_trim()
        self._last_s: float | None = None

    def __call__(self, now_s: float) -> None:
        """Now, if it is time. now_s: seconds that never go back."""
        if self._last_s is None:
            self._last_s = now_s
        if now_s - self._last_s >= self._every_s:
            self._last_s = now_s
            self._trim()


def _malloc_trim() -> Callable[[], object]:
    found = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    return (lambda: None) if found is None else (lambda: found(0))
