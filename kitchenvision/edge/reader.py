"""Keeps one camera connected: opens it in a thread of its own, and gives a stuck one up without waiting for it."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kitchenvision.edge.causes import Cause, cause_of
from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.lifecycle import Lifecycle, Limits, State
from kitchenvision.edge.mailbox import Arrival, Mailbox
from kitchenvision.errors import SourceError
from kitchenvision.frames.dialing import shown_address, without_secrets
from kitchenvision.frames.rtsp import RtspSource
from kitchenvision.frames.source import SourceOptions
from kitchenvision.types import Frame

_log = logging.getLogger(__name__)
Opener = Callable[[str, SourceOptions, SteadyClock, Limits], RtspSource]


def open_stream(url: str, options: SourceOptions, clock: SteadyClock, limits: Limits) -> RtspSource:
    """The real opener. Raises as `RtspSource` does."""
    return RtspSource(url, options, clock, limits.open_s, limits.stall_s)


@dataclass
class Wiring:
    """What a reader is connected to; the same for all readers of one worker."""

    mailbox: Mailbox
    clock: SteadyClock
    limits: Limits
    opener: Opener = open_stream
    steady: Callable[[], float] = time.monotonic
    rng: random.Random = field(default_factory=random.Random)


class Reader:
    """One camera's connection. Call `tick` several times a second; frames arrive in the mailbox.

    The last arrival of a session has no frame: whoever takes it cuts what clips are due and then closes the source.

    Args:
        camera_id: whose. url: with credentials; it is never logged. options: how to read. wiring: shared parts.

    Attributes:
        lifecycle: where the connection stands. problem: the last error in words, without credentials.
        abandoned: readers that were stuck, given up, and have not come back yet.
    """

    def __init__(self, camera_id: str, url: str, options: SourceOptions, wiring: Wiring) -> None:
        self.camera_id, self.problem = camera_id, ""
        self._url, self._options, self._wiring = url, options, wiring
        self.lifecycle = Lifecycle(wiring.limits, wiring.rng, wiring.steady())
        self.session = 0
        self.source: RtspSource | None = None
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closing = False

    @property
    def abandoned(self) -> int:
        """Stuck threads of earlier sessions that are still there."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        current = self.lifecycle.state in (State.CONNECTING, State.LIVE)
        return max(0, len(self._threads) - current)

    def tick(self) -> None:
        """Opens when it is time, and gives up what is stuck."""
        now_s = self._wiring.steady()
        with self._lock:
            died = self.lifecycle.check(now_s)
            if died:
                self.problem = f"{shown_address(self._url)}: no picture for {self._wiring.limits.stall_s:g} s"
                self._give_up()
                self.lifecycle.given_up(now_s)
            due = not died and not self._closing and self.lifecycle.due(now_s)
            if due:
                self.session += 1
                thread = threading.Thread(
                    target=self._run, args=(self.session,), name=f"camera {self.camera_id}", daemon=True
                )
                self._threads.append(thread)
        if died:
            _log.warning("camera %s: %s", self.camera_id, self.problem, extra={"camera_id": self.camera_id})
        if due:
            thread.start()

    def close(self, patience_s: float = 2.0) -> None:
        """Hangs up. A thread that is stuck in native code is left behind; it ends with the process."""
        with self._lock:
            self._closing = True
            self._give_up()
        for thread in self._threads:
            thread.join(patience_s)

    def _give_up(self) -> None:
        source, self.source = self.source, None
        session, self.session = self.session, self.session + 1
        if source is not None:
            source.hang_up()
            self._put(session, source, None)

    def _run(self, session: int) -> None:
        """One connection, from its call to its end."""
        wiring = self._wiring
        source: RtspSource | None = None
        try:
            opened = wiring.opener(self._url, self._options, wiring.clock, wiring.limits)
            if not self._adopt(session, opened):
                opened.close()
                return
            source = opened
            for frame in source.frames():
                if not self._arrived(session, source, frame):
                    return
            self._over(session, source, Cause.ENDED, "")
        except SourceError as error:
            self._over(session, source, cause_of(error), without_secrets(str(error), self._url))
        except Exception as error:  # noqa: BLE001  the top of a thread; an unknown error may carry the address
            text = without_secrets(str(error), self._url)
            self._over(session, source, Cause.UNREACHABLE, f"{type(error).__name__}: {text}")

    def _adopt(self, session: int, source: RtspSource) -> bool:
        with self._lock:
            if session != self.session or self._closing:
                return False
            self.source = source
            return True

    def _arrived(self, session: int, source: RtspSource, frame: Frame) -> bool:
        with self._lock:
            if session != self.session:
                return False
            first = self.lifecycle.state is not State.LIVE
            self.lifecycle.frame(self._wiring.steady())
            self._put(session, source, frame)
        if first:
            self.problem = ""
            _log.info("camera %s: picture", self.camera_id, extra={"camera_id": self.camera_id})
        return True

    def _over(self, session: int, source: RtspSource | None, cause: Cause, problem: str) -> None:
        with self._lock:
            if session != self.session:
                return
            self.source = None
            known, self.problem = self.problem, problem or f"{shown_address(self._url)}: {cause}"
            self.lifecycle.failed(self._wiring.steady(), cause)
            if source is not None:
                self._put(session, source, None)
        if self.problem != known:  # once a minute for a week-end would bury everything else
            _log.warning("camera %s: %s", self.camera_id, self.problem, extra={"camera_id": self.camera_id})

    def _put(self, session: int, source: RtspSource, frame: Frame | None) -> None:
        self._wiring.mailbox.put(Arrival(self.camera_id, session, source, frame, self._wiring.steady()))
