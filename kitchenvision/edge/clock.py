"""Wall-clock time that does not jump while something is being watched."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# Less is the slow drift that time synchronisation corrects all day.
_JUMP_S = 2.0


class SteadyClock:
    """UTC at the speed of a clock that nobody sets; a step of the system's clock is taken over and told.

    Args:
        wall: the system's clock, UTC. steady: seconds that never go back.

    Attributes:
        jumps: how many steps there were. last_jump_s: the latest, seconds; positive = forward.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._wall_at, self._steady_at = wall(), steady()
        self.jumps, self.last_jump_s = 0, 0.0

    def __call__(self) -> datetime:
        """Now. Safe to call from several threads: the worst is that a jump is counted twice."""
        now, wall = self._steady(), self._wall()
        kept = self._wall_at + timedelta(seconds=now - self._steady_at)
        off_s = (wall - kept).total_seconds()
        if abs(off_s) < _JUMP_S:
            return kept
        self.jumps, self.last_jump_s = self.jumps + 1, off_s
        self._wall_at, self._steady_at = wall, now
        return wall
