"""pocket's decoder as a WebAssembly SIMD kernel: the builds, and its weights in one file for the browser.

The file is a decoder package (see `segmentation.onnx.fast.package`): safetensors, every tensor a row of bytes.
`pocket-plain.wasm` and `pocket-relaxed.wasm` are the kernel, the others the decoder's weights (float32) under their
state_dict names, with each block's gain folded into its last layer.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segmentation import atomic_file
from segmentation.onnx.fast import FORMAT

FOLDER = Path(__file__).parent
BUILDS = ("plain", "relaxed")


def kernel_weights(state: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """The decoder's weights as the kernel takes them.

    Args:
        state: the whole model's state_dict, or the decoder's with `decoder.` before each name.
    """
    weights = {
        name.removeprefix("decoder."): np.asarray(tensor, np.float32)
        for name, tensor in state.items()
        if name.startswith("decoder.")
    }
    for name in [name for name in weights if name.endswith(".gain")]:
        block = name.removesuffix(".gain")
        gain = weights.pop(name).reshape(-1)
        weights[f"{block}.narrow.weight"] = weights[f"{block}.narrow.weight"] * gain[:, None, None, None]
        weights[f"{block}.narrow.bias"] = weights[f"{block}.narrow.bias"] * gain
    return weights


def write_package(
    state: Mapping[str, NDArray[np.float32]], path: Path | str, metadata: Mapping[str, str]
) -> None:
    """Writes the decoder package, whole or not at all.

    Args:
        state: the model's state_dict.
        path: where to.
        metadata: `bundle_digest` and `family` of the bundle.
    """
    from safetensors.numpy import save

    parts = {
        f"pocket-{build}.wasm": np.frombuffer((FOLDER / f"{build}.wasm").read_bytes(), np.uint8)
        for build in BUILDS
    }
    parts |= {
        name: np.frombuffer(tensor.tobytes(), np.uint8) for name, tensor in kernel_weights(state).items()
    }
    atomic_file.write_bytes(Path(path), save(parts, {"format": FORMAT, **metadata}))
