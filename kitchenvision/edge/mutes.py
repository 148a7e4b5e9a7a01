"""When a camera is not watched: repairs, holidays, hours in which nobody cooks. Pure: instants in, answers out.

While a camera is muted nobody is judged on it, and the time counts as not observed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Literal, Self

from pydantic import field_validator, model_validator

from kitchenvision.config import minutes_of
from kitchenvision.edge.section import Section

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class MuteSection(Section):
    """One ``[[mutes]]`` entry: once, with begins and ends, or every week, with weekdays, hours or both.

    Attributes:
        cameras: ids; none = all. reason: shown to people.
        begins, ends: without an offset they are local. weekdays: local days; hours: as of a zone.
    """

    cameras: tuple[str, ...] = ()
    reason: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    weekdays: tuple[Weekday, ...] = ()
    hours: tuple[str, ...] = ()

    @field_validator("hours")
    @classmethod
    def _readable_hours(cls, hours: tuple[str, ...]) -> tuple[str, ...]:
        for text in hours:
            minutes_of(text)
        return hours

    @model_validator(mode="after")
    def _once_or_weekly(self) -> Self:
        if (self.begins is None) != (self.ends is None):
            raise ValueError("begins and ends belong together")
        if (self.begins is not None) == bool(self.weekdays or self.hours):
            raise ValueError("give begins and ends, or weekdays and hours")
        if self.begins is not None and self.ends is not None:
            if (self.begins.tzinfo is None) != (self.ends.tzinfo is None):
                raise ValueError("begins and ends: both with an offset, or both local")
            if self.ends <= self.begins:
                raise ValueError("ends must be after begins")
        return self

    @property
    def once(self) -> bool:
        """Whether it has an end."""
        return self.ends is not None

    def span(self, zone: tzinfo) -> tuple[datetime, datetime] | None:
        """Its two instants, UTC, if it is once."""
        if self.begins is None or self.ends is None:
            return None
        return _instant(self.begins, zone), _instant(self.ends, zone)

    def holds(self, camera_id: str, at: datetime, zone: tzinfo) -> bool:
        """Whether it mutes this camera at that instant."""
        if self.cameras and camera_id not in self.cameras:
            return False
        span = self.span(zone)
        if span is not None:
            return span[0] <= at < span[1]
        local = at.astimezone(zone)
        minute = local.hour * 60 + local.minute
        if self.weekdays and WEEKDAYS[local.weekday()] not in self.weekdays:
            return False
        return not self.hours or any(within(minute, *minutes_of(text)) for text in self.hours)


@dataclass(frozen=True)
class Muted:
    """A camera is muted. until: the instant at which that ends; None where it is a weekly one."""

    reason: str
    until: datetime | None


def muted_at(mutes: Sequence[MuteSection], camera_id: str, at: datetime, zone: tzinfo) -> Muted | None:
    """Whether a camera is muted at that instant; of several the one that ends last is told."""
    found = None
    for mute in mutes:
        if mute.holds(camera_id, at, zone):
            span = mute.span(zone)
            until = span[1] if span else None
            if found is None or until is None or (found.until is not None and until > found.until):
                found = Muted(mute.reason, until)
    return found


def _instant(time: datetime, zone: tzinfo) -> datetime:
    return (time if time.tzinfo is not None else time.replace(tzinfo=zone)).astimezone(UTC)


def within(minute: int, start: int, end: int) -> bool:
    """Whether a minute of the day lies in these; an end before the start is that of the next day."""
    return start <= minute < end if start < end else minute >= start or minute < end
