"""What one reader is told and when: pure; states and instants in, events that are due out.

Events of a short time are one message, and only so many messages an hour go out; the rest waits for the next.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kitchenvision.edge.health import BLIND
from kitchenvision.edge.notify_settings import EventKind, NotifySection
from kitchenvision.edge.state import CameraState

_MOST_WAITING = 200
_STALE = timedelta(hours=24)  # older ones are of no use to anybody any more
_FIRST_RETRY_S, _LONGEST_RETRY_S = 30.0, 1800.0
_HOUR_S = 3600.0
_STEADY_S = 10.0  # so long a camera must see again before that is told
_BLIND = {trouble.value for trouble in BLIND}


class Event(BaseModel):
    """Something that happened. why: of a blind camera, a cause or a trouble. picture: hash of a violation's."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    kind: EventKind
    at: AwareDatetime
    camera_id: str = ""
    camera: str = ""
    rule_id: str = ""
    zone: str = ""
    why: str = ""
    violation_id: str = ""
    picture: str = ""

    def row(self) -> dict[str, Any]:
        """For a program."""
        values = self.model_dump(mode="json", exclude={"picture"})
        return {key: value for key, value in values.items() if value}


class Book(BaseModel):
    """What is kept of one reader over a restart.

    Attributes:
        waiting: events that were not told yet. left_out: those that went to make room.
        sent_at: of the last hour. told_blind: cameras of which that was told; disk_low: the same of the disk.
    """

    model_config = ConfigDict(extra="ignore")
    waiting: list[Event] = []
    left_out: Annotated[int, Field(ge=0)] = 0
    sent_at: list[AwareDatetime] = []
    told_blind: list[str] = []
    disk_low: bool = False


class Reader:
    """One reader.

    Args:
        section: who it is. book: what was kept; changed here, for the caller to keep.
    """

    def __init__(self, section: NotifySection, book: Book) -> None:
        self.section, self.book = section, book
        self._bad_since: dict[str, datetime] = {}
        self._good_since: dict[str, datetime] = {}
        self._failed_at: datetime | None = None
        self._pause_s, self._retry_s = 0.0, _FIRST_RETRY_S
        self.problem = ""

    def with_section(self, section: NotifySection) -> Self:
        """Other settings hold from now on."""
        self.section, self._failed_at, self._retry_s = section, None, _FIRST_RETRY_S
        return self

    def happened(self, event: Event) -> None:
        """Take it in, if this reader wants it."""
        if event.kind not in self.section.events or not self._wants(event.camera_id):
            return
        self.book.waiting.append(event)
        if len(self.book.waiting) > _MOST_WAITING:
            del self.book.waiting[0]
            self.book.left_out += 1

    def look(self, states: Sequence[CameraState], disk_low: bool, now: datetime) -> None:
        """How cameras and disk are now; what changed for long enough becomes an event."""
        for state in states:
            self._look_at(state, now)
        known = {state.camera_id for state in states}
        self.book.told_blind = [each for each in self.book.told_blind if each in known]
        if disk_low != self.book.disk_low:
            self.book.disk_low = disk_low
            if disk_low:
                self.happened(Event(kind="disk", at=now))

    def due(self, now: datetime) -> list[Event]:
        """The events of the message that is to go now; none when it is not its time."""
        book = self.book
        fresh = [event for event in book.waiting if now - event.at < _STALE]
        book.left_out += len(book.waiting) - len(fresh)
        book.waiting = fresh
        book.sent_at = [at for at in book.sent_at if _within(now, at, _HOUR_S)]
        if not fresh or len(book.sent_at) >= self.section.most_per_hour:
            return []
        if self._failed_at is not None and _within(now, self._failed_at, self._pause_s):
            return []
        return [] if _within(now, fresh[0].at, self.section.group_s) else fresh

    def sent(self, events: Sequence[Event], now: datetime) -> None:
        """They were told."""
        self.book.waiting = self.book.waiting[len(events) :]
        self.book.left_out = 0
        self.book.sent_at.append(now)
        self._failed_at, self._retry_s, self.problem = None, _FIRST_RETRY_S, ""

    def failed(self, problem: str, now: datetime) -> bool:
        """They could not be told; whether that is news."""
        news, self.problem = problem != self.problem, problem
        self._failed_at, self._pause_s = now, self._retry_s
        self._retry_s = min(2 * self._retry_s, _LONGEST_RETRY_S)
        return news

    def _wants(self, camera_id: str) -> bool:
        return not camera_id or not self.section.cameras or camera_id in self.section.cameras

    def _look_at(self, state: CameraState, now: datetime) -> None:
        camera_id, why = state.camera_id, reason_of(state)
        told = camera_id in self.book.told_blind
        if why and not state.muted:
            self._good_since.pop(camera_id, None)
            began = now - timedelta(seconds=state.blind_s)
            since = self._bad_since[camera_id] = min(self._bad_since.get(camera_id, began), began)
            if not told and now - since >= timedelta(seconds=self.section.blind_after_s):
                self.book.told_blind.append(camera_id)
                self.happened(Event(kind="blind", at=now, camera_id=camera_id, camera=state.name, why=why))
            return
        self._bad_since.pop(camera_id, None)
        if not told or why:
            return
        since = self._good_since[camera_id] = min(self._good_since.get(camera_id, now), now)
        if now - since >= timedelta(seconds=_STEADY_S):
            self.book.told_blind.remove(camera_id)
            del self._good_since[camera_id]
            self.happened(Event(kind="back", at=now, camera_id=camera_id, camera=state.name))


def _within(now: datetime, since: datetime, seconds: float) -> bool:
    """Whether fewer seconds have passed; nobody waits for a time to come, which only a clock set back leaves."""
    return timedelta() <= now - since < timedelta(seconds=seconds)


def reason_of(state: CameraState) -> str:
    """Why nobody can be judged on a camera, as a key of words; empty when it sees or was never called yet."""
    if not state.has_picture_now:
        return state.cause
    return next((trouble for trouble in state.troubles if trouble in _BLIND), "")
