"""The tail: upscaling by four and the product with the masks' filters, for a window of the grid."""

import numpy as np

from segmentation.families.two_way.algebra import Algebra
from segmentation.families.two_way.graph import GraphBuilder, SharedWeights
from segmentation.families.two_way.weights import (
    FINE_FEATURES,
    HQ_FEATURES,
    MIDDLE_FEATURES,
    DecoderWeights,
    Linear,
)

NORM_EPSILON = 1e-6  # of segment-anything's LayerNorm2d


def build_tail_graph(algebra: Algebra, shared: SharedWeights | None = None) -> GraphBuilder:
    """Inputs: `upscaled` (C, P) of the image graph; `gain` (1, P), `coefficients` (R, P), `basis` (R, C), `filters`
    (K, C / 8) of the click graph; `window` (4,) int64: first row, end row, first column, end column of the grid.

    HQ-SAM's has two more inputs, `mixed` (1, C / 8) of the click graph and the embedding's `hq_features` (1, C / 8,
    4 * grid, 4 * grid), and upscales the whole grid whatever the window, because its filters look beyond it. SAM 2's
    has the embedding's `high_res_stride_8` (1, C / 4, 2 * grid, 2 * grid) and `high_res_stride_4` (1, C / 8, 4 * grid,
    4 * grid), and upscales the whole grid too: its images cover it.

    Output: `low_res_masks` (1, K, 4 * rows, 4 * columns), logits of the window.
    """
    g = GraphBuilder("tail", shared)
    weights, channels, grid = algebra.weights, algebra.channels, algebra.weights.grid
    upscaled = g.input("upscaled", (channels, algebra.positions))
    gain = g.input("gain", (1, algebra.positions))
    coefficients = g.input("coefficients", ("R", algebra.positions))
    basis = g.input("basis", ("R", channels))
    filters = g.input("filters", ("K", channels // 8))
    row, end_row, column, end_column = g.ops("Split", 4, g.input("window", (4,), np.int64), num_outputs=4)
    starts, ends = g.concat(row, column), g.concat(end_row, end_column)
    axes = g.constant([1, 2], np.int64)
    is_whole = weights.is_high_quality or weights.has_fine_features

    def crop(value: str) -> str:
        if is_whole:
            return value
        value = g.reshape(value, -1, grid, grid)
        value = g.op("Slice", value, starts, ends, axes)
        return g.op("Reshape", value, g.concat(g.op("Gather", g.op("Shape", value), g.constant([0], np.int64)),
                                               g.constant([-1], np.int64)))  # fmt: skip

    image = g.op("Mul", crop(upscaled), crop(gain))
    if weights.has_fine_features:
        image = g.op("Add", image, _middle_features(g, channels, grid))
    first = g.op("Gemm", basis, crop(coefficients), image, transA=1)  # rows (channel, sub-position)
    first = g.reshape(first, channels // 4, -1)  # (C / 4, 4 * positions)

    squares = g.op("ReduceSumSquare", first, g.constant([0], np.int64))
    variance = g.op("Mul", squares, g.constant(4 / channels))
    deviation = g.op("Sqrt", g.op("Add", variance, g.constant(NORM_EPSILON)))
    norm = weights.linear("mask_decoder.output_upscaling.1")
    first = g.op("Mul", first, g.op("Reciprocal", deviation))
    first = g.op("Add", g.op("Mul", first, g.constant(norm.weight[:, None])), g.constant(norm.bias[:, None]))
    first = g.op("Gelu", first)

    kernel = weights["mask_decoder.output_upscaling.3.weight"]  # (C / 4, C / 8, 2, 2)
    rows = kernel.reshape(channels // 4, -1).T  # rows (channel, sub-position)
    bias = np.repeat(weights["mask_decoder.output_upscaling.3.bias"], 4)
    second = g.op(
        "Conv",
        g.reshape(first, 1, channels // 4, 1, -1),
        g.constant(rows[:, :, None, None]),
        g.constant(bias),
    )
    if weights.has_fine_features:
        second = g.op("Add", second, _fine_features(g, channels, grid))
    second = g.op("Gelu", second)  # (1, C / 2, 1, 4 * positions)

    masks = g.op("MatMul", filters, g.reshape(second, channels // 8, -1))
    if is_whole:
        pixels = g.constant([4, 4], np.int64)
        masks = _shuffled(g, masks, grid)
        if weights.is_high_quality:
            masks = g.op("Add", masks, _hq_mask(g, weights, _shuffled(g, second, grid)))
        masks = g.op("Slice", masks, g.op("Mul", starts, pixels), g.op("Mul", ends, pixels), axes)
        g.output(
            g.op("Unsqueeze", masks, g.constant([0], np.int64)), "low_res_masks", (1, "K", "height", "width")
        )
        return g
    size = g.concat(g.op("Sub", end_row, row), g.op("Sub", end_column, column))
    # (K, inner y, inner x, outer y, outer x, row, column)
    masks = g.op("Reshape", masks, g.concat(g.constant([-1, 2, 2, 2, 2], np.int64), size))
    masks = g.transpose(masks, 0, 5, 3, 1, 6, 4, 2)
    pixels = g.op("Mul", size, g.constant([4, 4], np.int64))
    masks = g.op("Reshape", masks, g.concat(g.constant([1, -1], np.int64), pixels))
    g.output(masks, "low_res_masks", (1, "K", "height", "width"))
    return g


def _shuffled(g: GraphBuilder, value: str, grid: int) -> str:
    """(K, inner, outer, position) sub-positions, in whatever shape, to (K, 4 * grid, 4 * grid)."""
    value = g.transpose(g.reshape(value, -1, 2, 2, 2, 2, grid, grid), 0, 5, 3, 1, 6, 4, 2)
    return g.reshape(value, -1, 4 * grid, 4 * grid)


def _middle_features(g: GraphBuilder, channels: int, grid: int) -> str:
    """(C, P), rows (channel, sub-position): what SAM 2 adds in the first upscaling, centred, because a norm follows."""
    features = g.input(MIDDLE_FEATURES, (1, channels // 4, 2 * grid, 2 * grid))
    features = g.op("Sub", features, g.op("ReduceMean", features, g.constant([1], np.int64)))
    features = g.transpose(g.reshape(features, -1, grid, 2, grid, 2), 0, 2, 4, 1, 3)
    return g.reshape(features, channels, -1)


def _fine_features(g: GraphBuilder, channels: int, grid: int) -> str:
    """(1, C / 2, 1, 4 * P), rows (channel, inner sub-position): what SAM 2 adds in the second upscaling."""
    features = g.input(FINE_FEATURES, (1, channels // 8, 4 * grid, 4 * grid))
    # (channel, row, outer y, inner y, column, outer x, inner x)
    features = g.transpose(g.reshape(features, -1, grid, 2, 2, grid, 2, 2), 0, 3, 6, 2, 5, 1, 4)
    return g.reshape(features, 1, channels // 2, 1, -1)


def _hq_mask(g: GraphBuilder, weights: DecoderWeights, upscaled: str) -> str:
    """(1, 4 * grid, 4 * grid): what HQ-SAM adds to every mask, of the upscaled features (C / 8, 4 * grid, 4 * grid)."""
    channels, side = weights.channels, 4 * weights.grid
    mixed = g.input("mixed", (1, channels // 8))
    features = g.input(HQ_FEATURES, (1, channels // 8, side, side))
    path = "mask_decoder.embedding_maskfeature"
    first = hq_filters(weights)
    inner = g.op(
        "Conv", g.reshape(upscaled, 1, -1, side, side), g.constant(first.weight), g.constant(first.bias),
        pads=[1, 1, 1, 1],
    )  # fmt: skip
    variance = g.op(
        "Mul", g.op("ReduceSumSquare", inner, g.constant([1], np.int64)), g.constant(4 / channels)
    )
    gain = g.op("Reciprocal", g.op("Sqrt", g.op("Add", variance, g.constant(NORM_EPSILON))))
    norm = weights.linear(f"{path}.1")
    scale, shift = (g.constant(part.reshape(1, -1, 1, 1)) for part in (norm.weight, norm.bias))
    inner = g.op("Gelu", g.op("Add", g.op("Mul", g.op("Mul", inner, gain), scale), shift))
    # The channels are added up in the filters, before they are applied: see `HqMaskDecoder.hq_mask`.
    second = weights.linear(f"{path}.3")
    kernel = g.op("MatMul", mixed, g.constant(second.weight.reshape(channels // 8, -1)))
    kernel = g.reshape(kernel, 1, channels // 4, 3, 3)
    bias = g.reshape(g.op("MatMul", mixed, g.constant(second.bias[:, None])), 1)
    of_click = g.op("Conv", inner, kernel, bias, pads=[1, 1, 1, 1])
    of_image = g.op("MatMul", mixed, g.reshape(features, channels // 8, -1))
    return g.op("Add", g.reshape(of_click, 1, side, side), g.reshape(of_image, 1, side, side))


def hq_filters(weights: DecoderWeights) -> Linear:
    """HQ-SAM's first filters (C / 4, C / 8, 3, 3), centred over what they give, because a LayerNorm over it follows."""
    filters = weights.linear("mask_decoder.embedding_maskfeature.0")
    return Linear(filters.weight - filters.weight.mean(axis=0), filters.bias - filters.bias.mean())
