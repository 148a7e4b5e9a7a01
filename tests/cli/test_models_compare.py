"""`models compare` on real pictures and a real clip: the bundled model against itself and a blinder copy."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from command_line import Run

from kitchenvision.detect.model_card import load_card, models_folder
from kitchenvision.frames.open import open_source

Runner = Callable[..., Run]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of a sample clip as pictures."""
    folder = tmp_path_factory.mktemp("footage")
    with open_source(ROOT / "sample_videos/A1.mp4") as source:
        for frame in source.frames():
            if frame.index % 40 == 0:
                cv2.imwrite(str(folder / f"frame{frame.index:04d}.png"), frame.image[..., ::-1])
            if len(list(folder.iterdir())) == 2:
                break
    return folder


@pytest.fixture
def blinder(tmp_path: Path) -> Path:
    """The bundled model with a frame look at 64 px, which finds hardly any head."""
    card = load_card(models_folder())
    folder = tmp_path / "blinder"
    shutil.copytree(card.path(card.frame.file).parent, folder)
    lines = (folder / "model.toml").read_text("utf-8").splitlines()
    at = lines.index("[frame.profiles]")
    lines[at + 1 : at + 3] = ["fast = [64]", "thorough = [64]"]
    (folder / "model.toml").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_a_model_does_not_differ_from_itself(run: Runner, footage: Path) -> None:
    result = run("models", "compare", "canteen-n", "canteen-n", footage, "--profile", "fast", "--json")
    assert result.code == 0
    found = json.loads(result.out)
    assert (found["pictures"]["read"], found["pictures"]["differ"]) == (2, 0)


def test_a_blinder_model_misses_heads_and_the_difference_is_drawn(
    run: Runner, footage: Path, blinder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "drawn"
    result = run("models", "compare", "canteen-n", blinder, footage, "--out", out, "--profile", "fast", "--json")
    assert result.code == 0
    found = json.loads(result.out)
    assert {"what": "head", "a": "found", "b": ""} in [
        {key: row[key] for key in ("what", "a", "b")} for row in found["pictures"]["counts"]
    ]
    drawn = sorted(out.iterdir())
    assert len(drawn) == found["pictures"]["differ"] > 0
    one, frame = cv2.imread(str(drawn[0])), cv2.imread(str(next(footage.iterdir())))
    assert one.shape == (frame.shape[0], 2 * frame.shape[1], 3), "A on the left, B on the right"


def test_clips_are_scanned_by_both(run: Runner, blinder: Path, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    shutil.copy(ROOT / "sample_videos/A1.mp4", clips)
    result = run("models", "compare", "canteen-n", blinder, clips, "--profile", "fast")
    assert result.code == 0
    assert "1 clips: 0 violations found by both, 2 by A alone, 0 by B alone" in result.said
    assert "only A: A1.mp4 no_" in result.said


def test_a_folder_with_nothing_to_look_at_is_named(run: Runner, tmp_path: Path) -> None:
    result = run("models", "compare", "canteen-n", "canteen-n", tmp_path)
    assert result.code != 0
    assert "neither pictures nor clips" in result.said


def test_a_picture_that_cannot_be_read_is_told_and_the_others_are_compared(
    run: Runner, footage: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    shutil.copytree(footage, folder)
    (folder / "broken.png").write_bytes(b"not a picture")
    result = run("models", "compare", "canteen-n", "canteen-n", folder, "--profile", "fast")
    assert result.code == 3
    assert "0 of 2 pictures differ" in result.said
    assert "broken.png" in result.said
