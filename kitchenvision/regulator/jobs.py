"""What a regulator does by itself, every so often, in a thread. Of several processes of one service one does it."""

import logging
import threading
from collections.abc import Callable

from kitchenvision.errors import StorageError
from kitchenvision.regulator.db import Database, Sole

LOG = logging.getLogger(__name__)


class Job:
    """Done again and again until it is stopped.

    Args:
        name: of the job, for its thread, the log, and among the processes. do: does it once.
        every_s: seconds before each time, the first too. patience_s: how long `stop` waits for what is under way.
    """

    def __init__(
        self, database: Database, name: str, do: Callable[[], object], every_s: float, patience_s: float
    ) -> None:
        self._name, self._do, self._every_s, self._patience_s = name, do, every_s, patience_s
        self._stop = threading.Event()
        self._sole = Sole(database, name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def stopping(self) -> bool:
        """Whether it was told to end."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what is under way."""
        self._stop.set()
        self._thread.join(self._patience_s)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                if self._sole.mine():  # else another process of this service does it
                    self._do()
            except StorageError as error:
                LOG.warning("%s wait: %s", self._name, error)
            except Exception:  # the top of a loop: a flaw in one round must not end all others for good
                LOG.exception("%s wait after an error", self._name)
        self._sole.let_go()
