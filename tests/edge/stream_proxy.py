"""A proxy that stands before a real RTSP server and harms what passes, both ways, while a fault lasts."""

import random
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

KINDS = (
    "cut", "stall", "half-open", "slow", "garbage", "refused", "wrong password", "no such stream",
    "resolution", "loss", "clock jump", "regulator down",
)  # fmt: skip
_STATUS = {"wrong password": b"401 Unauthorized", "no such stream": b"404 Not Found"}
_SLOW_BYTES_S = 600
_LOST = 0.01  # of what is read at once


class StreamProxy:
    """Listens on loopback for one camera.

    Args:
        target: ``host:port`` of the server. renamed: (a, b) of the same length; what the camera is asked for while
            it has another resolution.
        seed: of the garbage.
    """

    def __init__(self, target: str, renamed: tuple[bytes, bytes], seed: int) -> None:
        host, _, port = target.partition(":")
        self._target, self._renamed = (host, int(port)), renamed
        self._rng = random.Random(seed)
        self.kind = ""
        self._over = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listening: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._cut()
        for thread in self._threads:
            thread.join(5)
        if self._listening:
            self._listening.close()

    def begin(self, kind: str) -> None:
        """A fault begins. Those that concern a greeting cut what is open, so that there is one."""
        self.kind = kind
        if kind == "refused" and self._listening:
            listening, self._listening = self._listening, None
            listening.close()
        if kind in {"cut", "half-open", "refused", "resolution", *_STATUS}:
            self._cut()

    def end(self) -> None:
        """It is over."""
        if self.kind == "refused":
            self._listening = socket.create_server(("127.0.0.1", self.port))
        if self.kind == "resolution":
            self._cut()
        self.kind = ""

    def _cut(self) -> None:
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def _accept(self) -> None:
        while not self._over.is_set():
            listening = self._listening
            if listening is None:
                time.sleep(0.01)
                continue
            try:
                listening.settimeout(0.1)
                client, _ = listening.accept()
            except OSError:
                continue
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            with self._lock:
                self._open.add(client)
            kind = self.kind
            if kind == "half-open":
                while self.kind == kind and not self._over.wait(0.02):
                    pass
                return
            if kind in _STATUS:
                self._answer(client, _STATUS[kind])
                return
            with socket.create_connection(self._target, 5) as server:
                with self._lock:
                    self._open.add(server)
                there = threading.Thread(target=self._pump, args=(client, server, True), daemon=True)
                there.start()
                self._pump(server, client, False)
                there.join(5)

    def _answer(self, client: socket.socket, status: bytes) -> None:
        client.settimeout(2)
        while request := client.recv(4096):
            sequence = request.partition(b"CSeq: ")[2].partition(b"\r\n")[0] or b"1"
            client.sendall(b"RTSP/1.0 " + status + b"\r\nCSeq: " + sequence + b"\r\nContent-Length: 0\r\n\r\n")

    def _pump(self, source: socket.socket, sink: socket.socket, to_camera: bool) -> None:
        source.settimeout(0.1)
        while not self._over.is_set():
            if self.kind == "stall":
                time.sleep(0.02)
                continue
            try:
                data = source.recv(_SLOW_BYTES_S // 10 if self.kind == "slow" else 65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if not data:
                break
            try:
                sink.sendall(self._harmed(data, to_camera))
            except OSError:
                break
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def _harmed(self, data: bytes, to_camera: bool) -> bytes:
        if self.kind == "slow" and not to_camera:
            time.sleep(0.1)
        if self.kind == "loss" and not to_camera and self._rng.random() < _LOST:
            return b""
        if self.kind == "garbage" and not to_camera:
            return self._rng.randbytes(len(data))
        if self.kind == "resolution" and to_camera:
            return data.replace(*self._renamed)
        return data
