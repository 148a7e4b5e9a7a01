"""Stage `export`: three ONNX files with pictures in, probabilities out, and the model.toml that describes them.

Scaling to 0..1 and the transpose are inside the graphs, so that a caller hands over uint8 pixels. The frame look
and the cigarette look are computed in 8 bits where the recipe says `int8` (quantize.py). Else weights are stored in
16 or 8 bits and computed with in 32 (storage.py).
"""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import tomllib
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.carry import keep
from training.loop import averaged_weights
from training.networks import Mirrored, ZoomNet, ZoomPair, frame_net, normed, predictions, split_logits
from training.quantize import Pixels, quantize
from training.settings import CLASSES, FILES, HAT, MASK, FrameSettings, Settings, SettingsError
from training.sheets import open_sheets
from training.storage import half_stored, whole

OPSET = 17


class FrameGraph(nn.Module):
    """(N, H, W, 3) uint8 RGB -> (N, 4 + 3, A) float32; see the contract in training/README.md."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        # The second answer is raw: boxes are decoded by the function that training uses.
        _, raw = self.net(images.permute(0, 3, 1, 2).float() / 255)
        return predictions(raw, self.net.stride)


class ZoomGraph(nn.Module):
    """(N, S, S, 3) uint8 RGB -> head (N, 1), hat (N, 3), mask (N, 4), calibrated, and cigarette (N, 1)."""

    def __init__(self, net: nn.Module, temperature: dict[str, float]) -> None:
        super().__init__()
        self.net, self._temperature = net.eval(), temperature

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, ...]:
        head, hat, mask, cigarette = split_logits(self.net(crops.permute(0, 3, 1, 2).float() / 255))
        warmth = self._temperature
        answers = (
            (head / warmth["head"]).sigmoid(),
            (hat / warmth["hat"]).softmax(1),
            (mask / warmth["mask"]).softmax(1),
        )
        return (*answers, cigarette.sigmoid()) if cigarette.shape[1] else answers


def fused(net: nn.Module) -> nn.Module:
    """A copy with every batch norm folded into the convolution before it."""
    net = copy.deepcopy(net).eval()
    for one in normed(net):
        one.replace(fuse_conv_bn_eval(*one.pair), nn.Identity())
    return net


def write_onnx(
    graph: nn.Module,
    sample: torch.Tensor,
    path: Path,
    names: dict[str, dict[int, str]],
    stored: Callable[[onnx.ModelProto], onnx.ModelProto] = half_stored,
) -> None:
    """Trace `graph` on a sample and write it; `names` maps the input, then the outputs, to their dynamic axes."""
    inputs, *outputs = names
    with warnings.catch_warnings():
        # The tracer warns of every size it turns into a constant and of its own deprecation; the smoke test
        # proves that other sizes run.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (sample,),
            str(path),
            input_names=[inputs],
            output_names=outputs,
            dynamic_axes=names,
            opset_version=OPSET,
            dynamo=False,
        )
    model = stored(onnx.load(str(path)))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def load_frame(out: Path, settings: Settings, look: str = "frame") -> tuple[nn.Module, dict[str, Any]]:
    """The averaged frame net (or `look="cigarette"`) and its checkpoint."""
    state = averaged_weights(out / look)
    net = frame_net(settings.architecture, None, settings.activation)
    net.load_state_dict(state["average"])
    return net.eval(), state


def load_zoom(out: Path, settings: Settings, base: Path | None = None) -> tuple[nn.Module, dict[str, Any]]:
    """The averaged zoom net, with its partner if the recipe has one, as it answers; and the facts of its training.

    `base` as in `export_frame`.
    """
    net, facts = _averaged(out, settings, "zoom")
    whole_net: nn.Module = Mirrored(net)
    if settings.partner is not None:
        second, more = _averaged(out, replace(settings, zoom=settings.partner), "partner")
        whole_net = ZoomPair(net, second)
        facts |= more
    whole_net = fused(whole_net)
    if settings.zoom.kept:
        keep(whole_net, origin(base, "zoom", settings.zoom.kept), settings.zoom.kept)
    return whole_net, facts


def _averaged(out: Path, settings: Settings, place: str) -> tuple[ZoomNet, dict[str, Any]]:
    state = averaged_weights(out / place)
    net = ZoomNet(settings)
    net.load_state_dict(state["average"])
    return net, trained_facts(place, state, settings.zoom.loop.seed)


def trained_facts(look: str, state: dict[str, Any], seed: int) -> dict[str, Any]:
    """What model.toml says of the training of one net."""
    return {
        f"{look}_steps": state["step"],
        f"{look}_minutes": round(state["elapsed_s"] / 60),
        f"{look}_seed": seed,
    }


def origin(base: Path | None, look: str, kept: float) -> Path:
    """The file of a look of which a share is to be kept. Raises SettingsError without `base`."""
    if base is None:
        raise SettingsError(
            f"[{look}] kept = {kept}: give --model, the folder that it goes on from, or take a recipe "
            "that starts anew, such as training/configs/from_coco.toml"
        )
    return base / FILES[look]


def temperatures(out: Path) -> dict[str, float]:
    """What stage `calibrate` found, or 1 for each question."""
    path = out / "calibration.json"
    found = json.loads(path.read_text("utf-8"))["temperature"] if path.is_file() else {}
    return {question: float(found.get(question, 1.0)) for question in ("head", "hat", "mask")}


def export_frame(out: Path, settings: Settings, look: str, path: Path, base: Path | None = None) -> dict[str, Any]:
    """Write the frame net (`look="frame"`) or the cigarette net; returns the facts of its training.

    `base`: the model folder that it went on from; where the recipe says so, a share of its weights is kept.

    Raises:
        SettingsError: it is to keep some, and there is no `base`.
    """
    given: FrameSettings = getattr(settings, look)
    net, state = load_frame(out, settings, look)
    net = fused(net)
    if given.kept:
        keep(net, origin(base, look, given.kept), given.kept)
    names = {"images": {0: "pictures", 1: "height", 2: "width"}, "predictions": {0: "pictures", 2: "anchors"}}
    sample = torch.zeros(2, 96, 128, 3, dtype=torch.uint8)
    stored = whole if given.int8 else partial(half_stored, eight_from=given.eight_from)
    write_onnx(FrameGraph(net), sample, path, names, stored)
    if given.int8:
        quantize(path, calibration_sheets(out, settings, given))
    return trained_facts(look, state, given.loop.seed)


def calibration_sheets(out: Path, settings: Settings, given: FrameSettings) -> list[Pixels]:
    """Sheets (S, S, 3) uint8 RGB of the training pictures, drawn by the look's seed."""
    sheets = open_sheets(out, settings.data, given)
    rng = np.random.default_rng([given.loop.seed, 8])
    drawn = (sheets.draw(rng, given.int8_side_px).image for _ in range(given.int8_sheets))
    return [np.ascontiguousarray(image[..., ::-1]) for image in drawn]


def export_zoom(out: Path, settings: Settings, path: Path, base: Path | None = None) -> dict[str, Any]:
    """Write the zoom net with its temperatures; as `export_frame`."""
    zoom, facts = load_zoom(out, settings, base)
    size = settings.zoom.size_px
    more = ("cigarette",) if settings.zoom.suspects else ()
    names = {name: {0: "heads"} for name in ("crops", "head", "hat", "mask", *more)}
    sample = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    stored = partial(half_stored, eight_from=settings.zoom.eight_from)
    write_onnx(ZoomGraph(zoom, temperatures(out)), sample, path, names, stored)
    return facts


def export(out: Path, settings: Settings, base: Path | None = None) -> Path:
    """Write OUT/export/{model.onnx, zoom.onnx, cigarette.onnx, model.toml}; returns the folder.

    A look that was not trained in OUT is taken from the model folder `base`.

    Raises:
        FileNotFoundError: a look was not trained, and there is no `base`.
        SettingsError: see `export_frame`.
    """
    folder = out / "export"
    folder.mkdir(parents=True, exist_ok=True)
    given = tomllib.loads((base / "model.toml").read_text("utf-8")).get("trained", {}) if base else {}
    trained: dict[str, Any] = {}
    for look, file in FILES.items():
        if base and not (out / look / "checkpoint.pt").is_file():
            shutil.copyfile(base / file, folder / file)
            nets = ("zoom_", "partner_") if look == "zoom" else (f"{look}_",)
            trained |= {key: value for key, value in given.items() if key.startswith(nets)}
        elif look == "zoom":
            trained |= export_zoom(out, settings, folder / file, base)
        else:
            trained |= export_frame(out, settings, look, folder / file, base)
    (folder / "model.toml").write_text(model_toml(settings, folder, trained), "utf-8")
    return folder


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def model_toml(settings: Settings, folder: Path, trained: dict[str, Any]) -> str:
    """The text of model.toml: what the recipe's [model] says, with hashes and the facts of the training."""
    given = settings.model
    frame = {
        "file": "model.onnx",
        "sha256": sha256(folder / "model.onnx"),
        "layout": "nhwc_uint8_rgb",
        "classes": CLASSES,
        **given.get("frame", {}),
    }
    zoom = {
        "file": "zoom.onnx",
        "sha256": sha256(folder / "zoom.onnx"),
        "size_px": settings.zoom.size_px,
        "crop_heads": settings.zoom.crop_heads,
        "hat": HAT,
        "mask": MASK,
        **given.get("zoom", {}),
    }
    cigarette = {
        "file": "cigarette.onnx",
        "sha256": sha256(folder / "cigarette.onnx"),
        "layout": "nhwc_uint8_rgb",
        "classes": ("ignore", "ignore", "cigarette"),
        **given.get("cigarette", {}),
    }
    sections = {"frame": frame, "zoom": zoom, "cigarette": cigarette}
    sections |= {k: v for k, v in given.items() if k not in (*sections, "trained")}
    sections["trained"] = {**given.get("trained", {}), **trained}
    lines = [f"name = {_toml(settings.name)}", f"version = {_toml(settings.version)}", 'licence = "AGPL-3.0-only"']
    for name, table in sections.items():
        nested = {k: v for k, v in table.items() if isinstance(v, dict)}
        lines += ["", f"[{name}]", *(f"{k} = {_toml(v)}" for k, v in table.items() if k not in nested)]
        for key, sub in nested.items():
            lines += ["", f"[{name}.{key}]", *(f"{k} = {_toml(v)}" for k, v in sub.items())]
    return "\n".join(lines) + "\n"
