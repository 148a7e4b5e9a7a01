"""`kitchenvision evaluate`: scan clips that have their truth beside them, and count."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from kitchenvision.commands.options import (
    ConfigOption,
    JsonOption,
    ModelOption,
    ModelsOption,
    ProfileOption,
    profile_of,
)
from kitchenvision.errors import SettingsError, SourceNotFound

_COMMAND: dict[str, Any] = {}  # of every evaluation: its folder may be used again by another one


def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder with NAME.mp4 and NAME.json.")],
    config: ConfigOption = None,
    profile: ProfileOption = None,
    models: ModelsOption = None,
    model: ModelOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Keep the scan in this folder; over an earlier evaluation.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Scan clips with truth: incidents, found, missed, invented, repeated, seconds to confirm, per rule."""
    if not folder.is_dir():
        raise SourceNotFound(f"{folder}: no such folder")
    clips = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".mp4" and p.with_suffix(".json").is_file())
    if not clips:
        raise SourceNotFound(f"{folder}: no NAME.mp4 with its truth NAME.json beside it")
    with tempfile.TemporaryDirectory() as temporary:
        summary = _scored(clips, out or Path(temporary) / "scan", config, (models, model, profile))
    if as_json:
        sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    else:
        _print(summary)
    raise typer.Exit(summary["exit_code"])


def _scored(
    clips: list[Path], out: Path, config: Path | None, chosen: tuple[Path | None, str | None, str | None]
) -> dict[str, Any]:
    from kitchenvision.build import chosen_rules, open_eyes
    from kitchenvision.commands.scan import Request, run_scan
    from kitchenvision.config import read_settings
    from kitchenvision.evaluate import RuleScore, read_truth, score_clip
    from kitchenvision.frames.source import SourceOptions
    from kitchenvision.rules.registry import all_rules
    from kitchenvision.scan import Scanner
    from kitchenvision.scan_folder import ScanFolder, holds_other_scan

    if holds_other_scan(out, _COMMAND):
        raise SettingsError("--out", str(out), "holds a scan that is no evaluation: choose another folder")
    models, model, profile = chosen
    settings = read_settings(config, tuple(all_rules()))
    rules = chosen_rules(None)
    eyes = open_eyes(models, model, profile_of(profile or settings.profile), settings.provider, settings.threads)
    request = Request([str(c) for c in clips], out, SourceOptions(settings.analysis_fps), None, False)
    from kitchenvision.commands.options import zone_of

    scanner = Scanner(eyes, rules, settings, zone_of(settings.timezone), ScanFolder(out, _COMMAND, force=True))
    outcome = run_scan(scanner, request, Console(stderr=True))
    scores = {rule_id: RuleScore() for rule_id in rules}
    for clip in clips:
        rows = [row for row in outcome.rows if row["video"] == clip.name]
        score_clip(clip.stem, read_truth(clip.with_suffix(".json")), rows, scores)
    return {
        "clips": len(clips),
        "model": eyes.model.model_dump(mode="json"),
        "rules": {rule_id: score.row() for rule_id, score in scores.items()},
        "times_real_time": outcome.totals.get("times_real_time"),
        "problems": [list(problem) for problem in outcome.problems],
        "exit_code": outcome.code,
    }


def _print(summary: dict[str, Any]) -> None:
    console = Console()
    table = Table(
        "rule", "incidents", "found", "missed", "invented", "repeated", "seconds to confirm (median, most)"
    )
    for rule_id, row in summary["rules"].items():
        counts = [str(row[key]) for key in ("incidents", "found", "missed", "invented", "repeated")]
        seconds = (row["seconds_to_confirm_median"], row["seconds_to_confirm_most"])
        table.add_row(rule_id, *counts, "-" if seconds[0] is None else f"{seconds[0]:.2f}, {seconds[1]:.2f}")
    console.print(table)
    for row in summary["rules"].values():
        for note in row["notes"]:
            console.print(note, highlight=False, markup=False)
    console.print(f"{summary['clips']} clip(s), {summary['times_real_time']} times real time", highlight=False)
