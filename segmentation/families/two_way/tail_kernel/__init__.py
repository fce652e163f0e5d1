"""The tail as a WebAssembly SIMD kernel, and its weights in the layout it wants."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segmentation.families.kernels import sizes
from segmentation.families.two_way.tail_graph import hq_filters
from segmentation.families.two_way.weights import DecoderWeights

FOLDER = Path(__file__).parent
BUILDS = ("plain", "relaxed")
# (4, 3): a filter of three to the terms of a patch of four pixels, F(2, 3) of Lavin and Gray 2016, arXiv 1509.09308.
WINOGRAD = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])


def kernel_files(weights: DecoderWeights) -> dict[str, bytes]:
    """What a decoder package carries for the kernel: both builds and `tail-weights`; nothing where it does not fit."""
    kernel = sizes(FOLDER)  # those of all of SAM's own decoders; others use the tail graph
    if (weights.channels, weights.grid) != (kernel["CHANNELS"], kernel["GRID"]):
        return {}
    files = {f"tail-{build}.wasm": (FOLDER / f"{build}.wasm").read_bytes() for build in BUILDS}
    if weights.is_high_quality:
        files["tail-hq-weights"] = hq_weights(weights).tobytes()
    return {**files, "tail-weights": kernel_weights(weights).tobytes()}


def kernel_weights(weights: DecoderWeights) -> NDArray[np.float32]:
    """norm weight (C/4,), norm bias (C/4,), bias (C/2,), kernel (C/4, C/2): one after the other.

    The rows of the second upscaling are (sub-position, channel) here, so that one sub-position's channels lie together.
    """
    norm = weights.linear("mask_decoder.output_upscaling.1")
    kernel = weights["mask_decoder.output_upscaling.3.weight"]  # (C/4, C/8, 2, 2)
    bias = weights["mask_decoder.output_upscaling.3.bias"]
    rows = kernel.reshape(*kernel.shape[:2], 4).transpose(0, 2, 1)  # (C/4, sub-position, C/8)
    return np.concatenate([norm.weight, norm.bias, np.tile(bias, 4), rows.ravel()]).astype(np.float32)


def hq_weights(weights: DecoderWeights) -> NDArray[np.float32]:
    """HQ-SAM's: bias (C/4,), norm weight (C/4,), norm bias (C/4,) and first filters (16, C/4, C/8), the terms of
    Winograd's transform; second filters (C/8, 9 places, C/4) and their bias (C/8,): one after the other.
    """
    path = "mask_decoder.embedding_maskfeature"
    first, norm, second = hq_filters(weights), weights.linear(f"{path}.1"), weights.linear(f"{path}.3")
    parts = [
        first.bias,
        norm.weight,
        norm.bias,
        np.einsum("pi,qj,ocij->pqoc", WINOGRAD, WINOGRAD, first.weight),
        second.weight.reshape(*second.weight.shape[:2], 9).transpose(0, 2, 1),
        second.bias,
    ]
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)
