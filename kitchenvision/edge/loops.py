"""What the service does beside its cameras: threads of a block, loops that outlive any mistake below them."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


def keep_on(step: Callable[[], float], stop: threading.Event, failing_s: float, what: str) -> None:
    """Take one step after the other until `stop` is set.

    Args:
        step: does it once and says in how many seconds to come again. failing_s: the same after an error.
        what: goes on after an error, for the log.
    """
    while not stop.is_set():
        try:
            wait_s = step()
        except Exception:  # noqa: BLE001  the top of a loop that must outlive any mistake below it
            _log.exception("%s: it goes on after an error that was not foreseen", what)
            wait_s = failing_s
        stop.wait(wait_s)


@contextmanager
def beside(run: Callable[[threading.Event], None], stop: threading.Event, name: str) -> Iterator[None]:
    """A thread that runs while the block does; `stop` is set at its end, and waited for."""
    thread = threading.Thread(target=run, args=(stop,), name=name)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
