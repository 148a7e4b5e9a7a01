"""Heads that nobody labelled teach that a mask cannot be judged, and nothing else."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    from training import strays as stage
    from training.__main__ import main
    from training.build import head_facts
    from training.cigarette_crops import CigaretteCrops
    from training.head_crops import UNASKED, HeadCrops
    from training.labels import Box, Picture
    from training.pack import Pack, PackWriter
    from training.settings import MASK, ZoomSettings
    from training.strays import is_stray
    from training.teach import taught_heads

from tiny_set import RECIPE, write_tiny_set

from kitchenvision.types import HatAnswer, HeadLook, MaskAnswer, Xyxy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
MODEL = Path(__file__).parents[2] / "models/canteen-n"
STRAY: Xyxy = (10.0, 70.0, 40.0, 110.0)
FORGOTTEN: Xyxy = (100.0, 70.0, 130.0, 110.0)
LABELLED: Xyxy = (60.0, 20.0, 90.0, 60.0)


def picture(*boxes: Box, family: str = "mask") -> Picture:
    known = {"person": "none", "head": "all", "cigarette": "none"}
    return Picture(f"images/{family}.webp", 160, 120, "drawn", family, "train", "drawn", known, list(boxes))


def test_a_head_that_nobody_labelled_is_a_stray() -> None:
    assert is_stray(STRAY, 0.9, 0.5, picture(Box("head", LABELLED)))


@pytest.mark.parametrize(
    ("box", "confidence", "mask_chance"),
    [
        pytest.param(STRAY, 0.3, 0.2, id="hardly a head"),
        pytest.param(STRAY, 0.8, 0.95, id="a face without a label"),
        pytest.param((50.0, 20.0, 75.0, 60.0), 0.9, 0.2, id="touches a labelled head"),
        pytest.param((10.0, 70.0, 22.0, 83.0), 0.9, 0.2, id="too small to judge"),
    ],
)
def test_what_teaches_nothing_is_no_stray(box: Xyxy, confidence: float, mask_chance: float) -> None:
    assert not is_stray(box, confidence, mask_chance, picture(Box("head", LABELLED)))


@pytest.mark.parametrize("kind", ["head", "not_head"])
def test_what_somebody_labelled_or_set_aside_is_no_stray(kind: str) -> None:
    assert not is_stray(STRAY, 0.9, 0.2, picture(Box(kind, STRAY, ignore=kind == "head")))


def found(_: Any, __: Any) -> Iterator[tuple[Xyxy, float, HeadLook]]:
    """A stray, which the model takes for masked, and a face that it is sure of."""
    look = HeadLook(0.9, HatAnswer(0.1, 0.8, 0.1), MaskAnswer(0.97, 0.0, 0.02, 0.01), (), None, 40.0, 9.0)
    yield STRAY, 0.7, look
    yield FORGOTTEN, 0.9, look


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny set with its strays, as if the model had found two heads on every picture."""
    root = tmp_path_factory.mktemp("strays")
    write_tiny_set(root / "data")
    (root / "recipe.toml").write_text(RECIPE.format(steps=2), "utf-8")
    given = ["--config", str(root / "recipe.toml"), "--data", str(root / "data"), "--out", str(root / "out")]
    assert main(["build", *given]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "heads_of", found)
        assert main(["strays", *given, "--model", str(MODEL)]) == 0
    return root / "out"


def test_strays_come_from_training_pictures_of_masks_alone(out: Path) -> None:
    facts = Pack(out / "set/strays").facts
    assert {fact["split"] for fact in facts} == {"train"}
    assert all(fact["file"].startswith("images/mask_") for fact in facts)
    assert len({fact["file"] for fact in facts}) == len(facts), "one of two: the other is a face without a label"


def test_a_stray_is_asked_for_its_mask_and_for_nothing_else(out: Path) -> None:
    packs = taught_heads(out)
    (strays,) = [pack for pack in packs if all(fact["kind"] == "stray" for fact in pack.facts)]
    crops = HeadCrops(strays, ZoomSettings(size_px=64, tiny=0.0))
    samples = [crops.draw(np.random.default_rng(seed)) for seed in range(12)]
    assert {(s.is_head, s.hat, s.mask) for s in samples} == {(UNASKED, UNASKED, MASK.index("cannot_judge"))}


def test_rendered_squares_are_drawn_as_often_among_the_true_ones_as_among_the_mistakes(tmp_path: Path) -> None:
    square = np.full((40, 40, 3), 99, np.uint8)
    with PackWriter(tmp_path / "suspects") as pack:
        for kind, source, count, score in (
            ("cigarette", "drawn", 60, 1.0),
            ("cigarette", "rendered", 1, 1.0),
            ("not_cigarette", "drawn", 20, 0.3),
            ("not_cigarette", "rendered", 20, 0.04),
        ):
            for _ in range(count):
                shown = square if source == "drawn" else square // 9
                facts = head_facts(picture(), [[15.0, 15.0, 25.0, 25.0]], kind=kind, source=source, score=score)
                pack.add(shown, facts)
    crops = CigaretteCrops(Pack(tmp_path / "suspects"), ZoomSettings(size_px=32, suspects=1))
    rng = np.random.default_rng(0)
    drawn = [crops.draw(rng) for _ in range(2000)]
    for is_true in (0, 1):
        rendered = [s.crop.mean() < 50 for s in drawn if s.cigarette == is_true]
        assert np.mean(rendered) == pytest.approx(0.12, abs=0.04)
