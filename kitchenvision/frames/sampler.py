"""Which frames of a source are looked at: a pure function of their times."""

import math
from collections.abc import Iterable, Iterator
from typing import TypeVar

from kitchenvision.errors import SourceBroken

T = TypeVar("T")

# Times come from integers over a time base; this much is rounding, not a difference.
_ROUNDING_S = 1e-6


def sampled(timed: Iterable[tuple[float, T]], fps: float, from_s: float = 0.0) -> Iterator[tuple[float, T]]:
    """Of frames with their times (seconds, never decreasing) those nearest to each k / `fps`, none twice.

    A source that is slower than `fps` gives each frame once. Of two frames equally near the earlier is taken. One
    frame is held back, so that the nearest is known; when the input raises `SourceBroken`, it is given first.

    Args:
        timed: (time, frame). fps: targets a second. from_s: targets before this time are not wanted.

    Raises:
        SourceBroken: as the input did.
    """
    due = math.ceil((from_s - _ROUNDING_S) * fps)
    held: tuple[float, T] | None = None
    given = False
    broken: SourceBroken | None = None
    frames = iter(timed)
    while True:
        try:
            now = next(frames)
        except StopIteration:
            break
        except SourceBroken as error:
            broken = error
            break
        latest = math.floor((now[0] + _ROUNDING_S) * fps)
        if latest < due:
            held, given = now, False
            continue
        if held is not None and not given and _earlier_is_nearer(held[0], now[0], due / fps):
            yield held
        # After a gap many targets lie between the two; the last of them is the one nearest to the later frame.
        given = held is None or not _earlier_is_nearer(held[0], now[0], latest / fps)
        if given:
            yield now
        held, due = now, latest + 1
    if held is not None and not given and due / fps - held[0] <= 0.5 / fps + _ROUNDING_S:
        yield held
    if broken is not None:
        raise broken


def _earlier_is_nearer(earlier_s: float, later_s: float, target_s: float) -> bool:
    return target_s - earlier_s <= later_s - target_s + _ROUNDING_S
