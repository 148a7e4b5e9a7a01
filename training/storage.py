"""How an ONNX file keeps its weights: as they are, in 16 bits, or in 8. They are computed with in 32 all the same.

Casts and scales stand in the graph, and the runtime folds them when it loads: small files at FP32's speed.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_SMALL = 64  # initialisers of fewer numbers stay FP32: shapes, scales, biases of a few


# What replaces an initialiser: initialisers, and the nodes that make the old one of them.
Kept = tuple[list[onnx.TensorProto], list[onnx.NodeProto]]


def whole(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Store everything as it is."""
    return graph


def half_stored(graph: onnx.ModelProto, eight_from: int = 0) -> onnx.ModelProto:
    """Store FP32 initialisers of some size as FP16, each with a Cast back to FP32.

    Kernels and matrices of `eight_from` numbers and more, unless that is 0, are stored in 8 bits, with a scale for
    each of their outputs.
    """
    tensors, nodes = [], []
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < _SMALL:
            tensors.append(tensor)
            continue
        in_eight = eight_from and values.ndim > 1 and values.size >= eight_from
        kept, making = (_in_eight if in_eight else _in_half)(tensor)
        tensors += kept
        nodes += making
    nodes += list(graph.graph.node)
    del graph.graph.initializer[:]
    graph.graph.initializer.extend(tensors)
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    return graph


def _in_half(tensor: onnx.TensorProto) -> Kept:
    values = numpy_helper.to_array(tensor).astype(np.float16)
    cast = helper.make_node("Cast", [f"{tensor.name}.f16"], [tensor.name], to=TensorProto.FLOAT)
    return [numpy_helper.from_array(values, f"{tensor.name}.f16")], [cast]


def _in_eight(tensor: onnx.TensorProto) -> Kept:
    values = numpy_helper.to_array(tensor)
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
    scale = (np.maximum(largest, 1e-12) / 127).astype(np.float32)
    name = tensor.name
    return [
        numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{name}.i8"),
        numpy_helper.from_array(scale, f"{name}.i8_scale"),
    ], [
        helper.make_node("Cast", [f"{name}.i8"], [f"{name}.whole"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}.whole", f"{name}.i8_scale"], [name]),
    ]
