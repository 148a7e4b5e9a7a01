"""edge.toml changed by a program: comments and order stay, and it is written whole or not at all."""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, InlineTable

from kitchenvision.edge.reload import refuse_fixed
from kitchenvision.edge.settings import EdgeSettings, addresses, read_edge_settings
from kitchenvision.errors import SettingsError

Document = tomlkit.TOMLDocument
Edit = Callable[[Document], None]


class ChangedMeanwhile(SettingsError):
    """Somebody else has written the file since it was read: look again, then change it again."""


class SettingsFile:
    """One edge.toml.

    Args:
        path: the file. known_rules: rule ids that it may name.
        environment: where passwords are looked for; the process's own when None.
        secrets: whether all passwords must be there; a shell has not the service's environment.
    """

    def __init__(
        self,
        path: Path,
        known_rules: Sequence[str],
        environment: Mapping[str, str] | None = None,
        secrets: bool = True,
    ) -> None:
        self.path, self._rules = path, tuple(known_rules)
        self._environment, self._secrets = environment, secrets
        self._lock = threading.Lock()

    def digest(self) -> str:
        """Of its content: who gives it back with a change changes nothing that he has not seen.

        Raises:
            SettingsError: it cannot be read.
        """
        return hashlib.sha256(self._read()).hexdigest()

    def change(self, edit: Edit, seen: str | None = None, running: EdgeSettings | None = None) -> EdgeSettings:
        """Take one change over.

        Args:
            edit: changes the document. seen: the `digest` that the change is made for, None for any.
            running: settings of the service that runs: what needs a restart is refused then.

        Returns:
            The settings as the file now says them.

        Raises:
            ChangedMeanwhile: the file is not the one that was seen.
            SettingsError: the result is no right settings file, or it cannot be written. The file is as it was.
        """
        with self._lock:
            before = self._read()
            if seen is not None and hashlib.sha256(before).hexdigest() != seen:
                raise ChangedMeanwhile(str(self.path), "", "the file was changed meanwhile")
            try:
                document = tomlkit.parse(before.decode("utf-8"))
                edit(document)
                text = tomlkit.dumps(document)
            except (UnicodeDecodeError, TOMLKitError) as error:
                raise SettingsError(str(self.path), "", f"not TOML: {error}") from error
            return self._replace(text.encode("utf-8"), running)

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise SettingsError(str(self.path), "", f"cannot be read: {error.strerror}") from error

    def _replace(self, content: bytes, running: EdgeSettings | None) -> EdgeSettings:
        target = self.path.resolve()  # of a link the file behind it is replaced, not the link
        part = target.with_name(f".{target.name}.part")
        try:
            with part.open("wb") as file:
                shutil.copymode(target, part)  # before there is anything to read in it
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with suppress(OSError):  # only root may give a file away
                owner = target.stat()
                os.chown(part, owner.st_uid, owner.st_gid)
            settings = self._checked(part, running)
            os.replace(part, target)
        except OSError as error:
            hint = "the service must be allowed to write the file and its folder (docs/edge.md)"
            raise SettingsError(str(self.path), "", f"cannot be written: {error.strerror}; {hint}") from error
        finally:
            part.unlink(missing_ok=True)
        return settings

    def _checked(self, part: Path, running: EdgeSettings | None) -> EdgeSettings:
        try:
            settings = read_edge_settings(part, self._rules)
            if self._secrets:
                addresses(settings, str(part), self._environment)
            if running is not None:
                refuse_fixed(running, settings, str(self.path))
        except SettingsError as error:
            raise SettingsError(str(self.path), error.key, error.problem) from None
        return settings


def camera_table(document: Document, camera_id: str) -> Any:
    """The table of one camera.

    Raises:
        SettingsError: there is none.
    """
    for table in document.get("cameras", ()):
        if table.get("id") == camera_id:
            return table
    raise SettingsError("edge.toml", "cameras", f"no camera {camera_id!r}")


def released(*camera_ids: str) -> Edit:
    """A change: these cameras are on probation no more."""

    def edit(document: Document) -> None:
        for camera_id in camera_ids:
            camera_table(document, camera_id).pop("probation", None)

    return edit


def set_tables(parent: Any, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make ``[[key]]`` of a table these rows; what does not change keeps its comments.

    Rows are told by their place, and those that go by their name; a value that is None or empty is left out.
    """
    kept = parent.get(key)
    if not rows:
        parent.pop(key, None)
        return
    if kept is None:
        parent[key] = tomlkit.array() if isinstance(parent, InlineTable) else tomlkit.aot()
        kept = parent[key]
    if not isinstance(kept, AoT):  # cameras = [{...}]: no tables can stand within
        kept.clear()
        kept.extend(_filled(tomlkit.inline_table(), row) for row in rows)
        return
    _shrink(kept, rows)
    for place, row in enumerate(rows):
        if place < len(kept):
            _filled(kept[place], row)
        else:
            kept.append(_filled(tomlkit.table(), row))
            kept[-1].add(tomlkit.nl())


def add_table(parent: Any, key: str, row: Mapping[str, Any]) -> None:
    """One ``[[key]]`` more."""
    if parent.get(key) is None:
        set_tables(parent, key, [row])
    elif isinstance(parent[key], AoT):
        parent[key].append(_filled(tomlkit.table(), row))
        parent[key][-1].add(tomlkit.nl())
    else:
        parent[key].append(_filled(tomlkit.inline_table(), row))


def drop_tables(parent: Any, key: str, which: Callable[[Any], bool]) -> None:
    """Without those of ``[[key]]`` for which `which` says so."""
    kept = parent.get(key)
    if kept is None:
        return
    for place in reversed(range(len(kept))):
        if which(kept[place]):
            del kept[place]
    if not kept:
        del parent[key]


def _shrink(kept: AoT, rows: Sequence[Mapping[str, Any]]) -> None:
    names = {row.get("name") for row in rows}
    for place in reversed(range(len(kept))):
        if len(kept) > len(rows) and kept[place].get("name") not in names:
            del kept[place]
    while len(kept) > len(rows):
        del kept[-1]


def _filled(table: Any, row: Mapping[str, Any]) -> Any:
    for key, value in row.items():
        if value is None or value in ("", [], ()):
            table.pop(key, None)
        elif table.get(key) != value:
            table[key] = list(value) if isinstance(value, tuple) else value
    return table
