"""A proxy that stands before a real RTSP server and harms what passes, both ways, while a fault lasts."""

import random
import re
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

KINDS = (
    "cut", "stall", "half-open", "slow", "garbage", "refused", "wrong password", "no such stream",
    "resolution", "codec", "loss", "reordered", "clock jump", "regulator down",
)  # fmt: skip
_RENAMED = ("resolution", "codec")
_STATUS = {"wrong password": b"401 Unauthorized", "no such stream": b"404 Not Found"}
_SLOW_BYTES_S = 600
_LOST = 0.01  # of what is read at once
_SWAPPED = 0.2  # of the packets
_PACKET = re.compile(rb"\$[\x00-\x03]")


class Units:
    """Cuts what a server sends into answers and packets (RFC 2326, 10.12), so that packets can change places."""

    def __init__(self) -> None:
        self._data = b""
        self._held = b""

    def fed(self, data: bytes, swapped: float, rng: random.Random) -> bytes:
        """What is whole by now; swapped: how many of the packets go after the one that follows them."""
        self._data += data
        sent = b""
        while unit := self._whole():
            if not self._held and unit[:1] == b"$" and rng.random() < swapped:
                self._held = unit
            else:
                sent, self._held = sent + unit + self._held, b""
        return sent

    def _whole(self) -> bytes:
        if self._data[:1] == b"$":
            length = 4 + int.from_bytes(self._data[2:4]) if len(self._data) >= 4 else 4
        else:
            packet = _PACKET.search(self._data)
            length = packet.start() if packet else len(self._data)
        unit = self._data[:length] if len(self._data) >= length else b""
        self._data = self._data[len(unit) :]
        return unit


class StreamProxy:
    """Listens on loopback for one camera.

    Args:
        target: ``host:port`` of the server. names: three of the same length; what the camera is asked for, and what
            it is asked for instead while it has another resolution, and another codec.
        seed: of the garbage.
    """

    def __init__(self, target: str, names: tuple[bytes, bytes, bytes], seed: int) -> None:
        host, _, port = target.partition(":")
        self._target, self._names = (host, int(port)), names
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
        if kind in {"cut", "half-open", "refused", *_RENAMED, *_STATUS}:
            self._cut()

    def end(self) -> None:
        """It is over."""
        if self.kind == "refused":
            self._listening = socket.create_server(("127.0.0.1", self.port))
        if self.kind in _RENAMED:
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
        units = Units()
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
                sink.sendall(self._harmed(data, to_camera, units))
            except OSError:
                break
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def _harmed(self, data: bytes, to_camera: bool, units: Units) -> bytes:
        if not to_camera:
            data = units.fed(data, _SWAPPED if self.kind == "reordered" else 0.0, self._rng)
        if self.kind == "slow" and not to_camera:
            time.sleep(0.1)
        if self.kind == "loss" and not to_camera and self._rng.random() < _LOST:
            return b""
        if self.kind == "garbage" and not to_camera:
            return self._rng.randbytes(len(data))
        if self.kind in _RENAMED and to_camera:
            return data.replace(self._names[0], self._names[1 + _RENAMED.index(self.kind)])
        return data
