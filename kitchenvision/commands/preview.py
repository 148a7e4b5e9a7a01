"""`kitchenvision preview` and `scan --preview`: zones and what could be judged, on one frame."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kitchenvision.commands.options import ModelOption, ModelsOption, ProfileOption, profile_of, zone_of

if TYPE_CHECKING:
    from kitchenvision.build import Eyes
    from kitchenvision.commands.scan import Request
    from kitchenvision.config import Settings
    from kitchenvision.rules.rule import Rule
    from kitchenvision.types import Frame, Pixels

_LOOKED_FRAMES = 3


def preview(
    source: Annotated[str, typer.Argument(help="A video.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the picture.")],
    config: Annotated[Path | None, typer.Option("--config", help="Settings file with the zones.")] = None,
    profile: ProfileOption = None,
    models: ModelsOption = None,
    model: ModelOption = None,
) -> None:
    """Show zones and what could be judged on one frame, before hours are spent."""
    from kitchenvision.build import chosen_rules, open_eyes
    from kitchenvision.commands.scan import Request
    from kitchenvision.config import read_settings
    from kitchenvision.frames.source import SourceOptions
    from kitchenvision.rules.registry import all_rules

    settings = read_settings(config, tuple(all_rules()))
    eyes = open_eyes(models, model, profile_of(profile or settings.profile), settings.provider, settings.threads)
    options = SourceOptions(settings.analysis_fps, timezone=zone_of(settings.timezone))
    request = Request([source], out, options, None, False)
    raise typer.Exit(preview_sources(request, eyes, chosen_rules(None), settings, Console(stderr=True)))


def preview_sources(
    request: "Request", eyes: "Eyes", rules: Mapping[str, "Rule"], settings: "Settings", console: Console
) -> int:
    """Look at a few frames of each source; writes preview-CAMERA.jpg and prints what could be judged."""
    from kitchenvision.commands.scan import opened_sources

    request.out.mkdir(parents=True, exist_ok=True)
    for camera_id, open_one in opened_sources(request):
        with open_one() as source:
            duration_s = source.info.duration_s or 0.0
            frames = []
            for frame in source.frames():
                frames.append(frame)
                if frame.media_s >= duration_s / 2:
                    break
            _show(frames[-_LOOKED_FRAMES:], eyes, rules, settings, request.out / f"preview-{camera_id}.jpg")
            text = f"{camera_id}: {request.out / f'preview-{camera_id}.jpg'}"
            console.print(text, highlight=False, markup=False)
    return 0


def _show(
    frames: "list[Frame]", eyes: "Eyes", rules: Mapping[str, "Rule"], settings: "Settings", path: Path
) -> None:
    from kitchenvision.annotate import drawn
    from kitchenvision.build import build_stages, rule_settings
    from kitchenvision.evidence import Place, encode_jpeg
    from kitchenvision.pipeline import Pipeline

    place = Place("preview", path.stem, path.stem, path.stem, "file time", eyes.model, "")
    line = Pipeline(
        build_stages(eyes, rules, settings),
        place,
        rule_settings(rules, settings, eyes.card),
        zone_of(settings.timezone),
    )
    for frame in frames:
        line.step(frame)
    assert line.seen is not None
    image = drawn(line.seen)
    _zones(image, settings, tuple(rules))
    path.write_bytes(encode_jpeg(image))
    counts = Counter((o.rule_id, o.verdict.value, o.why) for o in line.seen.observations)
    console = Console()
    console.print(f"{len(line.seen.tracks)} person(s) on this frame", highlight=False)
    for (rule_id, verdict, why), n in sorted(counts.items()):
        console.print(f"  {rule_id}: {n} {verdict}{f' ({why})' if why else ''}", highlight=False)


def _zones(image: "Pixels", settings: "Settings", rules: tuple[str, ...]) -> None:
    from kitchenvision.annotate import draw_polygon

    for zone in settings.zone_values(rules):
        draw_polygon(image, zone.polygon, f"{zone.name}: {', '.join(zone.rules)}")
