"""All graphs of one decoder in one file, which a page fetches once.

The file is in the safetensors format, every tensor a row of bytes: `image`, `click-token`, `click-token-mask`,
`click-head`, `click-head-mask`, `tail` are ONNX graphs, `weights.bin` holds the constants they share (as ONNX external
data), `tail-plain.wasm`, `tail-relaxed.wasm`, `tail-weights` are the tail as a kernel, `click-plain.wasm`,
`click-relaxed.wasm`, `click-weights` the click. Its metadata carry `format`, `bundle_digest`, `family` and
`embedding_shape`, "C,h,w".
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segmentation import atomic_file
from segmentation.onnx.fast import FORMAT, click_kernel, tail_kernel
from segmentation.onnx.fast.algebra import Algebra
from segmentation.onnx.fast.click_graph import build_click_graph
from segmentation.onnx.fast.graph import SHARED_WEIGHTS, SharedWeights
from segmentation.onnx.fast.image_graph import build_image_graph
from segmentation.onnx.fast.tail_graph import build_tail_graph
from segmentation.onnx.fast.weights import DecoderWeights

CLICK_GRAPHS = {
    "click-token": ("token", False),
    "click-token-mask": ("token", True),
    "click-head": ("head", False),
    "click-head-mask": ("head", True),
}


def build_graphs(weights: DecoderWeights) -> dict[str, bytes]:
    """Name -> content of all that a package holds."""
    algebra, shared = Algebra(weights), SharedWeights()
    builders = {"image": build_image_graph(algebra, shared)}
    for name, (form, mask_prompt) in CLICK_GRAPHS.items():
        builders[name] = build_click_graph(algebra, form, mask_prompt, shared)
    builders["tail"] = build_tail_graph(algebra, shared)
    files = {name: builder.model().SerializeToString() for name, builder in builders.items()}
    files |= tail_kernel.kernel_files(weights) | click_kernel.kernel_files(algebra, shared)
    return {**files, SHARED_WEIGHTS: bytes(shared.data)}


def write_package(weights: DecoderWeights, path: Path | str, metadata: Mapping[str, str]) -> None:
    """Builds the graphs and writes them, whole or not at all.

    Args:
        metadata: `bundle_digest` and `family` of the bundle the weights come from.
    """
    from safetensors.numpy import save

    parts = {name: np.frombuffer(data, np.uint8) for name, data in build_graphs(weights).items()}
    shape = f"{weights.channels},{weights.grid},{weights.grid}"
    atomic_file.write_bytes(Path(path), save(parts, {"format": FORMAT, "embedding_shape": shape, **metadata}))
