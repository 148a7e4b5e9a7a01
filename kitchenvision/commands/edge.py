"""`kitchenvision edge`: the service of many live cameras, and a check of its settings."""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kitchenvision.commands.exits import DONE, NOTHING, PARTIAL
from kitchenvision.commands.options import JsonOption
from kitchenvision.errors import MissingExtra, SettingsError

if TYPE_CHECKING:
    from kitchenvision.edge.settings import EdgeSettings

app = typer.Typer(help="The edge service: watches live cameras for months. Without a command it runs.")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="The settings, edge.toml.", envvar="KITCHENVISION_EDGE", dir_okay=False),
]


@app.callback(invoke_without_command=True)
def serve(context: typer.Context, config: ConfigOption = None) -> None:
    """Watch the cameras of the settings until a signal; logs are JSON lines on standard error.

    Changed settings are taken over while it runs, all or none; SIGHUP has them read at once.
    """
    if context.invoked_subcommand is not None:
        return
    path, settings = _settings(config)
    try:
        from kitchenvision.edge.service import run_service
    except ImportError as error:
        raise MissingExtra("edge", "the edge service") from error
    from kitchenvision.edge.logs import set_up_logs

    set_up_logs()
    stop, reread = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: reread.set())

    def told(address: str) -> None:
        print(f"Status page on {address}", flush=True)  # noqa: T201

    run_service(settings, path, stop, told, reread)


@app.command("check")
def check(
    config: ConfigOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run/--no-dry-run", help="Call each camera once.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Validate the settings and call every camera once; exit code 3 when some, 4 when none gives a picture."""
    path, settings = _settings(config)
    from kitchenvision.edge.check import check_cameras
    from kitchenvision.edge.settings import addresses

    urls = addresses(settings, str(path))
    if settings.regulator:
        import os

        settings.token(os.environ, str(path))
    if not dry_run:
        Console().print(f"{path}: {len(settings.cameras)} cameras, settings are right", highlight=False)
        return
    rows = check_cameras(settings, urls)
    if as_json:
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
    else:
        for row in rows:
            style = "green" if row["ok"] else "red"
            Console().print(f"{row['camera_id']}: {_answer(row)}", style=style, highlight=False, markup=False)
    good = sum(bool(row["ok"]) for row in rows)
    raise typer.Exit(DONE if good == len(rows) else PARTIAL if good else NOTHING)


def _answer(row: dict[str, object]) -> str:
    if not row["ok"]:
        return f"{row['cause']}: {row['advice']}"
    notes = row["notes"]
    assert isinstance(notes, list)
    return ", ".join([f"{row['width']}x{row['height']} {row['codec']}", *notes])


def _settings(config: Path | None) -> "tuple[Path, EdgeSettings]":
    from kitchenvision.build import chosen_rules
    from kitchenvision.edge.settings import read_edge_settings

    if config is None:
        raise SettingsError("--config", "", "name the settings file, such as edge.toml (docs/edge.md)")
    return config, read_edge_settings(config, tuple(chosen_rules(None)))
