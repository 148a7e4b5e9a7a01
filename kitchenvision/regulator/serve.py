"""Runs the service: the port is taken first, so that a used one is said at once and clearly."""

import errno
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn

from kitchenvision.errors import PortInUse
from kitchenvision.regulator import workers
from kitchenvision.regulator.app import create_app
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.setup import address, prepare_database
from kitchenvision.regulator.storage import open_blobs

_PORTS_TRIED = 50
_STOP_S = 5
_OPTIONS: dict[str, Any] = {
    "log_level": "warning",
    "access_log": False,  # addresses hold one-time log-in tokens
    "proxy_headers": False,
    "server_header": False,
    "timeout_graceful_shutdown": _STOP_S,
}


def serve(
    settings: RegulatorSettings,
    on_ready: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
    processes: int = 1,
) -> None:
    """Serve until a signal, or until `stop` is set. Requests under way are answered first.

    Args:
        on_ready: called with the address once requests are answered.
        stop: for a caller that runs this in a thread, where signals do not arrive; with one process only.
        processes: how many answer; more than one needs PostgreSQL.

    Raises:
        SettingsError: so many processes cannot be.
        PortInUse: something listens there already, or it may not be taken.
        StorageError: the data folder cannot be used.
    """
    workers.check(settings, processes)
    with bound(settings.host, settings.port) as listening:
        where = address(settings.host, listening.getsockname()[1])
        if processes > 1:
            prepare_database(settings)
            open_blobs(settings)  # tidied once, before anybody writes
            ready = None if on_ready is None else partial(on_ready, where)
            workers.serve_all(settings, {**_OPTIONS, "workers": processes}, listening, ready)
            return
        server = _Server(uvicorn.Config(create_app(settings), **_OPTIONS), on_ready, where)
        ended = threading.Event()
        watcher = threading.Thread(target=server.end_on, args=(stop, ended), name="regulator stop", daemon=True)
        if stop is not None:
            watcher.start()
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:
            pass  # the server has stopped in good order before it says so again
        finally:
            ended.set()


def bound(host: str, port: int) -> socket.socket:
    """A listening socket there.

    Raises:
        PortInUse: something listens there already, or it may not be taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(f"port {port} on {host} is in use; choose another with --port") from error
        raise PortInUse(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error
    return listening


def free_port(start: int, host: str = "127.0.0.1") -> int:
    """The first free port from `start` on.

    Raises:
        PortInUse: none of the next 50 is free.
    """
    for port in range(start, min(start + _PORTS_TRIED, 65536)):
        try:
            bound(host, port).close()
        except PortInUse:
            continue
        return port
    raise PortInUse(f"no free port on {host} from {start} to {start + _PORTS_TRIED - 1}; choose one with --port")


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], None] | None, where: str) -> None:
        super().__init__(config)
        self._on_ready, self._where = on_ready, where

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started and self._on_ready is not None:
            self._on_ready(self._where)

    def end_on(self, stop: threading.Event, ended: threading.Event) -> None:
        """Ask the server to stop when `stop` is set."""
        while not ended.is_set():
            if stop.wait(0.1):
                self.should_exit = True
                return
