"""Memory that is not needed any more goes back to the system, so that a worker of many months stays as it was.

What a connection held hangs in cycles of objects that are small for Python's collector and large for FFmpeg: left
to itself it comes round after half an hour, and eight streams had grown by 400 MB. And glibc gives threads heaps
of their own (eight a core); a stream that is called again has a new thread, and in time each heap has held one.
Elsewhere than on glibc only the first is mended.
"""

import ctypes
import gc
import os
from collections.abc import Callable

_HEAPS = "2"


def with_few_heaps() -> None:
    """For processes that are started from now on; what is set already holds."""
    os.environ.setdefault("MALLOC_ARENA_MAX", _HEAPS)


class Trimmer:
    """Collects what is unreachable and gives free memory back every `every_s` seconds.

    Args:
        trim: does it; by default Python's collector, then glibc's own.
    """

    def __init__(self, every_s: float = 60.0, trim: Callable[[], object] | None = None) -> None:
        self._every_s = every_s
        self._trim = trim or _giving_back()
        self._last_s: float | None = None

    def __call__(self, now_s: float) -> None:
        """Now, if it is time. now_s: seconds that never go back."""
        if self._last_s is None:
            self._last_s = now_s
        if now_s - self._last_s >= self._every_s:
            self._last_s = now_s
            self._trim()


def _giving_back() -> Callable[[], object]:
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None

    def give_back() -> None:
        gc.collect()
        if malloc_trim is not None:
            malloc_trim(0)

    return give_back
