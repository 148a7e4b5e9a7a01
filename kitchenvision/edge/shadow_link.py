"""A worker's way to the model that looks along: it offers frames and never waits for anybody.

A thread carries one frame at a time. While it is under way, and while other frames wait to be looked at for real,
frames are left out and counted. A shadow that is gone, hangs or comes back later costs the worker nothing but that.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Client, Connection

from kitchenvision.types import Frame, Pixels

_log = logging.getLogger(__name__)
TURN_S = 120.0
"""So long it is one camera's turn: what would be reported needs frames in a row."""
_OFFERS_S = 10.0  # a camera that has offered nothing for so long gets no turn
_AGAIN_S = 5.0
_CLOSE_S = 2.0


@dataclass(frozen=True)
class Way:
    """Where the shadow listens: a socket in a folder that is this user's alone."""

    address: str


@dataclass(frozen=True)
class Offer:
    """A frame as it travels: pixels follow by themselves. left_out: frames since the last one that did not go."""

    camera_id: str
    media_s: float
    captured_at: datetime
    shape: tuple[int, int, int]
    left_out: int


class Turns:
    """Whose turn it is, among the cameras that offer frames; the one that waited longest comes next."""

    def __init__(self) -> None:
        self._offered_s: dict[str, float] = {}
        self._served_s: dict[str, float] = {}
        self._camera, self._until_s = "", 0.0

    def has(self, camera_id: str, now_s: float) -> bool:
        """Whether this camera's frame is wanted now."""
        self._offered_s[camera_id] = now_s
        quiet = now_s - self._offered_s.get(self._camera, now_s) > _OFFERS_S
        if not self._camera or now_s >= self._until_s or quiet:
            there = [one for one, at_s in self._offered_s.items() if now_s - at_s <= _OFFERS_S]
            self._camera = min(there, key=lambda one: self._served_s.get(one, -1e9))
            self._served_s[self._camera], self._until_s = now_s, now_s + TURN_S
        return camera_id == self._camera


class ShadowLink:
    """From one worker to the shadow.

    Args:
        way: where it listens. steady: seconds that never go back.
    """

    def __init__(self, way: Way, steady: Callable[[], float]) -> None:
        self._way, self._steady = way, steady
        self._turns = Turns()
        self._left_out = 0
        self._ready, self._stop = threading.Event(), threading.Event()
        self._full = threading.Condition()
        self._waiting: tuple[Offer, Pixels] | None = None
        self._thread = threading.Thread(target=self._run, name="to the shadow", daemon=True)
        self._thread.start()

    def offer(self, camera_id: str, frame: Frame, busy: bool) -> bool:
        """A frame that was just looked at for real; whether it goes. busy: others wait for that."""
        if not self._turns.has(camera_id, self._steady()):
            return False
        if busy or not self._ready.is_set():
            self._left_out += 1
            return False
        pixels = frame.picture.rgb()
        height, width, channels = pixels.shape
        shape = (height, width, channels)
        self._ready.clear()
        with self._full:
            self._waiting = Offer(camera_id, frame.media_s, frame.captured_at, shape, self._left_out), pixels
            self._full.notify()
        self._left_out = 0
        return True

    def close(self) -> None:
        """Hang up; a frame under way to a shadow that hangs is not waited for."""
        self._stop.set()
        with self._full:
            self._full.notify()
        self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with Client(self._way.address, "AF_UNIX") as connection:
                    self._carry(connection)
            except Exception as error:  # noqa: BLE001  the top of a loop: whatever the shadow does, it is tried again
                _log.debug("no model looks along now: %s", error, exc_info=True)
            self._ready.clear()
            self._stop.wait(_AGAIN_S)

    def _carry(self, connection: Connection) -> None:
        """Until it breaks: wait for its word, then send one frame."""
        while not self._stop.is_set():
            if not connection.poll(1.0):
                continue
            connection.recv_bytes()
            self._ready.set()
            with self._full:
                self._full.wait_for(lambda: self._waiting is not None or self._stop.is_set())
                waiting, self._waiting = self._waiting, None
            if waiting is not None:
                connection.send(waiting[0])
                connection.send_bytes(waiting[1].tobytes())
