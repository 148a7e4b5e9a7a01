"""A proxy that stands before the real regulator and harms what passes, one request at a time."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

Upstream = Callable[[bytes], bytes]
Fault = Callable[[bytes, Upstream], bytes | None]
"""Gets the raw request and a way to have it answered; gives the bytes that the client gets, None for silence."""


class FaultProxy:
    """Listens on loopback and lets requests through to a port, each on a connection of its own.

    Args:
        port: of the regulator.
        fault: what happens to a request.
        times: how many requests it happens to; later ones pass unharmed.
        method: only requests of this method are harmed; empty = all.
    """

    def __init__(self, port: int, fault: Fault, times: int, method: str = "") -> None:
        self._target, self._fault, self._method = port, fault, method
        self.left = times
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.1)
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads.append(threading.Thread(target=self._accept))
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                connection, _ = self._listening.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5.0)
            request = read_request(connection)
            if not request:
                return
            answer = self._harmed(request)
            if answer is None:
                self._over.wait(1.0)
                return
            connection.sendall(answer)

    def _harmed(self, request: bytes) -> bytes | None:
        with self._lock:
            harm = self.left > 0 and request.startswith(self._method.encode())
            self.left -= harm
        return self._fault(request, self._answered) if harm else self._answered(request)

    def _answered(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        head = head.replace(b"Connection: keep-alive", b"Connection: close")
        answer = b""
        with socket.create_connection(("127.0.0.1", self._target), timeout=5.0) as upstream:
            upstream.sendall(head + b"\r\n\r\n" + body)
            while piece := upstream.recv(1 << 16):
                answer += piece
        return answer


def read_request(connection: socket.socket) -> bytes:
    """One request with its body, or less when the client ends earlier."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(1 << 16)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    missing = (int(lengths[0]) if lengths else 0) - len(body)
    while missing > 0:
        piece = connection.recv(1 << 16)
        if not piece:
            break
        data, missing = data + piece, missing - len(piece)
    return data
