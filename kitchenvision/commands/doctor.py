"""`kitchenvision doctor`: whether this installation can do its work, and what to do where not."""

import json
import platform
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kitchenvision import __version__
from kitchenvision.commands.exits import PARTIAL
from kitchenvision.commands.options import JsonOption, ModelsOption

_LEAST_FREE_GB = 2.0
_BORN = datetime(2026, 1, 1, tzinfo=UTC)  # a clock before this package existed is wrong
_EXTRAS = {"regulator": "fastapi", "train": "ultralytics", "openvino": "openvino", "ray": "ray"}
Check = tuple[str, str, str]  # what, good|warn|bad, words


def doctor(
    out: Annotated[Path, typer.Option("--out", help="Folder whose disk is looked at.")] = Path(),
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check installation, codecs, model hashes, disk and clock; exit code 3 when something is wrong."""
    checks = [_python(), *_packages(), _codecs(), _model(models), _disk(out), _clock(), *_extras()]
    if as_json:
        rows = [{"check": what, "state": state, "words": words} for what, state, words in checks]
        sys.stdout.write(json.dumps({"version": __version__, "checks": rows}) + "\n")
    else:
        table = Table("check", "", "words")
        marks = {"good": "[green]✓[/]", "warn": "[yellow]![/]", "bad": "[red]✗[/]"}
        for what, state, words in checks:
            table.add_row(what, marks[state], escape(words))
        Console().print(table)
    if any(state == "bad" for _, state, _ in checks):
        raise typer.Exit(PARTIAL)


def _python() -> Check:
    good = sys.version_info >= (3, 11)
    return "Python", "good" if good else "bad", f"{platform.python_version()} (3.11 or newer is needed)"


def _packages() -> list[Check]:
    out: list[Check] = []
    for name in ("av", "numpy", "onnxruntime", "opencv-python-headless"):
        try:
            out.append((name, "good", version(name)))
        except PackageNotFoundError:
            out.append((name, "bad", "not installed: install kitchenvision again"))
    if find_spec("torch") is not None:
        out.append(("torch", "warn", "installed; the edge does not need it"))
    return out


def _codecs() -> Check:
    import av

    missing = [name for name in ("h264", "hevc", "mjpeg") if name not in av.codecs_available]
    if missing:
        return "codecs", "bad", f"PyAV cannot decode {', '.join(missing)}: install the av wheel again"
    return "codecs", "good", "H.264, H.265 and MJPEG can be decoded"


def _model(folder: Path | None) -> Check:
    from kitchenvision.commands.models import self_test
    from kitchenvision.detect.model_card import default_name, models_folder
    from kitchenvision.errors import KitchenvisionError

    try:
        where = models_folder(folder)
        row = self_test(where, default_name(where))
    except KitchenvisionError as error:
        return "model", "bad", str(error)
    return "model", "good" if row["good"] else "bad", f"{row['name']} {row['version']}: {row['result']}"


def _disk(out: Path) -> Check:
    place = out if out.exists() else Path()
    free_gb = shutil.disk_usage(place).free / 1e9
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return "disk", "bad", f"{place.resolve()} cannot be written: {error.strerror}"
    state = "good" if free_gb >= _LEAST_FREE_GB else "warn"
    return (
        "disk",
        state,
        f"{free_gb:.1f} GB free where results go (a day of evidence wants {_LEAST_FREE_GB:.0f} GB)",
    )


def _clock() -> Check:
    from kitchenvision.edge.clock import SteadyClock
    from kitchenvision.edge.synchronisation import ClockWatch

    now, kept = datetime.now(UTC), ClockWatch(SteadyClock()).state
    text = now.isoformat(timespec="seconds")
    if now < _BORN:
        return "clock", "bad", f"{text}: set the clock"
    if kept is None:
        return "clock", "good", f"{text}; this system does not say whether it is synchronised"
    if not kept.synchronised:
        return "clock", "warn", f"{text}; not synchronised: set up NTP, evidence carries this time"
    return "clock", "good", f"{text}; synchronised, off by at most {kept.max_error_s:.3f} s"


def _extras() -> list[Check]:
    return [
        (
            f"extra '{extra}'",
            "good",
            "installed" if find_spec(module) else "not installed (needed only for its commands)",
        )
        for extra, module in _EXTRAS.items()
    ]
