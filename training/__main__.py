"""`python -m training STAGE --config FILE --data DIR --out DIR`: one command for every stage of the recipe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from training.accusations import accusations
from training.build import DataError, add_renders, build
from training.calibrate import calibrate
from training.card import write_card
from training.ceilings import ceilings
from training.evaluate import FINAL_SHEETS, PROFILES, evaluate, final
from training.export import export, origin
from training.folds import folds
from training.found_heads import find_heads
from training.margins import margins
from training.pairs import pairs
from training.plots import plots
from training.pseudo import pseudo
from training.settings import Settings, SettingsError, read_settings
from training.sightings import sightings
from training.strays import strays
from training.suspects import suspects
from training.teach import teach
from training.train_frame import train_cigarette, train_frame
from training.train_zoom import train_partner, train_zoom

TRAINED = ("frame", "cigarette", "zoom", "partner")
STAGES = ("build", "pseudo", *TRAINED, "calibrate", "export", "evaluate", "plots", "card")
# Need a model, or renders, or the camera-scale script.
MORE = ("heads", "teach", "strays", "suspects", "renders", "final")
SETS = ("portrait", "camera", FINAL_SHEETS, "rendered")
# Take long, or need renders: not part of `run`.
MEASURES = ("accusations", "ceilings", "folds", "margins", "pairs", "sightings")


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument(
        "stage", choices=(*STAGES, *MORE, *MEASURES, "run"), help="one stage, or `run` for all up to card"
    )
    parser.add_argument(
        "--config", type=Path, required=True, help="the recipe, e.g. training/configs/canteen_n.toml"
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with annotations.jsonl, images/, synth/, own/"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for caches, checkpoints, metrics, the export"
    )
    parser.add_argument(
        "--init",
        type=Path,
        help="YOLO11n COCO checkpoint, or a model folder to train on; without it weights start random",
    )
    parser.add_argument(
        "--model",
        type=Path,
        help="model folder to evaluate and teach with, and for looks not trained here; default OUT/export",
    )
    parser.add_argument("--renders", type=Path, help="renders, pairs: folder that `training.synth heads` made")
    parser.add_argument("--first-seed", type=int, default=0, help="pairs: leave out the renders before that seed")
    parser.add_argument("--score", type=Path, help="scoring script with a function score(truth, answers)")
    parser.add_argument("--sheets", type=Path, help="camera-scale sheets with truth.jsonl")
    parser.add_argument("--every", type=int, default=1, help="evaluate every n-th picture")
    parser.add_argument("--detail", type=int, help="evaluate with no more detail than at this longer side, px")
    parser.add_argument("--profile", action="append", choices=PROFILES, help="evaluate only this profile")
    parser.add_argument("--set", action="append", choices=SETS, help="evaluate only this set")
    parser.add_argument("--scenes", type=int, default=200, help="accusations: how many stills become films")
    parser.add_argument("--seconds", type=float, default=20.0, help="accusations: length of each film")
    return parser.parse_args(arguments)


def stages(given: argparse.Namespace, settings: Settings) -> dict[str, Callable[[], object]]:
    """What each stage calls."""
    model = given.model or given.out / "export"
    options = {
        "score": given.score,
        "sheets": given.sheets,
        "every": given.every,
        "detail": given.detail,
        "profiles": given.profile,
        "sets": given.set,
    }
    films = {"scenes": given.scenes, "seconds": given.seconds, "profile": (given.profile or ["fast"])[0]}
    thorough = (given.profile or ["thorough"])[0]
    return {
        "build": lambda: build(given.data, given.out, settings.data),
        "pseudo": lambda: pseudo(given.out, settings, given.init),
        "heads": lambda: find_heads(given.out, settings, model, thorough),
        "teach": lambda: teach(given.data, given.out, settings, model),
        "strays": lambda: strays(given.data, given.out, settings, model, thorough),
        "suspects": lambda: suspects(given.data, given.out, settings, model),
        "renders": lambda: add_renders(_folder(given.renders), given.out, settings.data),
        "frame": lambda: train_frame(given.out, settings, given.init),
        "cigarette": lambda: train_cigarette(given.out, settings, given.init),
        "zoom": lambda: train_zoom(given.out, settings, given.init),
        "partner": lambda: train_partner(given.out, settings, given.init),
        "calibrate": lambda: calibrate(given.out, settings, given.model),
        "export": lambda: export(given.out, settings, given.model),
        "evaluate": lambda: evaluate(given.data, given.out, model, options),
        "final": lambda: final(given.data, given.out),
        "accusations": lambda: accusations(given.data, given.out, model, films),
        "ceilings": lambda: ceilings(given.data, given.out, options),
        "folds": lambda: folds(given.out, settings, given.init),
        "margins": lambda: margins(given.out, settings.zoom, model),
        "pairs": lambda: pairs(_folder(given.renders), given.out, model, given.first_seed),
        "sightings": lambda: sightings(given.data, given.out, model, options),
        "plots": lambda: plots(given.data, given.out, options),
        "card": lambda: write_card(given.out, settings),
    }


def _folder(given: Path | None) -> Path:
    if given is None:
        raise DataError(
            "the stages `renders` and `pairs` need --renders DIR, which `python -m training.synth heads` makes"
        )
    return given


def _can_keep(settings: Settings, model: Path | None) -> None:
    """A recipe that goes on from a model folder is told so before hours of training, not after.

    Raises:
        SettingsError: a look is to keep a share of weights, and nobody said whose.
    """
    for name in ("frame", "cigarette", "zoom"):
        if kept := getattr(settings, name).kept:
            origin(model, name, kept)


def main(arguments: list[str] | None = None) -> int:
    """Run one stage or all; 0 done, 2 wrong settings or data."""
    given = parsed(arguments)
    try:
        settings = read_settings(given.config)
        torch.set_num_threads(max(settings.frame.loop.threads, settings.zoom.loop.threads))
        if given.stage == "run":
            _can_keep(settings, given.model)
        calls = stages(given, settings)
        for name in STAGES if given.stage == "run" else (given.stage,):
            print(f"== {name}", flush=True)
            calls[name]()
    except (SettingsError, DataError, FileNotFoundError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
