"""The recipe: one TOML file becomes frozen settings. A wrong key is named, with its section."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

CLASSES = ("person", "head", "cigarette")
HAT = ("covered", "bare", "cannot_judge")
FILES = {"frame": "model.onnx", "cigarette": "cigarette.onnx", "zoom": "zoom.onnx"}  # of a model folder
ACTIVATIONS = ("silu", "relu")
BACKBONES = ("yolo", "efficientnet-lite0")
MASK = ("worn", "incorrect", "none", "cannot_judge")


class SettingsError(ValueError):
    """A setting that cannot be used; the message names section, key and value."""


@dataclass(frozen=True)
class DataSettings:
    frame_side_px: int = 512  # longer side of the cached pictures of the frame net
    crop_side_px: int = 256  # side of the cached squares around heads
    crop_heads: float = 3.4  # side of these squares, in heads
    pseudo_side_px: int = 416
    pseudo_positive: float = 0.5  # confidence of a person that is taken for one
    pseudo_ignore: float = 0.1  # from here on it is doubted
    heads_positive: float = 0.6  # the same of heads
    heads_ignore: float = 0.2
    without_cigarettes: tuple[str, ...] = ()  # families that were looked through for them; see build.looked_through
    taught_least: float = 0.97  # probability of an answer that stands in for a label
    dev_stills: int = 16  # rendered stills kept out of training, by room
    dev_renders: int = 100  # rendered heads kept out of training, by room


@dataclass(frozen=True)
class LoopSettings:
    steps: int = 1000
    minutes: float = 0.0  # 0 = no limit; otherwise the schedule ends at whichever comes first
    batch: int = 16
    learning_rate: float = 1e-3
    final_rate: float = 0.02  # of learning_rate, at the end of the cosine
    warm_up_steps: int = 100
    weight_decay: float = 5e-4
    clip_norm: float = 10.0
    ema_steps: int = 500  # time constant of the averaged weights
    checkpoint_s: float = 120.0
    bfloat16: bool = True  # where the chip computes it, else float32
    threads: int = 1
    seed: int = 0


@dataclass(frozen=True)
class FrameSettings:
    sizes_px: tuple[int, ...] = (320,)
    freeze: int = 3  # leading layers that keep their COCO weights
    # Shares of the five kinds of sheets; see sheets.py.
    portrait: float = 0.26
    camera: float = 0.20
    zoom: float = 0.44
    still: float = 0.10
    tile: float = 0.0
    stretch: float = 0.0  # width and height of a picture change on their own by up to this, as a logarithm
    turned: float = 0.0  # share of sheets turned by a quarter or more: boxes stay exact
    others: float = 0.0  # of zoom sheets and pictures on tiles: people who do not smoke; portraits show them too
    smoke_portraits: float = 0.65  # of the portrait sheets: pictures that are labelled for cigarettes
    cigarette_weight: float = 2.0  # of its class loss: it is small, rare and starts without COCO's help
    cook_repeat: int = 4
    masked: bool = True  # absence counts only where it is known; false = wherever nothing is labelled (ablation)
    box_gain: float = 7.5
    class_gain: float = 0.5
    dfl_gain: float = 1.5
    int8: bool = False  # export it in 8 bits, calibrated on `int8_sheets` sheets of this side
    int8_sheets: int = 24
    int8_side_px: int = 640
    eight_from: int = 0  # weights of so many numbers and more are stored in 8 bits; see storage.py
    kept: float = 0.0  # share of the weights that it went on from, in those that are exported; see carry.keep
    loop: LoopSettings = field(default_factory=LoopSettings)


@dataclass(frozen=True)
class ZoomSettings:
    backbone: str = "yolo"  # the first layers of `architecture`; or efficientnet-lite0
    freeze: int = 0  # leading blocks of efficientnet-lite0 that keep their weights, with its stem
    size_px: int = 112
    crop_heads: float = 1.5
    crop_cigarettes: float = 5.0  # side of the crop around a suspected cigarette, in its longer sides
    suspects: int = 0  # of a batch: crops around cigarettes and what is mistaken for them
    negative: float = 0.22  # share of crops that are not a well-placed head
    without: tuple[
        str, ...
    ] = ()  # families of pictures that are left out (ablation), e.g. render, clean, still, pair
    tiny: float = 0.06  # share of crops shrunk below what can be judged
    eight_from: int = 0  # weights of so many numbers and more are stored in 8 bits; see storage.py
    kept: float = 0.0  # as in [frame]; of the partner, too
    loop: LoopSettings = field(default_factory=LoopSettings)


@dataclass(frozen=True)
class Settings:
    name: str
    version: str
    device: str = "auto"
    architecture: str = "yolo11n.yaml"
    activation: str = "silu"  # of the frame and cigarette looks: silu or relu
    data: DataSettings = field(default_factory=DataSettings)
    frame: FrameSettings = field(default_factory=FrameSettings)
    zoom: ZoomSettings = field(default_factory=ZoomSettings)
    partner: ZoomSettings | None = None  # a second net of the zoom look, of another kind; see networks.ZoomPair
    start: ZoomSettings | None = None  # stage `folds`: trained first, without any cook; every fold goes on from it
    cigarette: FrameSettings = field(default_factory=FrameSettings)
    model: dict[str, Any] = field(default_factory=dict)  # copied into model.toml: profiles, thresholds


_SECTIONS = {
    "data": DataSettings,
    "frame": FrameSettings,
    "zoom": ZoomSettings,
    "partner": ZoomSettings,
    "start": ZoomSettings,
    "cigarette": FrameSettings,
    "loop": LoopSettings,
}


def _section(kind: type, values: dict[str, Any], where: str) -> Any:
    known = {f.name for f in fields(kind)}
    for key, value in values.items():
        if key not in known:
            raise SettingsError(f"[{where}] {key} = {value!r}: unknown key, known are {', '.join(sorted(known))}")
    if values.get("activation", "silu") not in ACTIVATIONS:
        raise SettingsError(f"[{where}] activation = {values['activation']!r}: expected one of {ACTIVATIONS}")
    if values.get("backbone", "yolo") not in BACKBONES:
        raise SettingsError(f"[{where}] backbone = {values['backbone']!r}: expected one of {BACKBONES}")
    for share in ("kept", "others"):
        if not 0 <= values.get(share, 0) < 1:
            raise SettingsError(f"[{where}] {share} = {values[share]!r}: expected a share from 0 to below 1")
    ready = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    for key, sub in _SECTIONS.items():
        if isinstance(ready.get(key), dict) and key in known:
            ready[key] = _section(sub, values[key], f"{where}.{key}")
    return kind(**ready)


def read_settings(path: Path) -> Settings:
    """Read one TOML file. Raises SettingsError for an unknown or missing key."""
    values = tomllib.loads(path.read_text("utf-8"))
    for key in ("name", "version"):
        if key not in values:
            raise SettingsError(f"{path}: {key} is missing")
    return _section(Settings, values, path.name)
