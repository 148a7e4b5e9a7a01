"""Tells the canteen's own people: violations from the outbox, cameras and disk as they are; in a thread of its own.

What still waits is in one small file, so that a restart loses nothing and tells nothing twice but a message that
was under way. Evidence never waits for it: it only reads the outbox.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kitchenvision.config import timezone_of
from kitchenvision.delivery.message import Way
from kitchenvision.delivery.webhook import Webhook
from kitchenvision.edge.loops import keep_on
from kitchenvision.edge.notice_text import message_of
from kitchenvision.edge.notices import Book, Event, Reader
from kitchenvision.edge.notify_settings import NotifySection, Target
from kitchenvision.edge.settings import EdgeSettings
from kitchenvision.edge.state import CameraState
from kitchenvision.errors import DeliveryRetry, MissingExtra
from kitchenvision.outbox import Item, Outbox
from kitchenvision.wire import ConfirmedReport, parse_report

_log = logging.getLogger(__name__)
_STEP_S = 1.0
_FAILING_S = 10.0
_MOST_PICTURE_BYTES = 2_000_000


class _Kept(BaseModel):
    """The file. mark: of the last violation in the outbox that was taken in; None before the first start."""

    model_config = ConfigDict(extra="ignore")
    version: Literal[1] = 1
    mark: Annotated[int, Field(ge=0)] | None = None
    readers: dict[str, Book] = {}


@dataclass(frozen=True)
class Facts:
    """Where events come from; each safe to call from any thread."""

    outbox: Outbox
    states: Callable[[], Sequence[CameraState]]
    disk_low: Callable[[], bool]


def open_way(target: Target) -> Way:
    """The way of a reader.

    Raises:
        SettingsError: the address cannot be used. MissingExtra: apprise is not installed.
    """
    if target.way == "webhook":
        return Webhook(target.address, target.secret)
    try:
        # Only who uses it needs it.
        module = import_module("kitchenvision.delivery.apprise_way")
    except ImportError as error:
        raise MissingExtra("notify", "telling people by e-mail, DingTalk, WeCom or Feishu") from error
    return cast(Way, module.AppriseWay(target.address))


class Notifier:
    """All readers.

    Args:
        path: the file. facts: where events come from. settings, targets: who is told and how, by name.
        clock: tells the time. way: opens a way.

    Raises:
        SettingsError, MissingExtra: as `open_way`.
    """

    def __init__(
        self,
        path: Path,
        facts: Facts,
        settings: EdgeSettings,
        targets: Mapping[str, Target],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        way: Callable[[Target], Way] = open_way,
    ) -> None:
        self._path, self._facts, self._clock, self._open = path, facts, clock, way
        self._kept = _read(path)
        if self._kept.mark is None:  # what was found before anybody was told stays untold
            self._kept.mark = self._end()
        self._saved = self._problem = ""
        self._readers: dict[str, Reader] = {}
        self._ways: dict[str, tuple[Target, Way]] = {}
        self._settings = settings
        self._next: tuple[EdgeSettings, Mapping[str, Target]] | None = None
        self._take_over(settings, targets)

    def reload(self, settings: EdgeSettings, targets: Mapping[str, Target]) -> None:
        """Other settings hold from the next step on; readers that stay keep what waits for them."""
        self._next = (settings, targets)

    def problems(self) -> list[str]:
        """Who cannot be told, and why, for the page."""
        return [f"{name}: {one.problem}" for name, one in list(self._readers.items()) if one.problem]

    def step(self) -> None:
        """Take in what happened, and tell whom it is time for.

        Raises:
            StorageError: the outbox cannot be read; the next step goes on.
        """
        if self._next is not None:
            settings, targets = self._next
            self._next = None
            self._take_over(settings, targets)
        self._take_violations()
        states, disk_low, now = self._facts.states(), self._facts.disk_low(), self._clock()
        for reader in self._readers.values():
            reader.look(states, disk_low, now)
        self._save()
        for name, reader in self._readers.items():
            self._tell(name, reader)
        self._save()

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""

        def step() -> float:
            self.step()
            return _STEP_S

        keep_on(step, stop, _FAILING_S, "telling people")

    def close(self) -> None:
        """Free what is held."""
        for _, way in self._ways.values():
            way.close()

    def _take_over(self, settings: EdgeSettings, targets: Mapping[str, Target]) -> None:
        self._settings = settings
        sections = {section.name: section for section in settings.notify}
        for name in [name for name in self._ways if targets.get(name) != self._ways[name][0]]:
            self._ways.pop(name)[1].close()
        for name in [name for name in self._readers if name not in sections]:
            del self._readers[name]
        self._kept.readers = {name: self._kept.readers.get(name, Book()) for name in sections}
        for name, section in sections.items():
            if name not in self._ways:
                self._ways[name] = (targets[name], self._open(targets[name]))
            known = self._readers.get(name)
            self._readers[name] = (
                known.with_section(section) if known else Reader(section, self._kept.readers[name])
            )

    def _take_violations(self) -> None:
        while rows := self._facts.outbox.confirmed_after(self._kept.mark or 0):
            for mark, item in rows:
                self._kept.mark = mark
                event = self._event(item)
                if event is not None:
                    for reader in self._readers.values():
                        reader.happened(event)

    def _end(self) -> int:
        mark = 0
        while rows := self._facts.outbox.confirmed_after(mark):
            mark = rows[-1][0]
        return mark

    def _event(self, item: Item) -> Event | None:
        if not item.body:
            return None
        report = parse_report(item.body)
        if not isinstance(report, ConfirmedReport):
            return None
        names = {camera.id: camera.name or camera.id for camera in self._settings.cameras}
        picture = next((ref.sha256 for ref in report.blobs if ref.role == "snapshot"), "")
        return Event(
            kind="violation",
            at=report.captured_at,
            camera_id=report.camera_id,
            camera=names.get(report.camera_id, report.camera_id),
            rule_id=report.rule_id,
            zone=report.zone,
            violation_id=report.violation_id,
            picture=picture,
        )

    def _tell(self, name: str, reader: Reader) -> None:
        events = reader.due(self._clock())
        if not events:
            return
        settings, section = self._settings, reader.section
        zone = timezone_of(settings.timezone, "timezone")
        message = message_of(events, reader.book.left_out, settings.canteen_id, zone, section.language)
        if section.pictures:
            message = replace(message, picture=self._picture(events))
        try:
            self._ways[name][1].send(message)
        except DeliveryRetry as error:
            if reader.failed(str(error), self._clock()):
                _log.warning("%s cannot be told: %s", name, error)
            return
        if reader.problem:
            _log.info("%s can be told again", name)
        reader.sent(events, self._clock())

    def _picture(self, events: Sequence[Event]) -> bytes | None:
        """Of the latest violation whose picture is still here."""
        for event in reversed(events):
            if event.picture:
                path = self._facts.outbox.blob_path(event.picture)
                try:
                    if path.stat().st_size <= _MOST_PICTURE_BYTES:
                        return path.read_bytes()
                except OSError:  # delivered and gone: the words are enough
                    continue
        return None

    def _save(self) -> None:
        text = self._kept.model_dump_json()
        if text == self._saved:
            return
        part = self._path.with_suffix(".part")
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self._path)
        except OSError as error:  # a full disk is one of the things that somebody must be told of
            if self._problem != str(error):
                _log.warning("%s cannot be written: %s", self._path, error.strerror)
            self._problem = str(error)
            return
        self._saved, self._problem = text, ""


def targets_of(
    sections: Sequence[NotifySection], where: str, environment: Mapping[str, str] | None = None
) -> dict[str, Target]:
    """Addresses and secrets by reader.

    Raises:
        SettingsError: one is not where it should be.
    """
    known = os.environ if environment is None else environment
    return {section.name: section.target(known, where) for section in sections}


def _read(path: Path) -> _Kept:
    try:
        return _Kept.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return _Kept()
    except (OSError, ValidationError) as error:
        _log.warning("%s cannot be read, telling people begins anew: %s", path, type(error).__name__)
        return _Kept()
