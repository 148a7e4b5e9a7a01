"""`kitchenvision demo`: the whole way on one machine, on sample videos."""

import os
import sys
import time
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kitchenvision.commands.exits import DONE, PARTIAL
from kitchenvision.errors import SettingsError, SourceNotFound

_CANTEEN = "demo-canteen"
_TOKEN_FILE = "canteen-token"


def demo(
    videos: Annotated[
        Path | None, typer.Option("--videos", help="Folder of videos; default: the bundled samples.")
    ] = None,
    data: Annotated[Path, typer.Option("--data", help="Folder for everything that is written.")] = Path(
        "demo-data"
    ),
    port: Annotated[
        int | None, typer.Option("--port", help="Port of the review page; default: the next free one from 8600.")
    ] = None,
    exit_: Annotated[
        bool, typer.Option("--exit", help="End after the delivery with a check that all has arrived.")
    ] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the review page.")] = True,
) -> None:
    """Scan sample videos, start a regulator on 127.0.0.1, deliver the evidence, show where to decide."""
    from kitchenvision.commands.regulator import regulator_settings
    from kitchenvision.demo import arrivals, deliver, in_background
    from kitchenvision.outbox import Outbox

    console = Console()
    settings = regulator_settings(data / "regulator", port=port or 0)
    from kitchenvision.regulator import serve, setup

    if port is None:
        settings = regulator_settings(data / "regulator", port=serve.free_port(8600))
    token = _token(settings, data)
    began = time.monotonic()
    rows = _scanned(videos or bundled_videos(), data, console)
    prepared = setup.prepare(settings)
    with in_background(lambda ready, stop: serve.serve(settings, on_ready=ready, stop=stop)) as address:
        with Outbox(data / "outbox") as outbox:
            sent = deliver(outbox, address, token)
        _show(rows, sent, time.monotonic() - began, console)
        checked = arrivals(data / "scan", address, setup.one_time_link(settings))
        wrong = [arrival for arrival in checked if arrival.problem]
        for arrival in wrong:
            console.print(f"{arrival.violation_id}: {arrival.problem}", style="red", highlight=False, markup=False)
        console.print(
            f"{len(checked) - len(wrong)} of {len(checked)} violations have arrived and can be read back."
        )
        if exit_:
            raise typer.Exit(PARTIAL if wrong else DONE)
        if prepared.first_admin_password:
            console.print(
                f"Log in as admin, password (shown only now): {prepared.first_admin_password}", markup=False
            )
        link = setup.one_time_link(settings)
        console.print(f"Review page: {address}/\nLog-in link (once, on this machine): {link}", highlight=False)
        console.print("Ctrl-C ends.")
        if browser and _has_browser():
            webbrowser.open(link)
        while True:
            time.sleep(3600)


def bundled_videos() -> Path:
    """The sample videos of the checkout, or those that the wheel carries.

    Raises:
        SourceNotFound: neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "sample_videos", package.parent / "sample_videos"):
        if folder.is_dir():
            return folder
    raise SourceNotFound("the sample videos are not there: give --videos FOLDER")


def _token(settings: Any, data: Path) -> str:
    """The demo canteen's token: kept in the data folder, made at the first start."""
    from kitchenvision.regulator import setup

    setup_file = data / _TOKEN_FILE
    if setup_file.is_file():
        return setup_file.read_text("ascii").strip()
    setup.prepare_database(settings)
    token: str = setup.add_canteen(settings, _CANTEEN, "演示食堂 · Demo canteen")
    descriptor = os.open(setup_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token


def _scanned(videos: Path, data: Path, console: Console) -> list[dict[str, Any]]:
    """Rows of the scan; the same videos again are read anew and give the same rows and reports."""
    from kitchenvision.build import chosen_rules, open_eyes
    from kitchenvision.commands.options import zone_of
    from kitchenvision.commands.scan import Request, run_scan
    from kitchenvision.config import Settings
    from kitchenvision.frames.source import SourceOptions
    from kitchenvision.outbox import Outbox
    from kitchenvision.scan import Scanner
    from kitchenvision.scan_folder import ScanFolder

    settings = Settings(canteen_id=_CANTEEN)
    eyes = open_eyes(None, None, "thorough")
    rules = chosen_rules(None)
    folder = ScanFolder(data / "scan", {"demo": str(videos.resolve())}, force=True)
    with Outbox(data / "outbox") as outbox:
        scanner = Scanner(eyes, rules, settings, zone_of("UTC"), folder, outbox)
        request = Request([str(videos)], data / "scan", SourceOptions(), None, False)
        outcome = run_scan(scanner, request, console)
    if outcome.code not in (DONE, PARTIAL):
        raise SettingsError("--videos", str(videos), "nothing could be scanned")
    return outcome.rows


def _show(rows: list[dict[str, Any]], sent: int, seconds: float, console: Console) -> None:
    table = Table("rule", "camera", "confirmed at", "confidence", title="Violations found")
    for row in rows:
        table.add_row(
            row["rule_id"], escape(row["camera_id"]), f"{row['confirmed_s']:.1f} s", f"{row['confidence']:.2f}"
        )
    console.print(table)
    news = f"{sent} report(s) delivered" if sent else "nothing new to deliver: all of it had arrived before"
    console.print(f"{news}; {seconds:.0f} s in all.", highlight=False)


def _has_browser() -> bool:
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
