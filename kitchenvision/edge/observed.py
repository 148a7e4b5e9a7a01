"""How long each rule was watched in each zone of one camera, told in periods; survives being killed.

What was counted is in a small file, written anew every few seconds. A period that is over is put into that file in
its final form first and into the outbox then: whoever is killed between the two puts the same report again.
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from kitchenvision.edge.state import RuleTime
from kitchenvision.errors import StorageError
from kitchenvision.outbox import ReportConflict
from kitchenvision.rules.engine import hour_fits
from kitchenvision.types import Zone
from kitchenvision.wire import ObservedTime, observation_id

_log = logging.getLogger(__name__)
_SAVE_S = 10.0  # what a kill can cost
_LATE = timedelta(
    seconds=10
)  # a period ends so much later than the clock says: its last frames wait to be looked at
_LONGEST_TICK_S = 60.0
# A clock that is set back by less is waited for, since that time was counted; by more it had been wrong.
_SET_BACK = timedelta(hours=1)
Key = tuple[str, str]  # zone, rule


class _Book(BaseModel):
    """The file. counted_to: nothing before it is counted again. rows: zone, rule, seconds of the period."""

    model_config = ConfigDict(extra="forbid")
    version: Literal[1] = 1
    counted_to: AwareDatetime | None = None
    period_from: AwareDatetime | None = None
    period_to: AwareDatetime | None = None
    rows: list[tuple[str, str, float]] = []
    finished: list[ObservedTime] = []


@dataclass(frozen=True)
class Watched:
    """What is watched by whom: `minutes` is the length of a period, a divisor of 15, so that none crosses an hour
    of UTC or of any local time.
    """

    canteen_id: str
    camera_id: str
    zones: Sequence[Zone]
    timezone: tzinfo
    minutes: int


@dataclass
class ObservedLedger:
    """One camera's.

    Args:
        watched: the camera and its zones. path: the file, of this ledger alone.
        put: keeps a report until it is delivered, as `Outbox.put_observed`.
    """

    watched: Watched
    path: Path
    put: Callable[[ObservedTime], bool]
    _totals: dict[Key, list[float]] = field(default_factory=dict, init=False)
    _ticked_at: datetime | None = field(default=None, init=False)
    _saved_at: datetime | None = field(default=None, init=False)
    _problem: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._book = _read(self.path)
        self._rows: dict[Key, float] = {(zone, rule): s for zone, rule, s in self._book.rows}

    @property
    def totals(self) -> tuple[RuleTime, ...]:
        """Since this object was made."""
        rows = sorted(self._totals.items())
        return tuple(RuleTime(*key, observed_s=round(s[0], 1), due_s=round(s[1], 1)) for key, s in rows)

    def saw(self, begins: datetime, ends: datetime) -> None:
        """The camera could see from then to then. What was counted before is not counted again."""
        self._mind_clock(ends)
        if self._book.counted_to is not None:
            begins = max(begins, self._book.counted_to)
        while begins < ends:
            until = min(ends, self._enter(begins))
            for key in self._due(begins):
                seconds = (until - begins).total_seconds()
                self._rows[key] = self._rows.get(key, 0.0) + seconds
                self._totals.setdefault(key, [0.0, 0.0])[0] += seconds
            self._book.counted_to = begins = until

    def tick(self, now: datetime) -> None:
        """Once a second or so, also without a picture: due time passes, periods end, the file is written."""
        self._mind_clock(now)
        at = max(now - _LATE, self._book.counted_to or now - _LATE)
        self._enter(at)
        passed_s = (now - self._ticked_at).total_seconds() if self._ticked_at else 0.0
        self._ticked_at = now
        for key in self._due(at):
            self._rows.setdefault(key, 0.0)
            if 0.0 < passed_s <= _LONGEST_TICK_S:
                self._totals.setdefault(key, [0.0, 0.0])[1] += passed_s
        since_s = (now - self._saved_at).total_seconds() if self._saved_at else _SAVE_S
        if self._book.finished or not 0.0 <= since_s < _SAVE_S:
            self._saved_at = now
            self.flush()

    def flush(self) -> None:
        """Write the file, then hand over what is finished; a full disk is told once and tried again."""
        try:
            self._save()
            if self._book.finished:
                for report in self._book.finished:
                    self._hand_over(report)
                self._book.finished = []
                self._save()
            self._problem = ""
        except StorageError as error:
            if str(error) != self._problem:
                _log.error("camera %s: observed time waits for the disk: %s", self.watched.camera_id, error)
            self._problem = str(error)

    def _hand_over(self, report: ObservedTime) -> None:
        try:
            self.put(report)
        except ReportConflict as error:  # after a clock was set back far; what was told first stands
            _log.warning("camera %s: %s", report.camera_id, error)

    def _enter(self, at: datetime) -> datetime:
        """Into the period of that instant, whose end is given; the one before is finished, with what it has."""
        book, begins = self._book, self._period_of(at)
        ends = begins + timedelta(minutes=self.watched.minutes)
        if book.period_from is not None and book.period_to is not None:
            if book.period_from <= at < book.period_to:
                return book.period_to
            span = book.period_from, book.period_to
            book.finished += [self._report(span, key, seconds) for key, seconds in sorted(self._rows.items())]
            self._rows = {}
            if begins < book.period_to < ends:  # periods were shorter until now
                begins = book.period_to
        book.period_from, book.period_to = begins, ends
        book.counted_to = max(begins, book.counted_to or begins)
        return ends

    def _mind_clock(self, now: datetime) -> None:
        if self._book.counted_to is not None and now < self._book.counted_to - _SET_BACK:
            _log.warning("camera %s: the clock was set back far; observed time follows", self.watched.camera_id)
            self._enter(now)
            self._book.counted_to = now

    def _report(self, span: tuple[datetime, datetime], key: Key, seconds: float) -> ObservedTime:
        watched, (begins, ends) = self.watched, span
        return ObservedTime(
            observation_id=observation_id(watched.canteen_id, watched.camera_id, *key, begins),
            canteen_id=watched.canteen_id,
            camera_id=watched.camera_id,
            zone=key[0],
            rule_id=key[1],
            from_at=begins,
            to_at=ends,
            observed_s=min(round(seconds, 3), (ends - begins).total_seconds()),
            created_at=ends,  # not the time of writing: the same period is the same bytes
        )

    def _period_of(self, at: datetime) -> datetime:
        at = at.astimezone(UTC)
        minute = at.minute // self.watched.minutes * self.watched.minutes
        return at.replace(minute=minute, second=0, microsecond=0)

    def _due(self, at: datetime) -> set[Key]:
        local = at.astimezone(self.watched.timezone)
        minute = local.hour * 60 + local.minute
        return {(z.name, rule) for z in self.watched.zones if hour_fits(z, minute) for rule in z.rules}

    def _save(self) -> None:
        self._book.rows = [(*key, seconds) for key, seconds in sorted(self._rows.items())]
        part = self.path.with_suffix(".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("w", encoding="utf-8") as file:
                file.write(self._book.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.path)
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error.strerror}") from error


def _read(path: Path) -> _Book:
    try:
        return _Book.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return _Book()
    except (OSError, ValidationError) as error:
        _log.error("%s cannot be read, observed time begins anew: %s", path, type(error).__name__)
        return _Book()
