"""Media time from presentation times that may be missing, stand still, wrap or jump."""

from dataclasses import dataclass, field

# A step back of less than this is jitter of one frame; more is a wrap or a recorder that started to count anew.
_JITTER_S = 1.0
# A step forward of more than this is believed only where the container's duration leaves room for it.
_LONGEST_GAP_S = 60.0
_ROUNDING_S = 1e-9


@dataclass
class Timeline:
    """Turns a source's own times into seconds that start at 0 and never decrease.

    Attributes:
        step_s: seconds from frame to frame where a time is missing. duration_s: of the container, if known.
        origin_s: the source's own time at media time 0; taken from the first frame when None.
        slack_s: a time this near to what the step says is not believed; 0 believes every time.
        rebased: whether the source's times broke, so that they no longer say where to seek.
    """

    step_s: float
    duration_s: float | None = None
    origin_s: float | None = None
    slack_s: float = 0.0
    rebased: bool = False
    _last_s: float | None = field(default=None, repr=False)
    _stuck: int = field(default=0, repr=False)

    def at(self, own_s: float | None) -> float:
        """Media time of the next frame, seconds; `own_s` is the source's time or None where it has none."""
        if own_s is None:
            media_s = 0.0 if self._last_s is None else self._last_s + self.step_s
            if self._last_s is None:
                self.rebased = True
            self._last_s = media_s
            return media_s
        if self.origin_s is None:
            self.origin_s = own_s - (0.0 if self._last_s is None else self._last_s + self.step_s)
        media_s = own_s - self.origin_s
        if self._last_s is None:
            media_s = max(0.0, media_s)
        elif abs(media_s - self._last_s - self.step_s) <= self.slack_s:
            media_s = self._last_s + self.step_s
        elif self._breaks(media_s, self._last_s):
            self.rebased = True
            media_s = self._last_s + self.step_s
            self.origin_s = own_s - media_s
        elif media_s < self._last_s:
            media_s = self._last_s
        self._last_s = media_s
        return media_s

    def _breaks(self, media_s: float, last_s: float) -> bool:
        self._stuck = self._stuck + 1 if media_s <= last_s + _ROUNDING_S else 0
        if self._stuck >= 2 or media_s < last_s - _JITTER_S:
            return True
        room_s = last_s if self.duration_s is None else max(last_s, self.duration_s)
        return media_s > room_s + _LONGEST_GAP_S
