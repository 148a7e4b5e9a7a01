"""The whole recipe on drawn pictures, from random weights: every stage runs, a killed run goes on, and the export
is what the package reads."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")
pytest.importorskip("onnx", reason="training needs the extra `train`: onnx is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    import onnx
    import onnxruntime
    import torch

    from kitchenvision.detect.model_card import load_card
    from training.__main__ import main
    from training.build import read_set
    from training.export import FrameGraph, load_frame
    from training.networks import mixed_precision
    from training.plots import plots
    from training.quantize import quantize
    from training.settings import FrameSettings, read_settings
    from training.sheets import open_sheets

from tiny_set import RECIPE, write_tiny_set

# torch warns when it turns tensors of a graph into constants, and of what it will remove; not ours to mend.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]


CONFIGS = Path(__file__).parents[2] / "training/configs"


class Trained:
    """A finished tiny run."""

    def __init__(self, root: Path) -> None:
        self.root, self.data, self.out = root, root / "data", root / "out"
        write_tiny_set(self.data)

    def stage(self, name: str, steps: int = 4, more: tuple[str, ...] = ()) -> int:
        recipe = self.root / "recipe.toml"
        recipe.write_text(RECIPE.format(steps=steps), "utf-8")
        return main([name, "--config", str(recipe), "--data", str(self.data), "--out", str(self.out), *more])

    def metrics(self, net: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / net / "metrics.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    run = Trained(tmp_path_factory.mktemp("training"))
    for name in ("build", "pseudo", "frame", "cigarette", "zoom"):
        assert run.stage(name, 3) == 0
    for name in ("frame", "cigarette", "zoom", "calibrate", "export", "evaluate", "plots", "card"):
        assert run.stage(name, 5) == 0
    return run


def test_build_keeps_every_picture_with_its_split(trained: Trained) -> None:
    pictures = read_set(trained.out)
    assert len(pictures) == 24
    assert {p.split for p in pictures} == {"train", "val"}


def test_training_goes_on_where_it_was_stopped(trained: Trained) -> None:
    assert [row["step"] for row in trained.metrics("frame")] == [3, 5]
    assert [row["step"] for row in trained.metrics("zoom")] == [3, 5]
    assert [row["step"] for row in trained.metrics("cigarette")] == [3, 5]


def test_labelling_persons_goes_on_where_it_was_killed(trained: Trained) -> None:
    whole = trained.out / "set/persons.jsonl"
    before = whole.read_text("utf-8")
    first, second = before.splitlines(keepends=True)[:2]
    marked = json.dumps({**json.loads(first), "persons": [[1.0, 2.0, 3.0, 4.0, 0.9]]}) + "\n"
    part = whole.with_name("persons.jsonl.part")
    part.write_text(marked + second[: len(second) // 2], "utf-8")
    assert trained.stage("pseudo", 3) == 0
    rows = whole.read_text("utf-8").splitlines(keepends=True)
    assert rows == [marked, *before.splitlines(keepends=True)[1:]]
    assert not part.exists()
    whole.write_text(before, "utf-8")


@pytest.mark.parametrize("kind", ["portrait", "zoom", "tile"])
@pytest.mark.parametrize("turned", [0.0, 1.0])
def test_a_sheet_has_its_cigarettes_where_it_says(trained: Trained, kind: str, turned: float) -> None:
    shares = {"portrait": 0.0, "camera": 0.0, "zoom": 0.0, "still": 0.0, kind: 1.0}
    look = FrameSettings(**shares, stretch=0.3, turned=turned, smoke_portraits=1.0)  # type: ignore[arg-type]
    data = read_settings(trained.root / "recipe.toml").data
    sheets = open_sheets(trained.out, data, look)
    inside, around = [], []
    for seed in range(40):
        sheet = sheets.draw(np.random.default_rng(seed), 96)
        for cigarette, *box in sheet.targets:
            x0, y0, x1, y1 = (round(v) for v in box)
            if cigarette == 2 and min(x1 - x0, y1 - y0) >= 1:
                inside.append(float(sheet.image[y0:y1, x0:x1].mean()))
                around.append(float(sheet.image[max(0, y0 - 6) : y1 + 6, max(0, x0 - 6) : x1 + 6].mean()))
                assert sheet.known[2, (y0 + y1) // 16, (x0 + x1) // 16]
    assert len(inside) >= 10
    brighter = np.mean(np.asarray(inside) > np.asarray(around))  # the drawn ones are white
    assert brighter > 0.9


def test_bfloat16_is_taken_where_the_chip_computes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for native in (False, True):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda native=native: {"avx512_bf16": native})
        with mixed_precision(cpu, wanted=True):
            assert torch.is_autocast_enabled("cpu") is native
    with mixed_precision(cpu, wanted=False):
        assert not torch.is_autocast_enabled("cpu")


def test_a_net_in_eight_bits_is_small_and_answers_nearly_alike(trained: Trained) -> None:
    """A quarter of the file, nearly the scores of the net that was trained, and really 8-bit convolutions."""
    path = trained.out / "export/cigarette.onnx"
    assert path.stat().st_size < 3.5e6
    assert not list(path.parent.glob("*.prepared*"))
    nodes = onnx.load(str(path)).graph.node
    rounded = {node.output[0] for node in nodes if node.op_type == "DequantizeLinear"}
    convolutions = [node for node in nodes if node.op_type == "Conv"]
    assert sum(node.input[0] in rounded for node in convolutions) > 0.8 * len(convolutions)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    picture = np.random.default_rng(0).integers(0, 255, (1, 96, 96, 3), np.uint8)
    (answer,) = session.run(["predictions"], {"images": picture})
    net, _ = load_frame(trained.out, read_settings(trained.root / "recipe.toml"), "cigarette")
    with torch.inference_mode():
        exact = FrameGraph(net)(torch.from_numpy(picture)).numpy()
    np.testing.assert_allclose(answer[:, 4:], exact[:, 4:], atol=0.05)


def test_a_graph_that_is_not_ours_is_refused_by_the_quantizer(trained: Trained, tmp_path: Path) -> None:
    other = tmp_path / "zoom.onnx"
    other.write_bytes((trained.out / "export/zoom.onnx").read_bytes())
    with pytest.raises(ValueError, match="not a frame graph"):
        quantize(other, [np.zeros((64, 64, 3), np.uint8)])
    with pytest.raises(ValueError, match="no pictures"):
        quantize(other, [])


def test_what_is_to_be_kept_needs_the_folder_that_it_comes_from(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "keeping.toml"
    told = (trained.root / "recipe.toml").read_text("utf-8")
    recipe.write_text(told.replace("[frame]\n", "[frame]\nkept = 0.2\n"), "utf-8")
    given = ["--config", str(recipe), "--data", str(trained.data), "--out", str(trained.out)]
    assert main(["export", *given]) == 2
    assert "kept = 0.2: give --model" in capsys.readouterr().err


def test_a_recipe_that_goes_on_from_a_model_is_refused_before_it_trains_without_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--config", str(CONFIGS / "canteen_n.toml"), "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(["run", *given]) == 2
    assert "kept = 0.3: give --model" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("recipe", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_can_be_read_and_only_the_shipped_one_keeps_weights(recipe: Path) -> None:
    settings = read_settings(recipe)
    keeps = any(getattr(settings, look).kept for look in ("frame", "cigarette", "zoom"))
    assert keeps is (recipe.stem == "canteen_n")


def test_curves_are_drawn_without_a_calibration_too(trained: Trained, tmp_path: Path) -> None:
    """A look that is trained on alone leaves the others, and what was calibrated of them, as they are."""
    out = tmp_path / "out"
    out.mkdir()
    assert plots(trained.data, out, {}) == []
    assert not (out / "export/coverage.png").exists()


def test_losses_are_numbers_for_every_part(trained: Trained) -> None:
    for net, parts in (("frame", ("class", "box", "dfl")), ("zoom", ("head", "hat", "mask"))):
        for row in trained.metrics(net):
            assert all(np.isfinite(row[part]) for part in parts)


def test_frame_graph_takes_any_number_and_size_of_pictures(trained: Trained) -> None:
    session = onnxruntime.InferenceSession(
        str(trained.out / "export/model.onnx"), providers=["CPUExecutionProvider"]
    )
    for n, height, width in ((1, 64, 96), (3, 96, 96), (1, 160, 128)):
        pictures = np.random.default_rng(0).integers(0, 255, (n, height, width, 3), np.uint8)
        (answer,) = session.run(["predictions"], {"images": pictures})
        anchors = sum((height // s) * (width // s) for s in (8, 16, 32))
        assert answer.shape == (n, 7, anchors)
        assert answer.dtype == np.float32
        assert 0 <= answer[:, 4:].min() <= answer[:, 4:].max() <= 1


def test_zoom_graph_answers_probabilities(trained: Trained) -> None:
    session = onnxruntime.InferenceSession(
        str(trained.out / "export/zoom.onnx"), providers=["CPUExecutionProvider"]
    )
    crops = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), np.uint8)
    head, hat, mask = session.run(["head", "hat", "mask"], {"crops": crops})
    assert (head.shape, hat.shape, mask.shape) == ((5, 1), (5, 3), (5, 4))
    np.testing.assert_allclose(hat.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(mask.sum(1), 1, atol=1e-5)
    assert 0 <= head.min() <= head.max() <= 1


def test_weights_are_stored_in_half_precision(trained: Trained) -> None:
    model = onnx.load(str(trained.out / "export/model.onnx"))
    large = [t for t in model.graph.initializer if np.prod(t.dims) >= 64 and t.data_type == onnx.TensorProto.FLOAT]
    assert not large
    assert (trained.out / "export/model.onnx").stat().st_size < 6e6


def test_the_package_reads_the_exported_model_card(trained: Trained) -> None:
    card = load_card(trained.out, "export")
    assert card.frame.classes == ("person", "head", "cigarette")
    assert card.zoom.size_px == 64


def test_evaluation_answers_every_validation_picture(trained: Trained) -> None:
    val = [p for p in read_set(trained.out) if p.split == "val"]
    rows = (trained.out / "answers/portrait_thorough.jsonl").read_text("utf-8").splitlines()
    assert len(rows) == len(val)
    assert {"file", "heads", "cigarettes", "persons"} <= set(json.loads(rows[0]))


def test_accusations_are_counted_over_films_of_held_out_stills(trained: Trained) -> None:
    assert trained.stage("accusations", 5, ("--scenes", "1", "--seconds", "2")) == 0
    found = json.loads((trained.out / "accusations.json").read_text("utf-8"))
    assert set(found["rules"]) == {"no_hat", "no_mask", "smoking"}
    assert sum(row["scenes"] for row in found["rules"].values()) >= 1


def test_card_holds_no_unfilled_place(trained: Trained) -> None:
    text = (trained.out / "export/CARD.md").read_text("utf-8")
    assert "{{" not in text
    assert "tiny" in text


def test_a_missing_data_folder_is_named(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = trained.root / "recipe.toml"
    missing = trained.root / "nowhere"
    code = main(["build", "--config", str(recipe), "--data", str(missing), "--out", str(trained.root / "other")])
    assert code == 2
    assert "nowhere" in capsys.readouterr().err
