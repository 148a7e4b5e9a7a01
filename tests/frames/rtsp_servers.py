"""RTSP servers on loopback for tests: a real one that plays files, and one that only ever answers a status."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_STREAMS = 32


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def playing(folder: Path) -> Iterator[str]:
    """aio-rtsp-toolkit's server over `folder`; gives ``127.0.0.1:port``."""
    from aio_rtsp_toolkit import server as toolkit  # noqa: PLC0415  # an optional package of the tests

    toolkit.logger = logging.getLogger("rtsp server")
    port = free_port()
    loop = asyncio.new_event_loop()
    # Each stream that is played holds a thread; without this one only four more than there are cores would play.
    loop.set_default_executor(ThreadPoolExecutor(_STREAMS))
    server = toolkit.RtspServer(str(folder), host="127.0.0.1", port=port)
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end(server: object) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:  # clients that have just hung up end by themselves; a cancelled one is logged as an error
        await asyncio.wait(others, timeout=2)
    await _cancelled()
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(server.close(), 2)  # type: ignore[attr-defined]
    await _cancelled()  # the thread of a stream may have begun to hand over its next packet


async def _cancelled() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def answering(reply: bytes | None) -> Iterator[str]:
    """Sends `reply` to every request, with its CSeq; None never answers. Gives ``127.0.0.1:port``."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, suppress(OSError):
                peer.settimeout(5)
                while not ended.is_set() and (request := peer.recv(4096)):
                    if reply is None:
                        ended.wait(5)
                        break
                    sequence = request.split(b"CSeq: ")[1].split(b"\r\n")[0] if b"CSeq: " in request else b"1"
                    peer.sendall(reply.replace(b"SEQUENCE", sequence))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
