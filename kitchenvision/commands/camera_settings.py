"""`kitchenvision camera import` and `release`: what changes an edge.toml from a shell."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kitchenvision.commands.options import JsonOption
from kitchenvision.errors import MissingExtra, SettingsError

if TYPE_CHECKING:
    from kitchenvision.edge.camera_rows import CameraRow
    from kitchenvision.edge.settings_file import SettingsFile

ConfigOption = Annotated[
    Path, typer.Option("--config", help="The settings, edge.toml.", envvar="KITCHENVISION_EDGE")
]


def import_(
    table: Annotated[Path, typer.Argument(help="A CSV or XLSX file whose first row names the columns.")],
    config: ConfigOption = Path("edge.toml"),
    write: Annotated[bool, typer.Option("--write", help="Add them; without it they are only shown.")] = False,
    released: Annotated[bool, typer.Option("--released", help="Accuse at once, without probation.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add many cameras at once: all rows or none; each wrong row is told.

    Columns: id, name, brand, host, port, channel, stream, or url; username, password, transport. Passwords go into
    files beside the settings.
    """
    file = _file(config)
    from kitchenvision.edge.camera_import import add_cameras
    from kitchenvision.edge.camera_rows import read_cameras

    taken = [str(camera["id"]) for camera in _document_cameras(config)]
    cameras = read_cameras(table, taken)
    if write:
        add_cameras(file, cameras, not released)
    if as_json:
        sys.stdout.write(json.dumps({"written": write, "cameras": [_shown(c) for c in cameras]}) + "\n")
        return
    _tell(cameras)
    done = f"{len(cameras)} cameras were added to {config}" if write else "nothing is written yet: add --write"
    Console().print(done, highlight=False, markup=False)


def release(
    camera_ids: Annotated[list[str], typer.Argument(metavar="CAMERA...", help="Ids of the cameras.")],
    config: ConfigOption = Path("edge.toml"),
) -> None:
    """End the probation of cameras: what they find from now on is reported. A running service takes it over."""
    file = _file(config)
    from kitchenvision.edge.settings_file import released

    file.change(released(*camera_ids))
    Console().print(f"released: {', '.join(camera_ids)}", highlight=False, markup=False)


def _file(config: Path) -> "SettingsFile":
    from kitchenvision.build import chosen_rules

    try:
        from kitchenvision.edge.settings_file import SettingsFile
    except ImportError as error:
        raise MissingExtra("edge", "changing edge.toml") from error
    return SettingsFile(config, tuple(chosen_rules(None)), secrets=False)


def _document_cameras(config: Path) -> "list[dict[str, object]]":
    """Cameras as they stand in the file; a file for the first ones has none yet."""
    import tomllib

    try:
        cameras = tomllib.loads(config.read_text("utf-8")).get("cameras", [])
    except OSError as error:
        raise SettingsError(str(config), "", f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(config), "", f"not TOML: {error}") from error
    return [camera for camera in cameras if isinstance(camera, dict) and "id" in camera]


def _shown(camera: "CameraRow") -> dict[str, object]:
    return {
        "id": camera.id,
        "name": camera.name,
        "address": camera.shown,
        "username": camera.username,
        "password": bool(camera.password),
        "transport": camera.transport,
    }


def _tell(cameras: "list[CameraRow]") -> None:
    from rich.table import Table

    table = Table(box=None)
    for head in ("row", "id", "name", "address", "user", "password"):
        table.add_column(head, overflow="fold")
    for camera in cameras:
        row = _shown(camera)
        password = "given" if camera.password else "none"
        cells = (str(camera.line), camera.id, camera.name, camera.shown, str(row["username"]), password)
        table.add_row(*cells)
    Console().print(table, markup=False)
