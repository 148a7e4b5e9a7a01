"""Training on from a model that was shipped: its ONNX weights become those of a net that can be trained.

An exported graph has its batch norms folded into the convolutions. Each gets one back that changes nothing: a few
batches are run, and a norm with the measured mean m and variance v scales by sqrt(v + eps) and shifts by m, so that
the net answers as before and batch statistics, which training uses, fit it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from training.networks import Normed, normed

_PREFIX = "net."  # export.FrameGraph and export.ZoomGraph hold the net under this name
ZOOM, PARTNER = "first.", "second."  # and networks.Mirrored and networks.ZoomPair theirs under these

Weights = dict[str, np.ndarray[Any, np.dtype[np.float32]]]


def stored_weights(path: Path) -> Weights:
    """Weights and biases of an exported graph by their name in the net, whether stored in 32, 16 or 8 bits."""
    stored = {tensor.name: tensor for tensor in onnx.load(str(path)).graph.initializer}
    values = {name: numpy_helper.to_array(tensor) for name, tensor in stored.items() if name.startswith(_PREFIX)}
    found: Weights = {}
    for name, value in values.items():
        if name.endswith((".weight", ".bias")):
            found[name.removeprefix(_PREFIX)] = value.astype(np.float32)
        elif name.endswith(".f16"):
            found[name.removeprefix(_PREFIX).removesuffix(".f16")] = value.astype(np.float32)
        elif name.endswith(".i8"):
            found[name.removeprefix(_PREFIX).removesuffix(".i8")] = value * values[f"{name}_scale"]
        elif name.endswith("_quantized"):
            whole = name.removesuffix("_quantized")
            scale = values.get(f"{name}_scale", values.get(f"{whole}_scale"))
            if scale is None:
                raise ValueError(f"{path}: {name} has no scale beside it: not a graph of this package")
            spread = np.reshape(scale, (-1,) + (1,) * (value.ndim - 1)) if np.ndim(scale) else scale
            found[whole.removeprefix(_PREFIX)] = (value.astype(np.float32) * spread).astype(np.float32)
    return found


def carry(net: nn.Module, path: Path, batches: Iterable[torch.Tensor], part: str = "") -> None:
    """Give `net` the weights of an exported graph of the same shape; it then answers as that graph does.

    Args:
        net: a net with batch norms, as `networks` makes them.
        path: `model.onnx`, `cigarette.onnx` or `zoom.onnx` of a model folder.
        part: where in the graph the net is, `ZOOM` or `PARTNER` for one of a zoom look.
        batches: (N, 3, H, W) floats 0..1, some dozens of pictures in all, from which batch statistics are taken.

    Raises:
        ValueError: a weight is missing or of another shape.
    """
    stored = stored_weights(path)
    weights = {name.removeprefix(part): value for name, value in stored.items() if name.startswith(part)}
    folded = normed(net)
    norms = {one.norm for one in folded}
    for name, parameter in net.named_parameters():
        if name.rpartition(".")[0] not in norms and "dfl" not in name:
            with torch.no_grad():
                parameter.copy_(_fitting(parameter, weights, name, path))
    for one in folded:
        _identity(one.pair[1], torch.from_numpy(_weight(weights, f"{one.convolution}.bias", path)))
    _measure(net, folded, batches)


@torch.no_grad()
def keep(net: nn.Module, path: Path, share: float) -> None:
    """Take the weights of an exported graph back, by a share of 0..1, into a net that was trained on from it.

    The mean of both forgets less than the new one and has learnt most of what it did (Wortsman et al., Robust
    fine-tuning of zero-shot models, 2022).

    Args:
        net: without batch norms, as `export.fused` gives it. path: that graph.

    Raises:
        ValueError: a weight is missing or of another shape.
    """
    weights = stored_weights(path)
    for name, parameter in net.named_parameters():
        if "dfl" not in name:
            parameter.lerp_(_fitting(parameter, weights, name, path), share)


def _weight(weights: Weights, name: str, path: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    if name not in weights:
        raise ValueError(f"{path} has no {name}: it was exported from a net of another architecture")
    return weights[name]


def _fitting(parameter: torch.Tensor, weights: Weights, name: str, path: Path) -> torch.Tensor:
    value = torch.from_numpy(_weight(weights, name, path))
    if value.shape != parameter.shape:
        raise ValueError(
            f"{path}: {name} is {tuple(value.shape)}, the net has {tuple(parameter.shape)}: another architecture"
        )
    return value


def _identity(norm: nn.BatchNorm2d, shift: torch.Tensor) -> None:
    with torch.no_grad():
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.fill_(1)
        norm.bias.copy_(shift)


@torch.no_grad()
def _measure(net: nn.Module, folded: list[Normed], batches: Iterable[torch.Tensor]) -> None:
    """Replace the norms that do nothing by norms that do nothing with true statistics."""
    sums: dict[str, torch.Tensor] = {}
    counts = {one.convolution: 0 for one in folded}

    def hook(name: str) -> Callable[[nn.Module, Any, torch.Tensor], None]:
        def add(_: nn.Module, __: Any, output: torch.Tensor) -> None:
            values = output.double().transpose(0, 1).flatten(1)
            both = torch.stack((values.sum(1), values.square().sum(1)))
            sums[name] = sums[name] + both if name in sums else both
            counts[name] += values.shape[1]

        return add

    handles = [one.pair[0].register_forward_hook(hook(one.convolution)) for one in folded]
    was_training = net.training
    net.eval()
    try:
        for batch in batches:
            net(batch)
    finally:
        for handle in handles:
            handle.remove()
        net.train(was_training)
    for one in folded:
        if not counts[one.convolution]:
            raise ValueError("no batches to take batch statistics from: expected some dozens of pictures")
        mean, square = sums[one.convolution] / counts[one.convolution]
        norm = one.pair[1]
        norm.running_mean.copy_(mean)
        norm.running_var.copy_((square - mean.square()).clamp(min=0))
        norm.weight.copy_((norm.running_var + norm.eps).sqrt())
        norm.bias.add_(norm.running_mean)
