"""8-bit arithmetic for the frame graphs: a QDQ graph that ONNX Runtime and OpenVINO compute in INT8.

Calibrated on sheets of the training set. The first convolution stays in floating point (its error alone doubles
that of the boxes, its time is a fiftieth), and so do the last convolution of each branch and everything after it,
where probabilities and distances are made. Ranges are the 99.999th percentile: heads found on camera-scale pictures
lose 0.002 AP at 640 px against FP32; the 99.99th, which gives nearer boxes, loses 0.014.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

_TYPES = ("Conv", "Sigmoid", "Mul", "Add", "Concat", "MaxPool", "Resize", "Split")
_LAYER = re.compile(r"/net/model\.(\d+)/(.*)")
_FLOAT_LAYERS = (0,)
_LAST = re.compile(r"cv[23]\.\d/cv[23]\.\d\.2/")
_PERCENTILE = 99.999

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


class Sheets8(CalibrationDataReader):  # type: ignore[misc]
    """Hands pictures (H, W, 3) uint8 RGB to the calibration, one a call."""

    def __init__(self, name: str, pictures: list[Pixels]) -> None:
        self._feeds: Iterator[dict[str, Pixels]] = iter([{name: picture[None]} for picture in pictures])

    def get_next(self) -> dict[str, Pixels] | None:
        """The next feed, None after the last."""
        return next(self._feeds, None)


def in_eight_bits(graph: onnx.ModelProto) -> list[str]:
    """Names of the nodes that are computed in 8 bits."""
    layers = [int(found[1]) for node in graph.graph.node if (found := _LAYER.match(node.name))]
    head = max(layers, default=-1)
    names = []
    for node in graph.graph.node:
        found = _LAYER.match(node.name)
        if node.op_type not in _TYPES or found is None or int(found[1]) in _FLOAT_LAYERS:
            continue
        # Of the head only its branches: what lies outside them decodes.
        if int(found[1]) == head and (not found[2].startswith("cv") or _LAST.match(found[2])):
            continue
        names.append(node.name)
    return names


def quantize(path: Path, pictures: list[Pixels]) -> None:
    """Replace an FP32 graph, written from `export.FrameGraph`, by one that computes in INT8.

    Args:
        path: the ONNX file, with one input of pictures (N, H, W, 3) uint8 RGB.
        pictures: (H, W, 3) each, sides multiples of 32; some dozens, as the net will meet them.

    Raises:
        ValueError: no pictures, or a graph whose nodes are named otherwise.
    """
    if not pictures:
        raise ValueError("no pictures to calibrate on: expected some dozens")
    prepared = path.with_suffix(".prepared.onnx")
    try:
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        graph = onnx.load(str(prepared))
        names = in_eight_bits(graph)
        if not names:
            raise ValueError(f"{path}: no node is called /net/model.N/...: not a frame graph of this package")
        quantize_static(
            str(prepared),
            str(path),
            Sheets8(graph.graph.input[0].name, pictures),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_TYPES),
            nodes_to_quantize=names,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": _PERCENTILE},
        )
    finally:
        prepared.unlink(missing_ok=True)
