"""The generator's command line: `python -m training.synth heads|clip|sheet ...`."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from datetime import datetime
from pathlib import Path

from training.synth.casting import RECIPES, BadForce, parsed_force
from training.synth.scenes import SCENES

_ASSETS = Path("runs/synth/assets")


def parser() -> argparse.ArgumentParser:
    """The options of all commands."""
    top = argparse.ArgumentParser(prog="python -m training.synth", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    heads = commands.add_parser("heads", help="head-and-shoulder crops")
    heads.add_argument("--out", type=Path, required=True, help="folder for pictures and crops.jsonl")
    heads.add_argument("--clean", type=Path, help="folder for the renders before the camera's look")
    heads.add_argument(
        "--seeds", type=int, nargs=2, required=True, metavar=("A", "B"), help="from A up to but not B"
    )
    heads.add_argument("--recipe", choices=sorted(RECIPES), default="general")
    heads.add_argument("--force", nargs="*", default=[], metavar="FIELD=A|B", help="values that seeds take in turn")
    heads.add_argument("--until", metavar="HH:MM", help="stop then")
    heads.add_argument("--samples", type=int, default=4, help="light paths a pixel")
    heads.add_argument("--threads", type=int, default=1)
    heads.add_argument("--assets", type=Path, default=_ASSETS)
    clip = commands.add_parser("clip", help="a scripted clip with its truth")
    clip.add_argument("scene", choices=sorted(SCENES))
    clip.add_argument("--out", type=Path, required=True, help="folder for NAME.mp4 and NAME.json")
    clip.add_argument("--raw", type=Path, default=Path("runs/synth/raw"), help="folder for rendered frames")
    clip.add_argument("--frames", type=int, nargs="*", help="render only these, and write no clip")
    clip.add_argument("--samples", type=int, default=1, help="light paths a pixel")
    clip.add_argument("--threads", type=int, default=1)
    clip.add_argument("--crf", type=int, default=25, help="quality of the H.264, lower is better")
    clip.add_argument("--assets", type=Path, default=_ASSETS)
    sheet = commands.add_parser("sheet", help="a contact sheet of rendered crops")
    sheet.add_argument("crops", type=Path, help="folder with crops.jsonl")
    sheet.add_argument("picture", type=Path)
    sheet.add_argument("--columns", type=int, default=10)
    sheet.add_argument("--count", type=int, default=60, help="the last so many crops")
    return top


def until(clock: str | None) -> float | None:
    """Today's HH:MM as seconds since the epoch."""
    if clock is None:
        return None
    hour, minute = (int(word) for word in clock.split(":"))
    return datetime.now().replace(hour=hour, minute=minute, second=0, microsecond=0).timestamp()


def heads(options: argparse.Namespace) -> int:
    """Render head crops."""
    try:
        force = parsed_force(options.force)
    except BadForce as error:
        print(error, file=sys.stderr)
        return 2
    # Blender is loaded by the commands that render only.
    rendering = importlib.import_module("training.synth.blender.heads")
    job = rendering.HeadsJob(
        out=options.out,
        assets=options.assets,
        seeds=range(*options.seeds),
        recipe=RECIPES[options.recipe],
        force=force,
        clean=options.clean,
        quality=rendering.Quality(options.samples, options.threads),
        until=until(options.until),
    )
    started = time.monotonic()
    made = rendering.render_heads(job)
    print(f"{made} crops in {time.monotonic() - started:.0f} s")
    return 0


def clip(options: argparse.Namespace) -> int:
    """Render a scene's frames, then write the clip; a second run goes on where the first stopped."""
    rendering = importlib.import_module("training.synth.blender.clips")
    scene = SCENES[options.scene]
    raw = options.raw / scene.name
    quality = rendering.Quality(options.samples, options.threads, strand_steps=1, bounces=2)
    rendering.render_clip(rendering.ClipJob(scene, raw, options.assets, quality), options.frames)
    if options.frames or not (raw / f"{scene.frames - 1:04d}.npz").exists():
        return 0
    composing = importlib.import_module("training.synth.compose")
    print(composing.write_clip(scene, raw, options.out, options.crf))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code: 2 for a wrong option, or where Blender is missing."""
    options = parser().parse_args(arguments)
    if options.command in ("heads", "clip"):
        try:
            return heads(options) if options.command == "heads" else clip(options)
        except ModuleNotFoundError as error:
            if error.name not in ("bpy", "mathutils"):
                raise
            print("Blender is missing: see training/synth/README.md for its environment", file=sys.stderr)
            return 2
    sheet = importlib.import_module("training.synth.sheet")
    sheet.write_sheet(options.crops, options.picture, options.columns, options.count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
