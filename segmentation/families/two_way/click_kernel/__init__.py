"""The click as a WebAssembly SIMD kernel, and where its weights lie in the package's shared ones."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segmentation.families.kernels import sizes
from segmentation.families.two_way.algebra import Algebra, centred
from segmentation.families.two_way.graph import SharedWeights
from segmentation.families.two_way.weights import DecoderWeights, Linear

FOLDER = Path(__file__).parent
BUILDS = ("plain", "relaxed")


def kernel_files(algebra: Algebra, shared: SharedWeights) -> dict[str, bytes]:
    """What a decoder package carries for the kernel: both builds, and `click-weights`; nothing where it does not fit.

    `click-weights` is JSON: name -> [offset in bytes, number of float32] in the shared weights, most of which are the
    click graph's too; "input_side", "norm_epsilon" and "mask_limit" are numbers, the last one or null, and
    "is_sigmoid" says whether the IoU predictions are sigmoids of what the head gives.
    """
    weights = algebra.weights
    if not _fits(weights):
        return {}
    index: dict[str, object] = {
        "input_side": weights.input_side,
        "norm_epsilon": weights.norm_epsilon,
        "mask_limit": weights.mask_limit,
        "is_sigmoid": weights.has_fine_features,
    }
    for name, array in kernel_weights(algebra).items():
        array = np.ascontiguousarray(array, np.float32)
        index[name] = [shared.place(array)[0], array.size]
    files = {f"click-{build}.wasm": (FOLDER / f"{build}.wasm").read_bytes() for build in BUILDS}
    return {**files, "click-weights": json.dumps(index).encode()}


def _fits(weights: DecoderWeights) -> bool:
    """Whether the decoder is of the kernel's sizes, those of all of SAM's own; others use the click graph."""
    kernel = sizes(FOLDER)
    hidden = [
        len(weights.linear(f"mask_decoder.transformer.layers.{layer}.mlp.lin1").bias) for layer in (0, 1)
    ]
    heads = [weights.mlp("mask_decoder.iou_prediction_head"), *weights.filter_networks()]
    return (
        weights.channels == kernel["CHANNELS"]
        and weights.grid == kernel["GRID"]
        and weights.head_width == kernel["WIDTH"]
        and hidden == [kernel["HIDDEN"]] * 2
        and all(len(head) == 3 and len(head[0].bias) == weights.channels for head in heads)
    )


def kernel_weights(algebra: Algebra) -> dict[str, NDArray]:
    """Every array by the name that click-kernel.js asks for. Weights of linear maps are (in, out).

    Of a projection "by head", (heads, width, C), each head's rows are multiplied with its part of a token.
    """
    weights = algebra.weights
    arrays: dict[str, NDArray] = {
        "own_tokens": weights.own_tokens(),
        "position_matrix": 2 * np.pi * weights.position_matrix,
        "point_kinds": np.concatenate(
            [
                weights["prompt_encoder.not_a_point_embed.weight"],
                *(weights[f"prompt_encoder.point_embeddings.{i}.weight"] for i in range(4)),
            ]
        ),
    }

    def put(name: str, linear: Linear, scale: float = 1.0) -> None:
        arrays[f"{name}.weight"], arrays[f"{name}.bias"] = scale * linear.weight.T, scale * linear.bias

    def put_norm(name: str, path: str) -> None:
        norm = weights.linear(path)
        arrays[f"{name}.weight"], arrays[f"{name}.bias"] = norm.weight, norm.bias

    def by_head(weight: NDArray) -> NDArray:
        return weight.reshape(algebra.heads, algebra.head_width, -1)

    own_scale, scale = (algebra.channels // algebra.heads) ** -0.5, algebra.head_width**-0.5
    for layer in (0, 1):
        path = f"mask_decoder.transformer.layers.{layer}"
        for part in ("q", "k", "v", "out"):
            linear = weights.linear(f"{path}.self_attn.{part}_proj")
            put(f"self_{layer}.{part}", linear, own_scale if part == "q" else 1.0)
        for number in (1, 2):
            put(f"mlp_{layer}.{number}", weights.linear(f"{path}.mlp.lin{number}"))
        for number in (1, 2, 3):
            put_norm(f"norm_{layer}.{number}", f"{path}.norm{number}")
        put(f"image_{layer}.k", algebra.attention(layer, "image_to_token", "k_proj"), scale)
        put(f"image_{layer}.v", algebra.attention(layer, "image_to_token", "v_proj"))
        arrays[f"image_{layer}.basis"] = by_head(algebra.gathered_basis[layer])
    put_norm("norm_2", "mask_decoder.transformer.norm_final_attn")

    for layer in (0, 1, 2):
        keys, values = algebra.keys(layer), algebra.values(layer)
        output = algebra.attention(layer, "token_to_image", "out_proj")
        constant = output.bias
        if layer:
            keys, values = algebra.normed(layer - 1, keys), algebra.normed(layer - 1, values)
            constant = output.bias + output.weight @ values.bias
            arrays[f"keys_{layer}.constant"] = by_head(
                algebra.keys(layer).weight @ algebra.positions_encoding
            )
        put(f"tokens_{layer}.q", algebra.attention(layer, "token_to_image", "q_proj"), scale)
        put(f"tokens_{layer}.out", Linear(output.weight, constant))
        arrays[f"keys_{layer}"] = by_head(keys.weight)
        arrays[f"values_{layer}"] = by_head(values.weight).transpose(0, 2, 1)  # (heads, C, width)
    queries = algebra.normed(0, algebra.queries(1))
    arrays["queries_0"], arrays["queries_1"] = by_head(algebra.queries(0).weight), by_head(queries.weight)
    arrays["queries_1.constant"] = (
        algebra.queries(1).weight @ algebra.positions_encoding + queries.bias[:, None]
    )

    arrays |= {
        "mask_basis": algebra.mask_basis,
        "mask_basis.centred": centred(algebra.mask_basis),
        "mask_filters": _mask_filters(algebra),
        "carried": algebra.carried.T,
        "between": algebra.between,
        "upscaling.weight": algebra.upscaling.weight.T,
        "upscaling.bias": algebra.upscaling.bias,
    }
    for number, linear in enumerate(weights.mlp("mask_decoder.iou_prediction_head")):
        put(f"iou.{number}", linear)
    for number, layers in enumerate(zip(*weights.filter_networks(), strict=True)):
        arrays[f"filters.{number}.weight"] = np.stack([linear.weight.T for linear in layers])
        arrays[f"filters.{number}.bias"] = np.stack([linear.bias for linear in layers])
    return arrays


def _mask_filters(algebra: Algebra) -> NDArray:
    """Both filters of the mask prompt, each with its bias and its norm; centred, because the norm follows."""
    parts = []
    for convolution, norm in ((0, 1), (3, 4)):
        path = "prompt_encoder.mask_downscaling"
        filters = algebra.weights.linear(f"{path}.{convolution}")
        weight, bias = filters.weight - filters.weight.mean(axis=0), filters.bias - filters.bias.mean()
        if convolution:
            # (out, row, column, in): as the kernel has its sub-positions.
            weight = weight.transpose(0, 2, 3, 1)
        norm_of = algebra.weights.linear(f"{path}.{norm}")
        parts += [weight.ravel(), bias, norm_of.weight, norm_of.bias]
    return np.concatenate(parts)
