"""Adds cameras to edge.toml with their passwords beside it, each in a file of its own: all of them or none."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kitchenvision.edge.camera_rows import CameraRow
from kitchenvision.edge.settings import EdgeSettings
from kitchenvision.edge.settings_file import Document, SettingsFile, add_table
from kitchenvision.errors import SettingsError

SECRETS = "secrets"


def add_cameras(file: SettingsFile, cameras: Sequence[CameraRow], probation: bool) -> EdgeSettings:
    """Write them.

    Args:
        file: edge.toml; passwords go into the folder ``secrets`` beside it. probation: whether they start on it.

    Raises:
        SettingsError: nothing was changed.
    """
    folder = file.path.resolve().parent / SECRETS
    written: list[Path] = []

    def edit(document: Document) -> None:
        for camera in cameras:
            add_table(document, "cameras", _row(camera, probation))

    try:
        for camera in cameras:
            if camera.password:
                written.append(_keep(folder / camera.id, camera.password, str(file.path)))
        return file.change(edit)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _row(camera: CameraRow, probation: bool) -> dict[str, Any]:
    return {
        "id": camera.id,
        "name": camera.name,
        "url": camera.url,
        "username": camera.username,
        "password_file": f"{SECRETS}/{camera.id}" if camera.password else None,
        "transport": camera.transport if camera.transport != "tcp" else None,
        "probation": probation or None,
    }


def _keep(path: Path, password: str, where: str) -> Path:
    """A file that only its owner may read; one that is there already is somebody's and stays."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(password + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise SettingsError(where, f"cameras.{path.name}", f"{path} is there already: move it away") from None
    except OSError as error:
        raise SettingsError(where, f"cameras.{path.name}", f"{path} cannot be written: {error.strerror}") from error
    return path
