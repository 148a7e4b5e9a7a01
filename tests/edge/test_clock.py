"""Wall-clock time that others may set: what is watched meanwhile neither jumps nor stands still."""

from datetime import UTC, datetime, timedelta

import pytest

from kitchenvision.edge.clock import SteadyClock

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


class Clocks:
    """A wall clock that people set, and a steady one."""

    def __init__(self) -> None:
        self.wall_off_s, self.now_s = 0.0, 100.0
        self.clock = SteadyClock(self.wall, lambda: self.now_s)

    def wall(self) -> datetime:
        return NOON + timedelta(seconds=self.now_s - 100 + self.wall_off_s)


def test_small_corrections_are_not_followed() -> None:
    """Time synchronisation slews all day; order and distance of frames stay what they were."""
    clocks = Clocks()
    before = clocks.clock()
    clocks.now_s += 1.0
    clocks.wall_off_s = -1.5
    assert clocks.clock() - before == timedelta(seconds=1)
    assert clocks.clock.jumps == 0


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, 86400.0 * 365, -5.0])
def test_a_step_is_taken_over_once_and_told(jump_s: float) -> None:
    """Evidence carries the corrected time from then on, and the page says that the clock was set."""
    clocks = Clocks()
    clocks.clock()
    clocks.now_s += 10
    clocks.wall_off_s = jump_s
    assert clocks.clock() == NOON + timedelta(seconds=10 + jump_s)
    clocks.now_s += 10
    assert clocks.clock() == NOON + timedelta(seconds=20 + jump_s)
    assert clocks.clock.jumps == 1
    assert clocks.clock.last_jump_s == pytest.approx(jump_s)
