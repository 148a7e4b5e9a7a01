"""Training on from a model folder: nothing is lost on the way there and back, and its answers can teach."""

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")
pytest.importorskip("onnx", reason="training needs the extra `train`: onnx is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    import onnxruntime
    import torch

    from kitchenvision.detect.model_card import load_card
    from training.__main__ import main
    from training.answers import without_detail
    from training.build import DataError
    from training.carry import PARTNER, carry, keep, stored_weights
    from training.carry import ZOOM as ZOOM_PART
    from training.export import FrameGraph, fused, load_zoom
    from training.networks import Mirrored, ZoomNet, ZoomPair, frame_net, normed, split_logits
    from training.pack import Pack
    from training.settings import Settings, SettingsError, ZoomSettings, read_settings
    from training.teach import sure, taught_heads
    from training.train_frame import train_frame

from tiny_set import RECIPE, write_tiny_set

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
SHIPPED = Path(__file__).parents[2] / "models/canteen-n"
NET = "yolo11n.yaml"
LITE = Settings("onward", "0", zoom=ZoomSettings(backbone="efficientnet-lite0", suspects=1))
PARTNER_NET = Settings("onward", "0")
ZOOM = """
[zoom]
backbone = "efficientnet-lite0"
freeze = 1
size_px = 112
suspects = 2
eight_from = 64
[partner]
size_px = 112
[partner.loop]
steps = 2
batch = 4
warm_up_steps = 2
checkpoint_s = 0
bfloat16 = false
"""


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, shape, np.uint8)


def test_a_carried_zoom_look_answers_as_the_model_that_it_came_from() -> None:
    first, second = ZoomNet(LITE), ZoomNet(PARTNER_NET)
    for one, part in ((first, ZOOM_PART), (second, PARTNER)):
        carry(one, SHIPPED / "zoom.onnx", [torch.rand(8, 3, 112, 112)], part)
    net = ZoomPair(first, second)
    crops = noise(4, 112, 112, 3)
    head, hat, _, cigarette = session(SHIPPED / "zoom.onnx").run(None, {"crops": crops})
    with torch.inference_mode():
        floats = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
        own_head, own_hat, _, own_cigarette = split_logits(net.eval()(floats))
    np.testing.assert_allclose(cigarette, own_cigarette.sigmoid().numpy(), atol=1e-3)
    # The graph divides its logits by one temperature a question.
    odds = np.log(head / (1 - head)).ravel()
    assert np.ptp(odds / own_head.numpy().ravel()) < 1e-3
    shipped, own = np.log(hat[:, 0] / hat[:, 1]), (own_hat[:, 0] - own_hat[:, 1]).numpy()
    assert np.ptp(shipped / own) < 1e-2


def test_a_net_that_keeps_a_share_of_its_origin_lies_between_both() -> None:
    shipped = stored_weights(SHIPPED / "model.onnx")
    net = fused(frame_net(NET, None))
    before = {name: parameter.detach().numpy().copy() for name, parameter in net.named_parameters()}
    keep(net, SHIPPED / "model.onnx", 0.25)
    told = {name: parameter for name, parameter in net.named_parameters() if "dfl" not in name}
    assert len(told) > 100
    for name, parameter in told.items():
        expected = 0.75 * before[name] + 0.25 * shipped[name]
        np.testing.assert_allclose(parameter.detach().numpy(), expected, atol=1e-5)


def test_a_net_that_keeps_all_is_the_shipped_one_again() -> None:
    net = fused(frame_net(NET, None))
    keep(net, SHIPPED / "cigarette.onnx", 1.0)
    pictures = noise(1, 96, 128, 3)
    (answer,) = session(SHIPPED / "cigarette.onnx").run(None, {"images": pictures})
    with torch.inference_mode():
        own = FrameGraph(net)(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(own[:, 4:], answer[:, 4:], atol=1e-3)


def test_a_zoom_look_keeps_a_share_of_both_of_its_nets(onward: Path) -> None:
    settings = read_settings(onward / "recipe.toml")
    new, _ = load_zoom(onward / "out", settings)
    keeping = replace(settings, zoom=replace(settings.zoom, kept=0.5))
    both, _ = load_zoom(onward / "out", keeping, SHIPPED)
    shipped = stored_weights(SHIPPED / "zoom.onnx")
    trained = dict(new.named_parameters())
    for name, parameter in both.named_parameters():
        expected = (trained[name].detach().numpy() + shipped[name]) / 2
        np.testing.assert_allclose(parameter.detach().numpy(), expected, atol=1e-5)
    with pytest.raises(SettingsError, match=r"\[zoom\] kept = 0.5: give --model"):
        load_zoom(onward / "out", keeping)


@pytest.mark.parametrize("share", [-0.1, 1.0, 3])
def test_a_share_that_is_none_is_refused_by_name(tmp_path: Path, share: float) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'name = "x"\nversion = "1"\n[frame]\nkept = {share}\n', "utf-8")
    with pytest.raises(SettingsError, match=rf"kept = {share}: expected a share"):
        read_settings(recipe)


@pytest.mark.parametrize(("file", "atol"), [("cigarette.onnx", 1e-3), ("model.onnx", 0.2)])
def test_a_carried_frame_net_answers_as_the_model_that_it_came_from(file: str, atol: float) -> None:
    """To the digit from FP16, roughly from eight bits, whose activations the carried net does not round."""
    net = frame_net(NET, None)
    carry(net, SHIPPED / file, [torch.rand(2, 3, 96, 96)])
    pictures = noise(1, 96, 128, 3)
    (answer,) = session(SHIPPED / file).run(None, {"images": pictures})
    with torch.inference_mode():
        own = FrameGraph(net)(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(own[:, 4:], answer[:, 4:], atol=atol)


def test_a_pair_is_the_mean_of_both_and_the_first_alone_knows_cigarettes() -> None:
    first, second = ZoomNet(LITE).eval(), ZoomNet(PARTNER_NET).eval()
    crops = torch.rand(3, 3, 112, 112)
    with torch.inference_mode():
        pair, one, two = ZoomPair(first, second)(crops), first(crops), second(crops.flip(3))
        alone = Mirrored(second)(crops)
        mirrored = Mirrored(second)(crops.flip(3))
    torch.testing.assert_close(pair[:, :8], (one[:, :8] + two) / 2)
    torch.testing.assert_close(pair[:, 8], one[:, 8])
    assert split_logits(alone)[3].shape == (3, 0)
    torch.testing.assert_close(alone, mirrored, atol=1e-5, rtol=1e-4)


def test_batch_statistics_are_those_of_the_batches() -> None:
    net, batch = ZoomNet(LITE), torch.rand(16, 3, 112, 112)
    carry(net, SHIPPED / "zoom.onnx", [batch], ZOOM_PART)
    stem, norm = normed(net)[0].pair
    seen: list[torch.Tensor] = []
    stem.register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.inference_mode():
        net.eval()(batch)
    torch.testing.assert_close(norm.running_mean, seen[0].mean((0, 2, 3)), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(norm.running_var, seen[0].var((0, 2, 3), unbiased=False), atol=1e-4, rtol=1e-3)


def test_a_graph_of_another_net_is_refused() -> None:
    with pytest.raises(ValueError, match="another architecture"):
        carry(frame_net(NET, None), SHIPPED / "zoom.onnx", [torch.rand(1, 3, 64, 64)])
    with pytest.raises(ValueError, match="no batches"):
        carry(ZoomNet(LITE), SHIPPED / "zoom.onnx", [], ZOOM_PART)


def test_every_weight_of_an_eight_bit_graph_is_found() -> None:
    eight, half = stored_weights(SHIPPED / "model.onnx"), stored_weights(SHIPPED / "cigarette.onnx")
    assert {n: v.shape for n, v in eight.items()} == {n: v.shape for n, v in half.items()}


def test_only_a_sure_answer_stands_in_for_a_label() -> None:
    assert sure({"covered": 0.98, "bare": 0.02}, 0.97) == "covered"
    assert sure({"covered": 0.9, "bare": 0.1}, 0.97) is None


@pytest.fixture(scope="module")
def onward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny set, taught by the shipped model, whose zoom look was trained on for a few steps."""
    root = tmp_path_factory.mktemp("onward")
    write_tiny_set(root / "data")
    (root / "recipe.toml").write_text(RECIPE.format(steps=2).replace("\n[zoom]\nsize_px = 64\n", ZOOM), "utf-8")
    model = root / "models/shipped"
    shutil.copytree(SHIPPED, model)
    for stage, more in (
        ("build", []),
        ("teach", ["--model", str(model)]),
        ("suspects", ["--model", str(model)]),
        ("zoom", ["--init", str(model)]),
        ("partner", ["--init", str(model)]),
        ("calibrate", []),
        ("export", ["--model", str(model)]),
    ):
        given = ["--config", str(root / "recipe.toml"), "--data", str(root / "data"), "--out", str(root / "out")]
        assert main([stage, *given, *more]) == 0
    return root


def test_a_look_that_was_not_trained_is_that_of_the_model_folder(onward: Path) -> None:
    out = onward / "out/export"
    for file in ("model.onnx", "cigarette.onnx"):
        assert (out / file).read_bytes() == (SHIPPED / file).read_bytes()
    assert (out / "zoom.onnx").read_bytes() != (SHIPPED / "zoom.onnx").read_bytes()
    card = load_card(onward / "out", "export")
    assert card.zoom is not None
    told = (out / "model.toml").read_text("utf-8")
    assert "frame_steps" in told
    assert "partner_steps = 2" in told


def test_teaching_writes_answers_only_where_labels_are_silent(onward: Path) -> None:
    packs = taught_heads(onward / "out")
    assert len(packs) == 2
    rows = [json.loads(line) for line in (onward / "out/set/answers.jsonl").read_text("utf-8").splitlines() if line]
    labelled = [json.loads(line) for line in (onward / "out/set/heads.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        assert all(labelled[row["index"]][q] is None for q in ("hat", "mask") if row.get(q))


def test_suspects_are_cigarettes_and_what_touches_none(onward: Path) -> None:
    pack = Pack(onward / "out/set/suspects")
    kinds = {fact["kind"] for fact in pack.facts}
    assert "cigarette" in kinds
    assert kinds <= {"cigarette", "not_cigarette"}
    assert all(fact["file"].startswith("images/smoke_") for fact in pack.facts)
    for i, fact in enumerate(pack.facts):
        (x0, y0, x1, y1) = fact["boxes"][0]
        side = pack.picture(i).shape[0]
        assert (x0 + x1) / 2 == pytest.approx(side / 2, abs=1.5), "the suspect is in the middle"
        assert (y0 + y1) / 2 == pytest.approx(side / 2, abs=1.5)


def test_the_second_opinion_is_trained_and_stored_in_eight_bits(onward: Path) -> None:
    rows = [json.loads(line) for line in (onward / "out/zoom/metrics.jsonl").read_text("utf-8").splitlines()]
    assert all(row["cigarette"] > 0 for row in rows)
    assert (onward / "out/export/zoom.onnx").stat().st_size < 5.2e6


def write_renders(folder: Path, count: int) -> Path:
    """Crops as `python -m training.synth heads` writes them, but of noise."""
    folder.mkdir()
    rows = []
    for seed in range(count):
        cv2.imwrite(str(folder / f"{seed}.webp"), noise(192, 192, 3))
        row = {"file": f"{seed}.webp", "seed": seed, "hat": "cap", "hat_colour": [0.1, 0.1, 0.1], "hat_px": 900}
        row |= {"mask": "none", "face_visible": True, "yaw_deg": 10.0, "cigarette": {"where": "none", "box": None}}
        rows.append(row | {"head": [60, 60, 130, 140], "head_hidden_by_scene": 0.0, "effective_head_px": 44.0})
    (folder / "crops.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def test_renders_join_the_heads_that_the_zoom_look_learns(onward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--config", str(onward / "recipe.toml"), "--data", str(onward / "data")]
    out = onward / "rendered"
    shutil.copytree(onward / "out/set", out / "set")
    before = sum(len(pack) for pack in taught_heads(out))
    more = ["--out", str(out), "--renders"]
    assert main(["renders", *given, *more, str(write_renders(onward / "renders", 200))]) == 0
    packs = taught_heads(out)
    assert len(packs) == 3
    assert sum(len(pack) for pack in packs) > before
    assert {(fact["family"], fact["hat"], fact["mask"]) for fact in packs[2].facts} == {
        ("render", "covered", "none")
    }
    assert sum(fact["split"] == "dev" for fact in packs[2].facts) == 20
    assert main(["renders", *given, *more, str(onward / "nothing")]) == 2
    assert main(["renders", *given, "--out", str(out)]) == 2
    assert "training.synth heads" in capsys.readouterr().err


def test_without_a_model_folder_a_missing_look_is_named(onward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--config", str(onward / "recipe.toml"), "--data", str(onward / "data")]
    assert main(["export", *given, "--out", str(onward / "out")]) == 2
    assert "run the training stage first" in capsys.readouterr().err


def test_a_picture_without_detail_keeps_its_size() -> None:
    picture = noise(80, 200, 3)
    blurred = without_detail(picture, 50)
    assert blurred.shape == picture.shape
    assert blurred.std() < 0.6 * picture.std()
    assert without_detail(picture, 200) is picture


def test_a_frame_look_is_not_trained_where_nobody_labelled_persons(tmp_path: Path) -> None:
    """It would learn from the empty ground alone, and forget them."""
    recipe = Path(__file__).parents[2] / "training/configs/canteen_n.toml"
    with pytest.raises(DataError, match=r"persons\.jsonl is missing: run the stage `pseudo`"):
        train_frame(tmp_path, read_settings(recipe), None)
