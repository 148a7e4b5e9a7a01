"""Keeps the process of the model that looks along: starts it, starts it again when it dies, ends it."""

import logging
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from pathlib import Path

from kitchenvision.edge.settings import EdgeSettings
from kitchenvision.edge.shadow import shadow_work
from kitchenvision.edge.shadow_link import Way
from kitchenvision.edge.shadow_report import REPORT, read_report
from kitchenvision.wire_box import BoxShadow

_log = logging.getLogger(__name__)
_FIRST_S, _LONGEST_S = 5.0, 300.0
_STOP_S = 3.0


@dataclass
class ShadowKeeper:
    """Of one service.

    Args:
        settings: without a `shadow` in them nothing runs. steady: seconds that never go back.
        entry: what the process runs.

    Attributes:
        way: where the process listens; workers are told. crashes: of the process.
    """

    settings: EdgeSettings
    steady: Callable[[], float] = time.monotonic
    entry: Callable[[EdgeSettings, Way], None] = shadow_work
    crashes: int = 0
    _process: SpawnProcess | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kitchenvision-"))  # a socket's path has to be short
        self.way = Way(str(self._folder / "shadow"))
        self._wait_s, self._next_s = _FIRST_S, -1e9

    def tick(self) -> None:
        """Call it often."""
        if self._process is not None and self._process.exitcode is not None:
            _log.warning("the model that looks along ended with code %s; it starts again", self._process.exitcode)
            self._process = None
            self.crashes += 1
            self._next_s, self._wait_s = self.steady() + self._wait_s, min(2 * self._wait_s, _LONGEST_S)
        if self.settings.shadow and self._process is None and self.steady() >= self._next_s:
            context = multiprocessing.get_context("spawn")
            arguments = (self.settings, self.way)
            self._process = context.Process(target=self.entry, args=arguments, name="shadow", daemon=True)
            self._process.start()
            _log.info("the model %s looks along, process %s", self.settings.shadow, self._process.pid)

    def reload(self, settings: EdgeSettings) -> None:
        """Other settings hold: it begins anew with them."""
        if settings == self.settings:
            return
        self._end()
        if settings.shadow != self.settings.shadow:
            self.crashes, self._wait_s = 0, _FIRST_S
        self.settings, self._next_s = settings, -1e9

    def facts(self) -> BoxShadow | None:
        """What it has found out, with the crashes; None when no model looks along, or has not begun yet."""
        report = read_report(self.settings.data / REPORT) if self.settings.shadow else None
        if report is None:
            return None
        return report.shadow.model_copy(update={"errors": report.shadow.errors + self.crashes})

    def process(self) -> int | None:
        """Its id, while it runs."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        """End it for good."""
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        self._process.join(_STOP_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process = None
