"""`kitchenvision models`: list, verify, import; compare is in compare.py, trials in models_edge.py."""

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from kitchenvision.commands import models_edge
from kitchenvision.commands.compare import compare
from kitchenvision.commands.exits import PARTIAL
from kitchenvision.commands.options import JsonOption, ModelsOption
from kitchenvision.errors import MissingExtra, ModelError, SettingsError

app = typer.Typer(
    no_args_is_help=True, help="Models: list, verify, import your own, compare two, try one on a running service."
)
app.command("compare")(compare)
for command in (models_edge.shadow, models_edge.promote, models_edge.drop):
    app.command()(command)
_ROLES = ("person", "head", "cigarette", "ignore")
_GUESSES = {
    "person": ("person", "people", "worker", "cook", "human"),
    "head": ("head", "face", "hat", "no_hat", "nohat", "helmet", "no_helmet", "mask", "no_mask", "bare_head"),
    "cigarette": ("cigarette", "smoke", "smoking"),
}


@app.command("list")
def list_models(models: ModelsOption = None, as_json: JsonOption = False) -> None:
    """The models of the folder, and which is the default."""
    from kitchenvision.detect.model_card import default_name, load_card, model_names, models_folder

    folder = models_folder(models)
    default = default_name(folder)
    rows: list[dict[str, Any]] = []
    for name in model_names(folder):
        card = load_card(folder, name)
        rows.append({"name": name, "version": card.version, "default": name == default, "files": card.hashes()})
    if as_json:
        sys.stdout.write(json.dumps({"folder": str(folder), "models": rows}) + "\n")
        return
    table = Table("model", "version", "default", "files")
    for row in rows:
        table.add_row(row["name"], row["version"], "yes" if row["default"] else "", ", ".join(row["files"]))
    Console().print(table)


@app.command("verify")
def verify_models(
    name: Annotated[str | None, typer.Argument(help="Model; default: all of the folder.")] = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the hashes of a model's files, and look at its self-test picture."""
    from kitchenvision.detect.model_card import model_names, models_folder

    folder = models_folder(models)
    rows = [self_test(folder, each) for each in ([name] if name else model_names(folder))]
    if not rows:
        raise ModelError(f"{folder}: no models in this folder")
    if as_json:
        sys.stdout.write(json.dumps(rows) + "\n")
    else:
        for row in rows:
            Console().print(f"{row['name']} {row['version']}: {row['result']}", highlight=False)
    if not all(row["good"] for row in rows):
        raise typer.Exit(PARTIAL)


def self_test(folder: Path, name: str) -> dict[str, Any]:
    """Load a model (checks its hashes) and look at its self-test picture.

    Raises:
        ModelError: a file is missing or changed.
    """
    from kitchenvision.build import open_eyes
    from kitchenvision.frames.pictures import read_picture
    from kitchenvision.types import HEAD

    eyes = open_eyes(folder, name, "thorough")
    card = eyes.card
    row = {"name": name, "version": card.version, "good": True, "result": "hashes fit; it has no self-test picture"}
    if card.self_test is not None:
        found = eyes.detector.detect(read_picture(card.path(card.self_test.picture)))
        heads = len(found.of(HEAD, card.thresholds.head))
        row["good"] = heads >= card.self_test.min_heads
        row["result"] = (
            f"hashes fit; self-test: {heads} head(s) found, at least {card.self_test.min_heads} expected"
        )
    return row


@app.command("import", no_args_is_help=True)
def import_model(
    weights: Annotated[Path, typer.Argument(help="An ultralytics .pt, or an ONNX file exported by ultralytics.")],
    name: Annotated[str, typer.Option("--name", help="Name of the new model.")],
    to: Annotated[Path, typer.Option("--to", help="Folder of model folders to put it into.")],
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="CLASS=ROLE with role person, head, cigarette or ignore; may be repeated."),
    ] = None,
    models: ModelsOption = None,
) -> None:
    """Use your own detector for the frame look; the default model's zoom look still answers on each head."""
    if not weights.is_file():
        raise ModelError(f"{weights}: no such file")
    target = to / name
    if target.exists():
        raise ModelError(f"{target} is there already: choose another --name")
    onnx = _exported(weights) if weights.suffix == ".pt" else weights
    classes, size = _metadata(onnx)
    roles = {each: _guess(each) for each in classes}
    for pair in mapping or ():
        each, _, role = pair.partition("=")
        if each not in roles or role not in _ROLES:
            raise SettingsError("--map", pair, f"expected CLASS=ROLE, classes {classes}, roles {', '.join(_ROLES)}")
        roles[each] = role
    if "head" not in roles.values():
        raise SettingsError(
            "--map", "", f"no class stands for a head, which is what is judged; map one of {classes}"
        )
    _write(onnx, target, (name, classes, roles, size), models)
    console = Console()
    for each, role in roles.items():
        console.print(f"  {each} -> {role}", highlight=False)
    console.print(f"{target}: use it with --models {to} --model {name}", highlight=False, markup=False)


def _exported(weights: Path) -> Path:
    try:
        from ultralytics import YOLO  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise MissingExtra("train", f"importing {weights.name}") from error
    return Path(YOLO(str(weights)).export(format="onnx", dynamic=True, verbose=False))


def _metadata(path: Path) -> tuple[list[str], tuple[int, int] | None]:
    """Class names in order, and (height, width) if the network takes no other size."""
    import ast

    from kitchenvision.detect.onnx import open_session

    session = open_session(str(path), "cpu")
    stated = session.get_modelmeta().custom_metadata_map
    try:
        names = ast.literal_eval(stated["names"])
    except (KeyError, ValueError, SyntaxError) as error:
        raise ModelError(
            f"{path}: holds no class names as ultralytics writes them; export it with ultralytics"
        ) from error
    shape = session.get_inputs()[0].shape
    if len(shape) != 4 or shape[1] != 3:
        raise ModelError(f"{path}: expected an input (N, 3, H, W), got {shape}")
    fixed = (int(shape[2]), int(shape[3])) if all(isinstance(v, int) for v in shape[2:]) else None
    return [names[i] for i in sorted(names)], fixed


def _guess(name: str) -> str:
    plain = name.lower().replace("-", "_").replace(" ", "_")
    return next((role for role, words in _GUESSES.items() if plain in words), "ignore")


def _write(
    onnx: Path,
    target: Path,
    what: tuple[str, list[str], dict[str, str], tuple[int, int] | None],
    models: Path | None,
) -> None:
    from kitchenvision.detect.model_card import file_sha256, load_card, models_folder

    name, classes, roles, size = what
    zoom = load_card(models_folder(models))
    target.mkdir(parents=True)
    shutil.copyfile(onnx, target / "model.onnx")
    shutil.copyfile(zoom.path(zoom.zoom.file), target / "zoom.onnx")
    side = max(size) if size else 640
    lines = [
        f"name = {json.dumps(name)}",
        'version = "1"',
        'licence = "as the imported weights"',
        "[frame]",
        'file = "model.onnx"',
        f'sha256 = "{file_sha256(target / "model.onnx")}"',
        'layout = "nchw_float_rgb"',
        f"classes = {json.dumps(classes)}",
        *([f"fixed_size_px = {list(size)}"] if size else []),
        "[frame.profiles]",
        f"fast = [{side}]",
        f"thorough = [{side if size else 1280}]",
        "[frame.roles]",
        *(f"{json.dumps(each)} = {json.dumps(role)}" for each, role in roles.items()),
        "[zoom]",
        'file = "zoom.onnx"',
        f'sha256 = "{file_sha256(target / "zoom.onnx")}"',
        f"size_px = {zoom.zoom.size_px}",
        f"crop_heads = {zoom.zoom.crop_heads}",
    ]
    (target / "model.toml").write_text("\n".join(lines) + "\n", "utf-8")
    load_card(target.parent, name)
