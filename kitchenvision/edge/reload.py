"""Changed settings are taken over while the service runs: all of them or none, with a word on each in the log."""

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from kitchenvision.edge.settings import EdgeSettings
from kitchenvision.errors import SettingsError
from kitchenvision.frames.dialing import shown_address

_log = logging.getLogger(__name__)
_LOOK_S = 2.0
# What all workers, the page's socket or the outbox were made with.
_NEEDS_RESTART = (
    "canteen_id",
    "data",
    "models",
    "provider",
    "workers",
    "regulator",
    "page.host",
    "page.port",
    "page.password",
)
_SECRET = frozenset(
    {
        *("username", "password_env", "password_file", "token_file"),
        *("address_env", "address_file", "secret_env", "secret_file"),
    }
)
Read = Callable[[], tuple[EdgeSettings, dict[str, str]]]
Signature = tuple[tuple[str, int, int], ...]


class Reloader:
    """Watches edge.toml and the password files that it names.

    Args:
        path: edge.toml. read: settings and addresses anew; raises `SettingsError`. apply: takes them over.
        settings, addresses: those that hold now. steady: seconds that never go back.
    """

    def __init__(
        self,
        path: Path,
        read: Read,
        apply: Callable[[EdgeSettings, dict[str, str]], None],
        now: tuple[EdgeSettings, Mapping[str, str]],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._read, self._apply, self._steady = path, read, apply, steady
        self._settings, self._addresses = now
        self._known = self._seen = self._signature()
        self._looked_s = steady()
        self._asked = False

    def ask(self) -> None:
        """Read at the next `check`, changed or not; safe to call from a signal handler."""
        self._asked = True

    def check(self) -> bool:
        """Call it often; whether other settings hold now. A file is read after two seconds at rest."""
        now_s, asked = self._steady(), self._asked
        if not asked:
            if now_s - self._looked_s < _LOOK_S:
                return False
            self._looked_s = now_s
            before, self._seen = self._seen, self._signature()
            if self._seen == self._known or self._seen != before:
                return False
        self._asked, self._known = False, self._signature()
        return self._take()

    def _take(self) -> bool:
        try:
            settings, addresses = self._read()
            changes = differences(self._settings, settings)
            refuse_fixed(self._settings, settings, str(self._path))
        except SettingsError as error:
            _log.warning("the changed settings are NOT taken over, the old ones hold: %s", error)
            return False
        changes += self._passwords(settings, addresses)
        if not changes:
            _log.info("the settings were read again; nothing has changed")
            return False
        for line in changes:
            _log.info("settings: %s", line)
        self._apply(settings, addresses)
        self._settings, self._addresses = settings, addresses
        self._known = self._seen = self._signature()
        return True

    def _passwords(self, settings: EdgeSettings, addresses: Mapping[str, str]) -> list[str]:
        """Cameras that only have another password."""
        before = {camera.id: camera for camera in self._settings.cameras}
        return [
            f"cameras.{camera.id}: another password"
            for camera in settings.cameras
            if before.get(camera.id) == camera and self._addresses[camera.id] != addresses[camera.id]
        ]

    def _signature(self) -> Signature:
        files = [self._path, *(c.password_file for c in self._settings.cameras if c.password_file)]
        return tuple(_stamp(path) for path in files)


def refuse_fixed(before: EdgeSettings, after: EdgeSettings, where: str) -> None:
    """Let pass what can be taken over while the service runs.

    Raises:
        SettingsError: something else changed, too.
    """
    for line in differences(before, after):
        if line.startswith(_NEEDS_RESTART):
            raise SettingsError(where, line.partition(":")[0], "it needs a restart of the service")


def differences(before: EdgeSettings, after: EdgeSettings) -> list[str]:
    """A line a changed key, in order; where secrets could stand, the line only says that it changed."""
    old, new = _flat(before), _flat(after)
    lines = []
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) == new.get(key):
            continue
        if key.rpartition(".")[2] in _SECRET:
            lines.append(f"{key}: changed")
        else:
            lines.append(f"{key}: {old.get(key, 'absent')} -> {new.get(key, 'absent')}")
    return lines


def _flat(settings: EdgeSettings) -> dict[str, str]:
    values = settings.model_dump(mode="json")
    values["cameras"] = {camera.pop("id"): camera for camera in values["cameras"]}
    values["notify"] = {reader.pop("name"): reader for reader in values["notify"]}
    for camera in values["cameras"].values():
        camera["url"] = shown_address(camera["url"])
        camera["main_url"] = shown_address(camera["main_url"]) if camera["main_url"] else ""
    return dict(_leaves("", values))


def _leaves(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from _leaves(f"{prefix}.{key}" if prefix else key, below)
        return
    yield prefix, json.dumps(value, ensure_ascii=False)


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size
