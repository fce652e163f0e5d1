"""The network's ONNX file: kept in a bundle as it was published, and looked through before onnxruntime runs it.

An ONNX file is data, but a graph may name files beside it (external data), operators of other libraries, or loops
without end. What Ultralytics' exporter writes has none of these, and a file that has is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

# The bundle's weights.safetensors holds the file as a row of bytes of this name.
TENSOR = "network.onnx"
MOST_VALUES = 2**26  # of a tensor, 256 MB; the first layer of FastSAM-x at 1024 pixels has a third of it
DEFAULT_DOMAINS = ("", "ai.onnx")
_AS_EXPORTED = "export it with: yolo export model=FastSAM-s.pt format=onnx imgsz={side}"


class FileUnfit(ValueError):
    """It is not a FastSAM network of the size wanted, or holds what is not run here."""


def from_weights(path: Path) -> bytes:
    """The ONNX file that a bundle's weights hold. Raises FileUnfit."""
    import safetensors.numpy
    from safetensors import SafetensorError

    try:
        tensors = safetensors.numpy.load_file(path)
    except (SafetensorError, ValueError) as error:
        raise FileUnfit(f"{path} cannot be read as safetensors: {error}") from error
    if set(tensors) != {TENSOR} or tensors[TENSOR].dtype != np.uint8:
        raise FileUnfit(f"{path} holds {sorted(tensors)[:3]}, not the bytes of {TENSOR}")
    return tensors[TENSOR].tobytes()


def check(content: bytes, side: int, outputs: tuple[tuple[int, ...], ...]) -> onnx.ModelProto:
    """Holds a file to what a FastSAM network is; nothing of it is run.

    Args:
        content: the whole file.
        side: pixels of the square picture that it takes.
        outputs: shapes of what it gives.

    Raises:
        FileUnfit: a sentence that says what is not so.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError) as error:
        raise FileUnfit(f"this is not an ONNX file, or it is cut off ({error})") from error
    graph = model.graph
    # onnxruntime would read such bytes as a format of its own, whatever else they are.
    if not graph.node or content[4:8] == b"ORTM":
        raise FileUnfit("this is not an ONNX file, or it is cut off (it has no graph)")
    if model.functions or graph.sparse_initializer:
        raise FileUnfit("its graph has functions of its own or sparse weights, which are not run here")
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(graph)):
        raise FileUnfit("its weights lie in other files, which are not read: save the network as one file")
    for node in graph.node:
        if node.domain not in DEFAULT_DOMAINS:
            raise FileUnfit(f"its operator {node.domain}.{node.op_type} is not one of ONNX itself")
        if any(map(_holds_more, node.attribute)):
            raise FileUnfit(
                f"its operator {node.op_type} holds a graph of its own (a loop or a branch) or sparse weights"
            )
    _require_bounds(model)
    weights = {tensor.name for tensor in graph.initializer}
    given = [_shape(value) for value in graph.input if value.name not in weights]
    found = tuple(_shape(value) for value in graph.output)
    if given != [(1, 3, side, side)] or found != outputs:
        raise FileUnfit(
            f"it takes {_said(given)} and gives {_said(found)}, where FastSAM's takes {_said([(1, 3, side, side)])} "
            f"and gives {_said(outputs)}; {_AS_EXPORTED.format(side=side)}"
        )
    return model


def stem_channels(model: onnx.ModelProto) -> int | None:
    """How many channels the convolution gives that sees the picture; None where the picture meets something else."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    (picture,) = (value.name for value in model.graph.input if value.name not in weights)
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[0] == picture and node.input[1] in weights:
            return int(weights[node.input[1]].dims[0])
    return None


def open_session(content: bytes, threads: int) -> Any:
    """onnxruntime's session on a file that was checked. Raises FileUnfit."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime's exceptions have no common class of their own below Exception.
        raise FileUnfit(f"onnxruntime cannot load it: {str(error):.300}") from error


def _holds_more(attribute: onnx.AttributeProto) -> bool:
    """Whether an operator's attribute is more than numbers and texts."""
    # By what is there: the type that it says of itself need not be so.
    sparse = attribute.HasField("sparse_tensor") or attribute.sparse_tensors
    return bool(attribute.HasField("g") or attribute.graphs or sparse)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _require_bounds(model: onnx.ModelProto) -> None:
    """Refuses shapes that would take more memory than any layer of the network does, before one is filled."""
    import onnx

    if any(any(side < 0 for side in tensor.dims) for tensor in _tensors(model.graph)):
        raise FileUnfit("a tensor in it has a negative side: the file is damaged")
    shapes = {tensor.name or "a constant": tuple(tensor.dims) for tensor in _tensors(model.graph)}
    try:
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
        raise FileUnfit(f"its shapes do not fit together ({str(error):.200})") from error
    for value in (*graph.value_info, *graph.output):
        shapes[value.name] = tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
    for name, shape in shapes.items():
        if math.prod(shape) > MOST_VALUES:
            raise FileUnfit(f"{name} in it has the shape {shape}, larger than anything in a FastSAM network")


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    """Of an input or an output of float32; None where it is of another kind or a side is free."""
    import onnx

    kind = value.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT or not kind.HasField("shape"):
        return None
    sides = tuple(side.dim_value for side in kind.shape.dim)
    return sides if all(side > 0 for side in sides) else None


def _said(shapes: Any) -> str:
    return " and ".join("a tensor of another kind or free size" if s is None else f"{s}" for s in shapes)
