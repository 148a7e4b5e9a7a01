"""`kitchenvision scan`: recorded files become violations and evidence in a folder."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from kitchenvision.commands.exits import DONE, INTERRUPTED, NOTHING, PARTIAL
from kitchenvision.commands.options import (
    LONGEST_ID_BYTES,
    ConfigOption,
    JsonOption,
    ModelOption,
    ModelsOption,
    ProfileOption,
    camera_id_of,
    instant_of,
    names_of,
    profile_of,
    span_of,
    zone_of,
)
from kitchenvision.errors import SourceError, printable

if TYPE_CHECKING:
    from kitchenvision.frames.source import FrameSource, SourceOptions
    from kitchenvision.reporting import Sink
    from kitchenvision.scan import Scanner
    from kitchenvision.scan_folder import VideoResult

FromOption = Annotated[str | None, typer.Option("--from", help="Begin here: seconds or h:mm:ss of media time.")]
ToOption = Annotated[str | None, typer.Option("--to", help="End here: seconds or h:mm:ss of media time.")]
StartedAtOption = Annotated[
    str | None, typer.Option("--started-at", help="Wall-clock time of the first frame, ISO 8601.")
]
TimezoneOption = Annotated[
    str | None, typer.Option("--timezone", help="IANA name; of --started-at, file names and zone hours.")
]
CameraIdOption = Annotated[str | None, typer.Option("--camera-id", help="Name of the camera; default: file name.")]
OneCameraOption = Annotated[
    bool, typer.Option("--one-camera", help="A folder of recorder segments is one camera, times from file names.")
]
PreviewOption = Annotated[
    bool, typer.Option("--preview", help="Only show zones and what could be judged on one frame, then stop.")
]
OutboxOption = Annotated[
    Path | None, typer.Option("--outbox", help="Also put every report into this outbox, ready to deliver.")
]


@dataclass
class Outcome:
    """What a scan came to: exit code, rows, problems by source."""

    code: int = DONE
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    totals: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """Everything that a scan was told, as values."""

    sources: list[str]
    out: Path
    options: "SourceOptions"
    camera_id: str | None
    one_camera: bool


def scan(
    sources: Annotated[list[str], typer.Argument(help="Video files, folders or globs; a folder of pictures too.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.")],
    rules: Annotated[str | None, typer.Option("--rules", help="Only these rules, such as no_hat,smoking.")] = None,
    config: ConfigOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    started_at: StartedAtOption = None,
    timezone: TimezoneOption = None,
    camera_id: CameraIdOption = None,
    profile: ProfileOption = None,
    models: ModelsOption = None,
    model: ModelOption = None,
    one_camera: OneCameraOption = False,
    annotate: Annotated[bool, typer.Option("--annotate", help="Also write a video with boxes drawn.")] = False,
    preview: PreviewOption = False,
    outbox: OutboxOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an earlier scan in --out.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find violations on recorded video: evidence folders, violations.jsonl and index.html in --out."""
    from kitchenvision.build import chosen_rules, open_eyes
    from kitchenvision.config import read_settings
    from kitchenvision.frames.source import SourceOptions
    from kitchenvision.rules.registry import all_rules
    from kitchenvision.scan import Scanner
    from kitchenvision.scan_folder import ScanFolder

    settings = read_settings(config, tuple(all_rules()))
    zone = zone_of(timezone or settings.timezone)
    wanted = chosen_rules(names_of(rules))
    from_s, to_s = span_of(from_, to)
    options = SourceOptions(
        analysis_fps=settings.analysis_fps,
        started_at=instant_of(started_at, zone),
        timezone=zone,
        from_s=from_s,
        to_s=to_s,
    )
    console = Console(stderr=True)
    eyes = open_eyes(models, model, profile_of(profile or settings.profile), settings.provider, settings.threads)
    request = Request(sources, out, options, camera_id_of(camera_id), one_camera)
    if preview:
        from kitchenvision.commands.preview import preview_sources

        raise typer.Exit(preview_sources(request, eyes, wanted, settings, console))
    command = {
        "sources": [printable(source) for source in sources],
        "rules": list(wanted),
        "settings": settings.model_dump(mode="json"),
        "model": eyes.model.model_dump(mode="json"),
        "profile": profile_of(profile or settings.profile),
        "options": [from_, to, started_at, str(zone), camera_id, one_camera, annotate],
    }
    with _opened(outbox) as sink:
        folder = ScanFolder(out, command, force)
        scanner = Scanner(eyes, wanted, settings, zone, folder, sink, annotate)
        outcome = run_scan(scanner, request, console)
    _tell(outcome, out, as_json, console)
    raise typer.Exit(outcome.code)


def run_scan(scanner: "Scanner", request: Request, console: Console) -> Outcome:
    """Scan every source of a request, with progress bars; writes the folder's report."""
    from kitchenvision.report import write_report

    outcome = Outcome()
    began = time.monotonic()
    opened = 0
    with _progress(console) as progress, _stop_on_interrupt() as stopped:
        for camera_id, open_one in opened_sources(request):
            if scanner.folder.is_done(camera_id):
                opened += 1
                continue
            try:
                with open_one() as source:
                    result = _one(scanner, source, camera_id, progress, stopped)
            except SourceError as error:
                outcome.problems.append((camera_id, printable(str(error))))
                continue
            opened += 1
            interrupted = bool(stopped)
            scanner.folder.add(result, complete=not interrupted)
            outcome.problems += [(camera_id, printable(text)) for text in _problems(result, source)]
            if interrupted:
                outcome.code = INTERRUPTED
                break
    outcome.rows = scanner.folder.rows
    if outcome.code != INTERRUPTED:
        outcome.code = NOTHING if opened == 0 else PARTIAL if outcome.problems else DONE
        outcome.totals = _totals(scanner, outcome, time.monotonic() - began)
        scanner.folder.finish(outcome.totals)
    write_report(scanner.folder, scanner.eyes, scanner.rules, scanner.settings, outcome.problems)
    return outcome


def _one(
    scanner: "Scanner", source: "FrameSource", camera_id: str, progress: Progress, stopped: list[int]
) -> "VideoResult":
    from kitchenvision.scan import Interrupted

    began = time.monotonic()
    total = source.info.duration_s
    task: TaskID = progress.add_task(printable(source.info.name), total=total, found=0)
    try:
        result = scanner.scan(
            source, camera_id, lambda at: progress.update(task, completed=at), lambda: bool(stopped)
        )
    except Interrupted as stop:
        result = stop.args[0]
    result.wall_s = time.monotonic() - began
    progress.update(task, found=len(result.rows), completed=total if not stopped and total else result.reached_s)
    return result


def opened_sources(request: Request) -> Iterator[tuple[str, Any]]:
    """(camera id, how to open it) of each source; the ids are unique."""
    from kitchenvision.frames.listing import find_videos
    from kitchenvision.frames.open import open_source

    if request.one_camera:
        places = list(dict.fromkeys(request.sources))
        names = [Path(place).name or "camera" for place in places]
    else:
        places = [str(path) for path in find_videos(request.sources)]
        names = [Path(place).stem for place in places]
    taken: set[str] = set()
    for name, place in zip(names, places, strict=True):
        yield _free_id(request.camera_id or name, taken), lambda place=place: open_source(place, request.options)


def _free_id(wanted: str, taken: set[str]) -> str:
    """A camera id that can be written, leaves room in a folder's name, and that no other source of the scan has.

    Two names that are not UTF-8 may look the same in print: only what is printed tells them apart.
    """
    stem = printable(wanted).encode()[:LONGEST_ID_BYTES].decode("utf-8", "ignore")
    name, n = stem, 2
    while name in taken:
        name, n = f"{stem}-{n}", n + 1
    taken.add(name)
    return name


def _problems(result: "VideoResult", source: "FrameSource") -> list[str]:
    return ([result.problem] if result.problem else []) + list(source.problems())


def _totals(scanner: "Scanner", outcome: Outcome, wall_s: float) -> dict[str, Any]:
    media_s = sum(float(s["reached_s"]) for s in scanner.folder.summaries)
    looked_s = sum(float(s["wall_s"]) for s in scanner.folder.summaries)
    return {
        "violations": len(outcome.rows),
        "media_s": round(media_s, 2),
        "wall_s": round(wall_s, 2),
        "times_real_time": round(media_s / looked_s, 2) if looked_s else None,
        "problems": [{"source": name, "problem": text} for name, text in outcome.problems],
        "exit_code": outcome.code,
    }


def _tell(outcome: Outcome, out: Path, as_json: bool, console: Console) -> None:
    for name, problem in outcome.problems:
        console.print(Text.assemble((name, "yellow"), f": {problem}"))
    if as_json:
        summary = {"exit_code": outcome.code, "out": str(out), **outcome.totals, "rows": outcome.rows}
        sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
        return
    shown = Console()
    shown.print(violation_table(outcome.rows))
    if outcome.code == INTERRUPTED:
        shown.print(
            f"Interrupted. What was found is in {out}; the same command goes on.", highlight=False, markup=False
        )
    else:
        speed = outcome.totals.get("times_real_time")
        shown.print(
            f"{len(outcome.rows)} violation(s) in {outcome.totals.get('media_s', 0):.0f} s of video"
            + (f", {speed} times real time" if speed else "")
            + f". Report: {out / 'index.html'}",
            highlight=False,
            markup=False,
        )


def violation_table(rows: list[dict[str, Any]]) -> Table:
    """Violations for a terminal."""
    table = Table("rule", "camera", "from", "confirmed", "to", "confidence", "evidence")
    for row in rows:
        times = [f"{row[key]:.1f} s" for key in ("started_s", "confirmed_s", "ended_s")]
        # Cameras are called as their files are, which may hold square brackets: no markup.
        camera, evidence = escape(row["camera_id"]), escape(str(Path(row["snapshot"]).parent))
        table.add_row(row["rule_id"], camera, *times, f"{row['confidence']:.2f}", evidence)
    return table


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[found]} found"),
        console=console,
    )


@contextmanager
def _stop_on_interrupt() -> Iterator[list[int]]:
    """A list that is empty until Ctrl-C (or TERM) asks to stop; a second Ctrl-C stops at once."""
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _opened(folder: Path | None) -> Iterator["Sink | None"]:
    from kitchenvision.outbox import Outbox

    if folder is None:
        yield None
        return
    with Outbox(folder) as outbox:
        yield outbox
