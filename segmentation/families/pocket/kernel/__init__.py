"""pocket's decoder as a WebAssembly SIMD kernel: the builds, and its weights, for a decoder package.

`pocket-plain.wasm` and `pocket-relaxed.wasm` are the kernel, the others the decoder's weights (float32) under their
state_dict names, with each block's gain folded into its last layer.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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


def kernel_files(state: Mapping[str, NDArray[np.float32]]) -> dict[str, bytes]:
    """What a decoder package holds: both builds, and the weights of a model's state_dict."""
    builds = {f"pocket-{build}.wasm": (FOLDER / f"{build}.wasm").read_bytes() for build in BUILDS}
    return builds | {name: tensor.tobytes() for name, tensor in kernel_weights(state).items()}
