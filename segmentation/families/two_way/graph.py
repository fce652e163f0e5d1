"""Writes ONNX graphs node by node; large constants may be shared between graphs through one weights file."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20  # the first with Gelu as one node
IR_VERSION = 9
CONTRIB = "com.microsoft"  # onnxruntime's own operators, present in onnxruntime-web too
SHARED_WEIGHTS = "weights.bin"
# Below it a constant stays in the graph's own file: shapes and scalars are read while the graph is prepared.
SHARED_MIN_BYTES = 1024

_TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


class SharedWeights:
    """Constants of several graphs in one file, equal ones stored once."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._offsets: dict[bytes, int] = {}

    def place(self, array: NDArray) -> tuple[int, int]:
        """Stores the array if it is new; returns its offset and its length in bytes."""
        content = array.tobytes()
        if content not in self._offsets:
            self.data.extend(bytes(-len(self.data) % 64))  # aligned, so that a page may view it in place
            self._offsets[content] = len(self.data)
            self.data.extend(content)
        return self._offsets[content], len(content)


class GraphBuilder:
    """Collects nodes, constants, inputs and outputs; values are known by their names (str)."""

    def __init__(self, name: str, shared: SharedWeights | None = None) -> None:
        self.name = name
        self._shared = shared
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._constants: dict[tuple[bytes, tuple[int, ...], str], str] = {}

    def input(self, name: str, shape: Sequence[int | str], dtype: type = np.float32) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[np.dtype(dtype)], shape))
        return name

    def output(self, value: str, name: str, shape: Sequence[int | str], dtype: type = np.float32) -> None:
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, _TYPES[np.dtype(dtype)], shape))

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        array: np.ndarray = np.ascontiguousarray(np.asarray(value), dtype=dtype)
        key = (array.tobytes(), array.shape, array.dtype.str)
        if key not in self._constants:
            name = f"c{len(self._constants)}"
            self._constants[key] = name
            self._initializers.append(self._initializer(name, array))
        return self._constants[key]

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Adds a node with one output; returns the output's name."""
        return self.ops(kind, 1, *inputs, domain=domain, **attributes)[0]

    def ops(self, kind: str, count: int, *inputs: str, domain: str = "", **attributes: Any) -> list[str]:
        """Adds a node with `count` outputs; returns their names."""
        names = [f"{kind}{len(self._nodes)}_{i}" for i in range(count)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names

    # The few operators that need constants beside them, so that the formulas read as formulas.
    def reshape(self, value: str, *shape: int) -> str:
        return self.op("Reshape", value, self.constant(shape, np.int64))

    def transpose(self, value: str, *order: int) -> str:
        return self.op("Transpose", value, perm=list(order))

    def concat(self, *values: str, axis: int = 0) -> str:
        return values[0] if len(values) == 1 else self.op("Concat", *values, axis=axis)

    def product_with_transposed(self, left: str, right: str) -> str:
        """left (..., m, k) times right (..., n, k) transposed."""
        return self.op("FusedMatMul", left, right, domain=CONTRIB, transB=1)

    def sum_rows(self, value: str) -> str:
        """(R, P) to (1, P)."""
        return self.op("ReduceSum", value, self.constant([0], np.int64), keepdims=1)

    def model(self, metadata: Mapping[str, str] | None = None) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, self.name, self._inputs, self._outputs, self._initializers)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="maskwright")
        model.ir_version = IR_VERSION
        helper.set_model_props(model, dict(metadata or {}))
        return model

    def _initializer(self, name: str, array: NDArray) -> TensorProto:
        if self._shared is None or array.nbytes < SHARED_MIN_BYTES:
            return numpy_helper.from_array(array, name)
        offset, length = self._shared.place(array)
        tensor = TensorProto(name=name, data_type=_TYPES[array.dtype], dims=array.shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", SHARED_WEIGHTS), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        return tensor
