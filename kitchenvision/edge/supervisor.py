"""The service's own process: starts workers, replaces those that die or hang, delivers, and guards the disk.

It decodes nothing and runs no network, so that nothing native can take it down.
"""

import logging
import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from kitchenvision.edge.causes import Cause
from kitchenvision.edge.groups import Groups, regrouped
from kitchenvision.edge.job import Job
from kitchenvision.edge.memory import with_few_heaps
from kitchenvision.edge.settings import EdgeSettings
from kitchenvision.edge.shadow_link import Way
from kitchenvision.edge.state import CameraState
from kitchenvision.edge.worker import work
from kitchenvision.frames.dialing import shown_address

_log = logging.getLogger(__name__)
_HUNG_S = 30.0  # without a word; a slow frame takes a second
_LOADING_S = 120.0
_STOP_S = 10.0
_POLL_S = 0.2


@dataclass
class _Running:
    process: SpawnProcess
    link: Connection
    started_s: float
    heard_s: float | None = None


@dataclass
class Supervisor:
    """All workers.

    Attributes:
        settings, addresses: as of `settings.addresses`. steady: seconds that never go back.
        entry: what a worker process runs. shadow: where a model that looks along listens.
    """

    settings: EdgeSettings
    addresses: Mapping[str, str] = field(repr=False)
    workers: int
    steady: Callable[[], float] = time.monotonic
    entry: Callable[[Job, Connection], None] = work
    shadow: Way | None = None

    def __post_init__(self) -> None:
        cameras = self.settings.cameras
        self._groups = Groups(tuple(camera.id for camera in cameras), self.workers)
        self._running: dict[tuple[str, ...], _Running] = {}
        self._context = multiprocessing.get_context("spawn")
        with_few_heaps()
        self._lock = threading.Lock()
        self._states = {c.id: CameraState(c.id, c.name or c.id, shown_address(c.url)) for c in cameras}
        self._crashes: dict[str, int] = {}
        self.restarts = 0

    def run(self, stop: threading.Event, between: Callable[[], object] = lambda: None) -> None:
        """Until `stop` is set, `between` several times a second; then everything that is open is told as ended."""
        try:
            while not stop.is_set():
                self.tick()
                between()
                stop.wait(_POLL_S)
        finally:
            self.close()

    def tick(self) -> None:
        """Hear what workers say; replace those that are dead or hang; start those that are due."""
        now_s = self.steady()
        for group, running in list(self._running.items()):
            self._hear(running, now_s)
            code = running.process.exitcode
            quiet_s = now_s - (running.started_s if running.heard_s is None else running.heard_s)
            if code is not None:
                self._lost(group, running, f"ended with code {code}", now_s)
            elif quiet_s > (_HUNG_S if running.heard_s is not None else _LOADING_S):
                self._lost(group, running, f"said nothing for {quiet_s:.0f} s", now_s)
        for group in self._groups.due(now_s):
            self._running[group] = self._start(group, now_s)

    def reload(self, settings: EdgeSettings, addresses: Mapping[str, str], workers: int) -> None:
        """Other settings hold from now on; workers are told, and cameras that did not change go on as they are."""
        self.settings, self.addresses, self.workers = settings, addresses, workers
        cameras = {camera.id: camera for camera in settings.cameras}
        with self._lock:
            known = self._states
            self._states = {
                each: replace(known[each], name=c.name or each, address=shown_address(c.url))
                if each in known
                else CameraState(each, c.name or each, shown_address(c.url))
                for each, c in cameras.items()
            }
        groups = [*self._running, *self._groups.waiting]
        kept, fresh = regrouped(groups, tuple(cameras), workers)
        for old, new in kept.items():
            self._groups.replace(old, new)
            running = self._running.pop(old, None)
            if running is None:
                continue
            if new:
                self._running[new] = running
                self._tell(running, self._job(new))
            else:
                self._dismiss(running)
        for group in fresh:
            self._groups.add(group, self.steady())

    def states(self) -> list[CameraState]:
        """The latest of each camera, in the order of the settings; safe to call from any thread."""
        with self._lock:
            return [self._with_crashes(state) for state in self._states.values()]

    def processes(self) -> list[int]:
        """Process ids of the workers."""
        return [running.process.pid or 0 for running in list(self._running.values())]

    def close(self) -> None:
        """Stop all workers; one that does not stop in time is killed."""
        for running in self._running.values():
            self._tell(running, "stop")
        deadline_s = self.steady() + _STOP_S
        for running in self._running.values():
            self._end(running, deadline_s)
        self._running.clear()

    def _dismiss(self, running: _Running) -> None:
        self._tell(running, "stop")
        self._end(running, self.steady() + _STOP_S)

    def _end(self, running: _Running, deadline_s: float) -> None:
        while running.process.is_alive() and self.steady() < deadline_s:
            self._hear(running, self.steady())  # a full pipe would keep it from ever reading "stop"
            running.process.join(_POLL_S)
        if running.process.is_alive():
            running.process.kill()
            running.process.join()
        running.link.close()

    def _tell(self, running: _Running, what: Job | str) -> None:
        try:
            running.link.send(what)
        except OSError:  # it is gone already
            return

    def _job(self, group: tuple[str, ...]) -> Job:
        return Job(self.settings, {each: self.addresses[each] for each in group}, group, self.shadow)

    def _start(self, group: tuple[str, ...], now_s: float) -> _Running:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=self.entry, args=(self._job(group), theirs), name="worker", daemon=True
        )
        process.start()
        theirs.close()
        _log.info("worker %s watches %s", process.pid, ", ".join(group))
        return _Running(process, ours, now_s)

    def _hear(self, running: _Running, now_s: float) -> None:
        try:
            while running.link.poll():
                states: list[CameraState] = running.link.recv()
                running.heard_s = now_s
                with self._lock:
                    # One that was taken out of the settings may be told of for a moment yet.
                    self._states |= {s.camera_id: s for s in states if s.camera_id in self._states}
        except (EOFError, OSError):
            return  # it is gone; its exit code says more in a moment

    def _lost(self, group: tuple[str, ...], running: _Running, how: str, now_s: float) -> None:
        _log.warning("worker %s of %s %s; a new one takes over", running.process.pid, ", ".join(group), how)
        running.process.kill()
        running.process.join()
        running.link.close()
        del self._running[group]
        self.restarts += 1
        self._groups.crashed(group, now_s)
        with self._lock:
            for camera_id in group:
                self._crashes[camera_id] = self._crashes.get(camera_id, 0) + 1
                self._states[camera_id] = replace(
                    self._states[camera_id],
                    state="dead",
                    cause=Cause.CRASHED.value,
                    fps=0.0,
                    problem=f"worker {how}",
                )

    def _with_crashes(self, state: CameraState) -> CameraState:
        crashes = self._crashes.get(state.camera_id)
        if not crashes:
            return state
        return replace(state, reconnects=state.reconnects | {Cause.CRASHED.value: crashes})
