"""One camera's connection as a pure object: no thread, no clock, no socket; seconds come in, states come out.

CONNECTING ──opened──► LIVE ──failed──► BACKING_OFF ──due──► CONNECTING
    │                    │                   ▲
    └──── too long ──────┴─► DEAD ──given_up─┘
"""

import random
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from kitchenvision.edge.causes import NEEDS_A_PERSON, Cause


class State(StrEnum):
    """Where a connection stands. DEAD: its reader is stuck and must be given up, whatever it holds."""

    CONNECTING = "connecting"
    LIVE = "live"
    DEAD = "dead"
    BACKING_OFF = "backing off"


@dataclass(frozen=True)
class Limits:
    """Seconds. open_s: to open, and as much again for the first picture. stall_s: without a frame is dead.

    first_s, longest_s: bounds of the back-off. steady_s: live this long, the next back-off begins anew.
    """

    open_s: float = 10.0
    stall_s: float = 20.0
    first_s: float = 1.0
    longest_s: float = 60.0
    steady_s: float = 10.0


class Lifecycle:
    """The states of one camera.

    Args:
        limits: time-outs. rng: draws the jitter, so that cameras behind one switch do not call all at once.
        now_s: any clock that never goes back; the same one in every call.

    Attributes:
        state, since_s: where it stands, since when. cause: why there is no picture; None while there is one.
        next_try_s: when it is called again, while backing off. last_frame_s: None before the first.
        reconnects: failures by cause.
    """

    def __init__(self, limits: Limits, rng: random.Random, now_s: float) -> None:
        self._limits, self._rng = limits, rng
        self.state, self.since_s = State.BACKING_OFF, now_s
        self._began_s = now_s
        self.cause: Cause | None = None
        self.next_try_s = now_s
        self.last_frame_s: float | None = None
        self.reconnects: Counter[Cause] = Counter()
        self._failures = 0

    def due(self, now_s: float) -> bool:
        """Whether to open the stream now; when so, it is CONNECTING from here on."""
        if self.state is not State.BACKING_OFF or now_s < self.next_try_s:
            return False
        self._enter(State.CONNECTING, now_s)
        return True

    def frame(self, now_s: float) -> None:
        """A frame came. Ignored where the connection was given up already."""
        if self.state is State.CONNECTING:
            self._enter(State.LIVE, now_s)
            self.cause = None
        if self.state is State.LIVE:
            self.last_frame_s = now_s
            if now_s - self.since_s >= self._limits.steady_s:
                self._failures = 0

    def check(self, now_s: float) -> bool:
        """Whether the connection has just died: the caller gives its reader up and then says `given_up`."""
        limit_s = 0.0
        if self.state is State.CONNECTING:
            limit_s = self.since_s + 2 * self._limits.open_s
        elif self.state is State.LIVE:
            limit_s = (self.last_frame_s or self.since_s) + self._limits.stall_s
        if not limit_s or now_s < limit_s:
            return False
        self.cause = Cause.STALLED
        self._enter(State.DEAD, now_s)
        return True

    def given_up(self, now_s: float) -> None:
        """The reader of a dead connection was dropped; the next try waits its turn."""
        if self.state is State.DEAD:
            self._back_off(Cause.STALLED, now_s)

    def failed(self, now_s: float, cause: Cause) -> None:
        """Opening failed, or the stream broke. Ignored where nothing was open."""
        if self.state in (State.CONNECTING, State.LIVE):
            self._back_off(cause, now_s)

    def blind_s(self, now_s: float) -> float:
        """Seconds since the last frame, or since this began; 0 while frames come as they should."""
        if self.state is State.LIVE:
            return 0.0
        return now_s - (self._began_s if self.last_frame_s is None else self.last_frame_s)

    def _back_off(self, cause: Cause, now_s: float) -> None:
        self.cause = cause
        self.reconnects[cause] += 1
        limits = self._limits
        self._failures += 1
        # An exponent beyond 20 would only overflow after months.
        ceiling = min(limits.longest_s, limits.first_s * 2.0 ** min(self._failures, 20))
        if cause in NEEDS_A_PERSON:
            ceiling = limits.longest_s
        self.next_try_s = now_s + limits.first_s + self._rng.random() * (ceiling - limits.first_s)
        self._enter(State.BACKING_OFF, now_s)

    def _enter(self, state: State, now_s: float) -> None:
        self.state, self.since_s = state, now_s
