"""Several processes that answer on one port, and what they share: live pictures and failed log-ins, in memory only.

uvicorn's supervisor starts them, and anew when one dies. What they share stands in one more process, to which they
speak over a socket of this machine; when it ends, all end. Everything else they find in the database.
"""

import gc
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.managers import BaseManager
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from kitchenvision.errors import SettingsError, StorageError
from kitchenvision.regulator.app import create_app
from kitchenvision.regulator.cockpit_wall import Wall
from kitchenvision.regulator.limiter import FailureLimiter
from kitchenvision.regulator.parts import Memory
from kitchenvision.regulator.settings import RegulatorSettings

MOST_WORKERS = 32
_START_S = 60.0
# Young objects of a request are many and die without the collector; what it looks for are rings, which are few.
_COLLECTED_AFTER = (20_000, 20, 20)
_HEALTH_S = 30  # a worker that is so busy that it does not say a word for so long is started anew


@cache
def _wall() -> Wall:
    return Wall()


@cache
def _failures() -> FailureLimiter:
    return FailureLimiter()


class _SharedMemory(BaseManager):
    """Of each thing there is one, in the process of the manager."""


_SharedMemory.register("wall", _wall, exposed=("put_all", "put_blind", "picture", "known", "watch", "next_in_s"))
_SharedMemory.register("failures", _failures, exposed=("wait_s", "failed", "succeeded"))


@dataclass(frozen=True)
class Address:
    """Where the shared memory is found; its key goes to children of this process only."""

    path: str


@contextmanager
def shared_memory() -> Iterator[Address]:
    """The process that holds it, for the length of a block."""
    manager = _SharedMemory(ctx=multiprocessing.get_context("spawn"))
    manager.start(initializer=_end_with_parent)
    try:
        yield Address(str(manager.address))
    finally:
        manager.shutdown()


def joined(address: Address) -> Memory:
    """The shared memory as this process uses it.

    Raises:
        OSError: it has ended.
    """
    manager = _SharedMemory(address=address.path)
    manager.connect()
    shared = cast(Any, manager)
    return Memory(cast(FailureLimiter, shared.failures()), cast(Wall, shared.wall()))


def check(settings: RegulatorSettings, processes: int) -> None:
    """Whether these settings can be served by so many.

    Raises:
        SettingsError: too many or none, or several on SQLite.
    """
    if not 1 <= processes <= MOST_WORKERS:
        raise SettingsError("regulator", "--workers", f"got {processes}, allowed are 1 to {MOST_WORKERS}")
    if processes > 1 and settings.storage.database is None:
        raise SettingsError("regulator", "--workers", "more than one needs PostgreSQL; see storage.toml")


def application(settings: RegulatorSettings, address: Address) -> FastAPI:
    """The application of one worker, which ends with its parent."""
    _end_with_parent()
    app = create_app(settings, joined(address))
    # What is there now stays for good: to look through it again and again finds nothing.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
    return app


class Supervisor(Multiprocess):
    """Keeps the workers alive until a signal comes or `should_exit` is set.

    Args:
        on_ready: called once, when all answer.
    """

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], on_ready: Callable[[], None] | None
    ) -> None:
        super().__init__(config, sockets)
        self._on_ready = on_ready

    def init_processes(self) -> None:
        """Start them, then say so."""
        super().init_processes()
        if all(process.wait_until_ready(_START_S, self.should_exit) for process in self.processes):
            if self._on_ready is not None:
                self._on_ready()
        elif not self.signal_queue:
            self.terminate_all()
            self.join_all()
            raise StorageError("a process of the service did not start; its words stand above")


def serve_all(
    settings: RegulatorSettings,
    options: dict[str, Any],
    listening: socket.socket,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Serve by several processes until a signal. Call in the main thread.

    Args:
        options: of uvicorn, alike for each; `workers` says how many.

    Raises:
        StorageError: a worker did not start.
    """
    with shared_memory() as address:
        config = uvicorn.Config(
            partial(application, settings, address),
            factory=True,
            timeout_worker_healthcheck=_HEALTH_S,
            **options,
        )
        Supervisor(config, [listening], on_ready).run()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()
