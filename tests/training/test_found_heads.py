"""Heads that a model found where nobody labelled any: they teach where it is sure, and only there."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    from training.__main__ import main
    from training.build import read_set
    from training.found_heads import FILE, read_heads, unlabelled
    from training.labels import Box, Picture
    from training.scenes import CIGARETTE, HEAD, PERSON, scene_of
    from training.settings import DataSettings, FrameSettings
    from training.sheets import open_sheets

from tiny_set import RECIPE, write_tiny_set

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
MODELS = Path(__file__).parents[2] / "models"
SURE, DOUBTED, LABELLED = [10.0, 10.0, 40.0, 50.0, 0.9], [60.0, 10.0, 90.0, 50.0, 0.3], (100.0, 10.0, 130.0, 50.0)


def picture(family: str, heads: str, *boxes: Box) -> Picture:
    known = {"person": "none", "head": heads, "cigarette": "none"}
    return Picture(f"images/{family}.webp", 160, 120, "drawn", family, "train", "drawn", known, list(boxes))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny set that was built."""
    where = tmp_path_factory.mktemp("found")
    write_tiny_set(where / "data")
    recipe = RECIPE.format(steps=2).replace("[data]", '[data]\nwithout_cigarettes = ["cook"]')
    (where / "recipe.toml").write_text(recipe, "utf-8")
    shutil.copytree(MODELS / "canteen-n", where / "models/canteen-n")
    assert stage(where, "build") == 0
    return where


def stage(root: Path, name: str) -> int:
    given = ["--config", str(root / "recipe.toml"), "--data", str(root / "data"), "--out", str(root / "out")]
    return main([name, *given, *(["--model", str(root / "models/canteen-n")] if name == "heads" else [])])


def test_found_heads_stand_in_for_labels_where_there_are_none() -> None:
    scene = scene_of(picture("smoke", "none"), {HEAD: [SURE, DOUBTED]}, DataSettings())
    assert [(kind, box.tolist()) for kind, box in scene.boxes] == [(HEAD, SURE[:4])]
    assert [(kind, box.tolist()) for kind, box in scene.ignored] == [(HEAD, DOUBTED[:4])]
    assert scene.known[HEAD] == "all", "elsewhere on the picture there is no head, for certain"
    assert scene.known[PERSON] == "none", "nobody looked for persons"


@pytest.mark.parametrize("known", ["all", "boxes"])
def test_what_somebody_labelled_is_not_overruled(known: str) -> None:
    scene = scene_of(picture("cook", known, Box("head", LABELLED)), {HEAD: [SURE, DOUBTED]}, DataSettings())
    assert [(kind, box.tolist()) for kind, box in scene.boxes] == [(HEAD, list(LABELLED))]
    assert scene.known[HEAD] == known
    assert not scene.ignored


def test_heads_are_looked_for_on_training_pictures_without_head_labels_alone(root: Path) -> None:
    assert stage(root, "heads") == 0
    files = {json.loads(line)["file"] for line in (root / "out" / FILE).read_text("utf-8").splitlines()}
    pictures = read_set(root / "out")
    assert files == {p.file for p in unlabelled(pictures)}
    assert files == {p.file for p in pictures if p.family == "smoke" and p.split == "train"}


def test_looking_for_heads_goes_on_where_it_was_killed(root: Path) -> None:
    assert stage(root, "heads") == 0
    whole = root / "out" / FILE
    before = whole.read_text("utf-8")
    first, second = before.splitlines(keepends=True)[:2]
    marked = json.dumps({**json.loads(first), "heads": [SURE]}) + "\n"
    part = whole.with_name(f"{whole.name}.part")
    part.write_text(marked + second[: len(second) // 2], "utf-8")
    assert stage(root, "heads") == 0
    assert whole.read_text("utf-8").splitlines(keepends=True) == [marked, *before.splitlines(keepends=True)[1:]]
    assert not part.exists()


def test_sheets_show_found_heads_of_smokers(root: Path) -> None:
    smokers = unlabelled(read_set(root / "out"))
    rows = [{"file": p.file, "heads": [[60.0, 30.0, 84.0, 62.0, 0.9]]} for p in smokers]
    (root / "out" / FILE).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert read_heads(root / "out")[smokers[0].file] == rows[0]["heads"]
    look = FrameSettings(portrait=1.0, camera=0.0, zoom=0.0, still=0.0, smoke_portraits=1.0)
    sheets = open_sheets(root / "out", DataSettings(frame_side_px=160), look)
    drawn = [sheets.draw(np.random.default_rng(seed), 96) for seed in range(20)]
    assert sum(any(kind == HEAD for kind, *_ in sheet.targets) for sheet in drawn) > 15
    assert all(sheet.known[HEAD].mean() > 0.95 for sheet in drawn), "absence is known nearly everywhere"


@pytest.mark.parametrize("kind", ["zoom", "tile"])
def test_others_show_what_is_no_cigarette(root: Path, kind: str) -> None:
    """Cooks were looked through, so their squares and tiles say: there is none."""
    smoked = {}
    for others in (0.0, 0.9):
        shares = {"portrait": 0.0, "camera": 0.0, "zoom": 0.0, "still": 0.0, kind: 1.0}
        look = FrameSettings(**shares, others=others)
        sheets = open_sheets(root / "out", DataSettings(frame_side_px=160), look)
        drawn = [sheets.draw(np.random.default_rng(seed), 96) for seed in range(30)]
        assert all(sheet.known[CIGARETTE].mean() > 0.9 for sheet in drawn)
        smoked[others] = sum(kind == CIGARETTE for sheet in drawn for kind, *_ in sheet.targets)
    assert smoked[0.9] < 0.5 * smoked[0.0]
