"""`kitchenvision models compare`: two models on the same pictures or clips, side by side."""

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from kitchenvision.commands.exits import NOTHING, PARTIAL
from kitchenvision.commands.options import JsonOption, ModelsOption, ProfileOption, profile_of
from kitchenvision.errors import SourceNotFound, SourceUnreadable

if TYPE_CHECKING:
    from kitchenvision.build import Eyes
    from kitchenvision.comparison import Difference


def compare(
    a: Annotated[str, typer.Argument(help="A model of the models folder, or a model's own folder.")],
    b: Annotated[str, typer.Argument(help="The other one.")],
    folder: Annotated[Path, typer.Argument(help="Folder of pictures, of clips, or of both.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Draw each picture that differs here, A left and B right.")
    ] = None,
    profile: ProfileOption = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """What two models say differently of your pictures and clips: heads, hats, masks, cigarettes, violations."""
    from kitchenvision.frames.listing import videos_under
    from kitchenvision.frames.pictures import PICTURE_SUFFIXES

    if not folder.is_dir():
        raise SourceNotFound(f"{folder}: no such folder")
    pictures = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file())
    clips = videos_under(folder)
    if not pictures and not clips:
        raise SourceNotFound(f"{folder}: neither pictures nor clips in this folder")
    eyes = (_opened(a, models, profile), _opened(b, models, profile))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    summary: dict[str, Any] = {"a": eyes[0].card.name, "b": eyes[1].card.name, "problems": []}
    summary["pictures"] = _pictures(folder, pictures, eyes, out, summary["problems"])
    summary["clips"] = _clips(clips, eyes, summary["problems"])
    if as_json:
        sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    else:
        _print(summary)
    if summary["problems"]:
        read = summary["pictures"]["read"] + summary["clips"]["read"]
        raise typer.Exit(PARTIAL if read else NOTHING)


def _opened(name: str, models: Path | None, profile: str | None) -> "Eyes":
    from kitchenvision.build import open_eyes

    path = Path(name)
    if (path / "model.toml").is_file():
        return open_eyes(path.resolve().parent, path.resolve().name, profile_of(profile))
    return open_eyes(models, name, profile_of(profile))


def _pictures(
    folder: Path, pictures: list[Path], eyes: "tuple[Eyes, Eyes]", out: Path | None, problems: list[str]
) -> dict[str, Any]:
    from kitchenvision.comparison import counted, differences
    from kitchenvision.frames.pictures import read_picture
    from kitchenvision.single_pictures import row_of

    rows, everything = [], []
    for path in track(pictures, "pictures", console=Console(stderr=True), disable=not pictures):
        name = path.relative_to(folder).as_posix()
        try:
            picture = read_picture(path)
        except SourceUnreadable as error:
            problems.append(str(error))
            continue
        found = differences(*(row_of(name, picture, each) for each in eyes))
        rows.append({"file": name, "differences": [vars(one) for one in found]})
        everything += found
        if found and out is not None:
            _draw(picture.rgb(), found, out / f"{name.replace('/', '_')}.jpg")
    counts = [
        {"what": what, "a": said_a, "b": said_b, "times": times}
        for what, pairs in sorted(counted(everything).items())
        for (said_a, said_b), times in pairs.most_common()
    ]
    return {"read": len(rows), "differ": sum(bool(r["differences"]) for r in rows), "counts": counts, "rows": rows}


def _draw(image: Any, found: "list[Difference]", path: Path) -> None:
    """A on the left, B on the right, each with its own word at each difference."""
    import cv2
    import numpy as np

    halves = []
    for side in ("a", "b"):
        half = image[..., ::-1].copy()
        for one in found:
            x0, y0, x1, y1 = (round(v) for v in one.xyxy)
            said = getattr(one, side)
            cv2.rectangle(half, (x0, y0), (x1, y1), (0, 160, 255) if said else (160, 160, 160), 2)
            word = f"{one.what}: {said or '-'}"
            at = (x0, max(12, y0 - 4 - (16 if one.what == "mask" else 0)))
            cv2.putText(half, word, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
            cv2.putText(half, word, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
        halves.append(half)
    data = cv2.imencode(".jpg", np.hstack(halves))[1]
    path.write_bytes(data.tobytes())


def _clips(clips: list[Path], eyes: "tuple[Eyes, Eyes]", problems: list[str]) -> dict[str, Any]:
    from kitchenvision.comparison import violations_apart

    if not clips:
        return {"read": 0, "shared": 0, "only_a": [], "only_b": []}
    with tempfile.TemporaryDirectory() as temporary:
        a, b = (_scanned(clips, each, Path(temporary) / str(i), problems) for i, each in enumerate(eyes))
    shared, only_a, only_b = violations_apart(a, b)
    return {"read": len(clips), "shared": shared, "only_a": _short(only_a), "only_b": _short(only_b)}


def _scanned(clips: list[Path], eyes: "Eyes", out: Path, problems: list[str]) -> list[dict[str, Any]]:
    from zoneinfo import ZoneInfo

    from kitchenvision.build import chosen_rules
    from kitchenvision.commands.scan import Request, run_scan
    from kitchenvision.config import Settings
    from kitchenvision.frames.source import SourceOptions
    from kitchenvision.scan import Scanner
    from kitchenvision.scan_folder import ScanFolder

    settings = Settings()
    scanner = Scanner(eyes, chosen_rules(None), settings, ZoneInfo("UTC"), ScanFolder(out, {}, force=True))
    request = Request([str(c) for c in clips], out, SourceOptions(settings.analysis_fps), None, False)
    outcome = run_scan(scanner, request, Console(stderr=True))
    problems += [f"{camera}: {text}" for camera, text in outcome.problems]
    return list(outcome.rows)


def _short(rows: Any) -> list[dict[str, Any]]:
    return [{key: row[key] for key in ("video", "rule_id", "confirmed_s", "confidence")} for row in rows]


def _print(summary: dict[str, Any]) -> None:
    console = Console()
    pictures, clips = summary["pictures"], summary["clips"]
    if pictures["read"]:
        console.print(f"{pictures['differ']} of {pictures['read']} pictures differ", highlight=False)
        table = Table("what", f"A: {summary['a']}", f"B: {summary['b']}", "times")
        for row in pictures["counts"]:
            table.add_row(row["what"], row["a"] or "-", row["b"] or "-", str(row["times"]))
        console.print(table)
    if clips["read"]:
        console.print(
            f"{clips['read']} clips: {clips['shared']} violations found by both, "
            f"{len(clips['only_a'])} by A alone, {len(clips['only_b'])} by B alone",
            highlight=False,
        )
        for side in ("a", "b"):
            for row in clips[f"only_{side}"]:
                told = f"{row['video']} {row['rule_id']} at {row['confirmed_s']:.1f} s ({row['confidence']:.2f})"
                console.print(f"only {side.upper()}: {told}", highlight=False, markup=False)
    for problem in summary["problems"]:
        console.print(problem, highlight=False, markup=False, style="red")
