"""The click graph: a prompt and the image graph's tensors -> IoU predictions and what the tail makes masks from.

Two forms of the same mathematics. "token": the low-rank part of the image tokens is spanned by the (head, token) pairs,
cheapest for a few points. "head": it is spanned by the channels of the attention's output, its rank does not grow with
the prompt; cheaper from `HEAD_FORM_MIN_TOKENS` tokens on.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from segmentation.families.two_way.algebra import MASK_RANK, Algebra, centred
from segmentation.families.two_way.graph import CONTRIB, GraphBuilder, SharedWeights
from segmentation.families.two_way.image_graph import image_tensor_shapes
from segmentation.families.two_way.weights import Linear

Form = Literal["token", "head"]
OWN_TOKENS = 5  # one for the IoU predictions, four for the masks; HQ-SAM and SAM 2 have one more
# heads * 16 tokens = the width of the attentions: the rank of both forms is then the same.
HEAD_FORM_MIN_TOKENS = 17


@dataclass(frozen=True)
class LowRank:
    """The part of the image tokens that a prompt adds: basis^T coefficients; both are names in the graph."""

    coefficients: str  # (R, P), the gain already in it
    basis: str  # (R, C)


def build_click_graph(
    algebra: Algebra, form: Form = "token", mask_prompt: bool = False, shared: SharedWeights | None = None
) -> GraphBuilder:
    """Builds one of the click graphs.

    Inputs: `point_coords` (1, N, 2) model pixels; `point_labels` (1, N) 1, 0, 2/3 box corners, -1 padding;
    `mask_bias` (4,) added to the IoU predictions when the masks are ranked; `mask_count` (1,) int64, how many of the
    ranked masks the tail shall make; with `mask_prompt` also `mask_input` (1, 1, 4 * grid, 4 * grid) logits; and the
    image graph's tensors.

    Outputs: `iou_predictions` (1, 4); `mask_indices` (K,) int64, best first; `filters` (K, C / 8), `gain` (1, P),
    `coefficients` (R, P), `basis` (R, C) for the tail, and HQ-SAM's `mixed` (1, C / 8).
    """
    return _ClickGraph(algebra, form, mask_prompt, shared).build()


class _ClickGraph:
    def __init__(self, algebra: Algebra, form: Form, mask_prompt: bool, shared: SharedWeights | None) -> None:
        self.algebra, self.form, self.mask_prompt = algebra, form, mask_prompt
        self.weights = algebra.weights
        self.g = GraphBuilder(f"click-{form}{'-mask' if mask_prompt else ''}", shared)
        self.heads, self.width, self.inner = algebra.heads, algebra.head_width, algebra.inner
        self.channels = algebra.channels
        self.own_tokens = self.weights.own_tokens()

    def build(self) -> GraphBuilder:
        g = self.g
        prompt = self._tokens()
        mask = self._mask_features() if self.mask_prompt else None  # (17, P)
        for name, shape in image_tensor_shapes(self.algebra).items():
            if name != "upscaled" and (name != "mask_products" or self.mask_prompt):
                g.input(name, shape)

        # Layer 0.
        tokens = self._self_attention(0, prompt, prompt)
        low_rank = LowRank(mask, g.constant(self.algebra.mask_basis)) if mask else None
        tokens = self._tokens_from_image(0, tokens, prompt, None, low_rank)
        tokens = self._token_mlp(0, tokens)
        gathered, values = self._image_from_tokens(0, tokens, prompt, None, low_rank)
        gain, low_rank = self._norm_0(gathered, values, mask)

        # Layer 1.
        tokens = self._self_attention(1, tokens, prompt)
        tokens = self._tokens_from_image(1, tokens, prompt, gain, low_rank)
        tokens = self._token_mlp(1, tokens)
        gathered, values = self._image_from_tokens(1, tokens, prompt, gain, low_rank)
        gain, low_rank = self._norm_1(gathered, values, gain, low_rank)

        # Only those of the decoder's own tokens go on that something is made of.
        asked = self.weights.asked_tokens
        own = g.op("Slice", tokens, *(g.constant([i], np.int64) for i in (0, asked, 0)))
        own_prompt = g.constant(self.own_tokens[:asked])
        own = self._tokens_from_image(2, own, own_prompt, gain, low_rank)
        self._heads(own)
        self._tail_inputs(gain, low_rank)
        return g

    # Tokens: (T, C), T = 5 + N; 6 + N of HQ-SAM and SAM 2.

    def _tokens(self) -> str:
        g, weights = self.g, self.weights
        coords = g.reshape(g.input("point_coords", (1, "N", 2)), -1, 2)
        labels = g.reshape(g.input("point_labels", (1, "N")), -1, 1)
        # A coordinate names a pixel, its centre is meant; then to -1..1, as in segment-anything.
        units = g.op("Div", g.op("Add", coords, g.constant(0.5)), g.constant(weights.input_side / 2))
        units = g.op("Sub", units, g.constant(1))
        angles = g.op("MatMul", units, g.constant(2 * np.pi * weights.position_matrix))
        encoding = g.concat(g.op("Sin", angles), g.op("Cos", angles), axis=1)  # (N, C)
        kinds = g.op("Cast", g.op("Equal", labels, g.constant([[-1, 0, 1, 2, 3]])), to=1)  # (N, 5)
        is_point = g.op("Sub", g.constant(1), g.op("Cast", g.op("Equal", labels, g.constant(-1)), to=1))
        table = [weights["prompt_encoder.not_a_point_embed.weight"]]
        table += [weights[f"prompt_encoder.point_embeddings.{i}.weight"] for i in range(4)]
        points = g.op(
            "Add", g.op("Mul", encoding, is_point), g.op("MatMul", kinds, g.constant(np.concatenate(table)))
        )
        return g.concat(g.constant(self.own_tokens), points)

    def _self_attention(self, layer: int, tokens: str, prompt: str) -> str:
        g, weights = self.g, self.weights
        path = f"mask_decoder.transformer.layers.{layer}"
        width = self.channels // self.heads
        # The first layer has no positional part and no residual.
        positioned = tokens if layer == 0 else g.op("Add", tokens, prompt)

        def part(name: str, value: str, *order: int, scale: float = 1.0) -> str:
            linear = weights.linear(f"{path}.self_attn.{name}")
            return self._split_heads(self._linear(linear, value, scale), width, *order)

        queries = part("q_proj", positioned, 1, 0, 2, scale=width**-0.5)  # (heads, T, width)
        keys = part("k_proj", positioned, 1, 2, 0)  # (heads, width, T)
        values = part("v_proj", tokens, 1, 0, 2)
        attention = g.op("Softmax", g.op("MatMul", queries, keys), axis=-1)
        joined = self._join_heads(g.op("MatMul", attention, values), self.channels)
        out = self._linear(weights.linear(f"{path}.self_attn.out_proj"), joined)
        return self._layer_norm(f"{path}.norm1", out if layer == 0 else g.op("Add", tokens, out))

    def _token_mlp(self, layer: int, tokens: str) -> str:
        path = f"mask_decoder.transformer.layers.{layer}"
        hidden = self.g.op("Relu", self._linear(self.weights.linear(f"{path}.mlp.lin1"), tokens))
        out = self._linear(self.weights.linear(f"{path}.mlp.lin2"), hidden)
        return self._layer_norm(f"{path}.norm3", self.g.op("Add", tokens, out))

    def _tokens_from_image(
        self, layer: int, tokens: str, prompt: str, gain: str | None, low_rank: LowRank | None
    ) -> str:
        """Tokens attend to the image; layer 2 is the final attention."""
        g, algebra = self.g, self.algebra
        positioned = g.op("Add", tokens, prompt)
        query = algebra.attention(layer, "token_to_image", "q_proj")
        queries = self._split_heads(self._linear(query, positioned, self.width**-0.5), self.width, 1, 0, 2)

        keys, values = algebra.keys(layer), algebra.values(layer)
        if layer:
            keys, values = algebra.normed(layer - 1, keys), algebra.normed(layer - 1, values)
        # What a key adds to every position's score alike drops out of the softmax over them.
        positions = algebra.keys(layer).weight @ algebra.positions_encoding if layer else None
        scores = self._scores(f"keys_{layer}", queries, keys.weight, positions, gain, low_rank, layer)
        attention = g.op("Softmax", scores, axis=-1)  # (heads, T, P)

        # Values: the attention sums to one over the positions, so their constants are added once.
        whole = self._has_whole_projections(layer)
        if whole:
            projected = self._whole_projection(f"values_{layer}", values.weight, None, gain, low_rank)
            gathered = g.product_with_transposed(attention, projected)  # (heads, T, width)
        else:
            weighted = g.op("Mul", attention, gain) if gain else attention
            gathered = g.product_with_transposed(weighted, f"values_{layer}")
        if low_rank and not whole:
            flat = g.reshape(attention, -1, algebra.positions)
            moments = g.product_with_transposed(flat, low_rank.coefficients)  # (heads * T, R)
            channels = g.op("MatMul", moments, low_rank.basis)  # (heads * T, C)
            channels = g.reshape(channels, self.heads, -1, self.channels)
            by_head = values.weight.reshape(self.heads, self.width, -1)
            by_head = by_head.transpose(0, 2, 1)  # (heads, C, width)
            gathered = g.op("Add", gathered, g.op("MatMul", channels, g.constant(by_head)))
        joined = self._join_heads(gathered, self.inner)
        output = algebra.attention(layer, "token_to_image", "out_proj")
        constant = output.bias + output.weight @ values.bias if layer else output.bias
        out = self._linear(Linear(output.weight, constant), joined)
        norm = "norm_final_attn" if layer == 2 else f"layers.{layer}.norm2"
        return self._layer_norm(f"mask_decoder.transformer.{norm}", g.op("Add", tokens, out))

    # The image's side: (rows, P).

    def _has_whole_projections(self, layer: int) -> bool:
        """Whether a projection is corrected for the prompt as a whole: with as many vectors to multiply it with as it
        has channels, or more, that is the cheaper thing. The final attention has few."""
        return self.form == "head" and layer < 2

    def _whole_projection(
        self,
        base: str,
        weight: np.ndarray,
        constant: np.ndarray | None,
        gain: str | None,
        low_rank: LowRank | None,
    ) -> str:
        """(heads, width, P): a projection of the image tokens with what the prompt adds. Arguments as of `_scores`."""
        g = self.g
        base = g.op("Mul", base, gain) if gain else base
        if constant is not None:
            base = g.op("Add", base, g.constant(constant.reshape(self.heads, self.width, -1)))
        if not low_rank:
            return base
        rows = g.op("MatMul", g.constant(weight), g.transpose(low_rank.basis, 1, 0))  # (I, R)
        whole = g.op("Gemm", rows, low_rank.coefficients, g.reshape(base, self.inner, -1))
        return g.reshape(whole, self.heads, self.width, -1)

    def _scores(
        self,
        base: str,
        vectors: str,
        weight: np.ndarray,
        constant: np.ndarray | None,
        gain: str | None,
        low_rank: LowRank | None,
        layer: int,
    ) -> str:
        """Products of (heads, T, width) vectors with a projection of the image tokens: (heads, T, P).

        base: the projection of the image's part, an input. weight (I, C), constant (I, P): of the projection.
        """
        g, algebra = self.g, self.algebra
        if self._has_whole_projections(layer):
            return g.op("MatMul", vectors, self._whole_projection(base, weight, constant, gain, low_rank))
        scores = g.op("MatMul", vectors, base)
        if gain:
            scores = g.op("Mul", scores, gain)
        if constant is not None:
            by_head = constant.reshape(self.heads, self.width, -1)
            scores = g.op("Add", scores, g.op("MatMul", vectors, g.constant(by_head)))
        if low_rank:
            by_head = weight.reshape(self.heads, self.width, -1)  # (heads, width, C)
            channels = g.reshape(g.op("MatMul", vectors, g.constant(by_head)), -1, self.channels)
            rows = g.product_with_transposed(channels, low_rank.basis)  # (heads * T, R)
            scores = g.op("Gemm", rows, low_rank.coefficients, g.reshape(scores, -1, algebra.positions))
            scores = g.reshape(scores, self.heads, -1, algebra.positions)
        return scores

    def _image_from_tokens(
        self, layer: int, tokens: str, prompt: str, gain: str | None, low_rank: LowRank | None
    ) -> tuple[str, str]:
        """The image attends to the tokens: attention (heads, T, P) and the tokens' values (heads, T, width).

        In the head form the attention is (heads, P, T).
        """
        g, algebra = self.g, self.algebra
        key = algebra.attention(layer, "image_to_token", "k_proj")
        value = algebra.attention(layer, "image_to_token", "v_proj")
        positioned = g.op("Add", tokens, prompt)
        keys = self._split_heads(self._linear(key, positioned, self.width**-0.5), self.width, 1, 0, 2)
        values = self._split_heads(self._linear(value, tokens), self.width, 1, 0, 2)

        query, constant = algebra.queries(layer), None
        if layer:
            query = algebra.normed(0, query)
            constant = algebra.queries(1).weight @ algebra.positions_encoding + query.bias[:, None]
        if self._has_whole_projections(layer):
            whole = self._whole_projection(f"queries_{layer}", query.weight, constant, gain, low_rank)
            scores = g.op("FusedMatMul", whole, keys, domain=CONTRIB, transA=1, transB=1)  # (heads, P, T)
            return g.op("Softmax", scores, axis=-1), values
        scores = self._scores(f"queries_{layer}", keys, query.weight, constant, gain, low_rank, layer)
        # onnxruntime's Softmax wants the last axis; over the few tokens these four passes are faster.
        scores = g.op("Sub", scores, g.op("ReduceMax", scores, g.constant([1], np.int64)))
        scores = g.op("Exp", scores)
        total = g.op("ReduceSum", scores, g.constant([1], np.int64))
        return g.op("Mul", scores, g.op("Reciprocal", total)), values

    def _gathered(self, layer: int, attention: str, values: str, scaled: str) -> tuple[str, str, list[str]]:
        """Coefficients (R, P), basis (R, C), and the basis' products with the image parts named in `scaled`, doubled.

        The basis is centred, as all that is added to the image's tokens before a norm.
        """
        g, algebra = self.g, self.algebra
        basis = algebra.gathered_basis[layer]  # (I, C)
        names = scaled.split()
        if self.form == "head":
            # (heads, width, P), of values (heads, T, width) and attention (heads, P, T)
            coefficients = g.op("FusedMatMul", values, attention, domain=CONTRIB, transA=1, transB=1)
            products = [g.op("Mul", g.reshape(name, self.inner, -1), g.constant(2)) for name in names]
            return g.reshape(coefficients, self.inner, -1), g.constant(basis), products
        by_head = basis.reshape(self.heads, self.width, -1)
        token_basis = g.reshape(g.op("MatMul", values, g.constant(by_head)), -1, self.channels)
        doubled = g.op("Mul", values, g.constant(2))
        products = [g.reshape(g.op("MatMul", doubled, name), -1, algebra.positions) for name in names]
        return g.reshape(attention, -1, algebra.positions), token_basis, products

    def _norm_0(self, attention: str, values: str, mask: str | None) -> tuple[str, LowRank]:
        """Layer 0's norm of the image tokens: gain (1, P) and the low-rank part, its coefficients scaled."""
        g = self.g
        coefficients, basis, (products, self._carried_products) = self._gathered(
            0, attention, values, "gathered_0 gathered_0_carried"
        )
        if mask:
            coefficients = g.concat(coefficients, mask)
            basis = g.concat(basis, g.constant(centred(self.algebra.mask_basis)))
            doubled = g.op("Mul", "mask_products", g.constant(2))
            of_0, of_1 = (
                g.op("Squeeze", part, g.constant([0], np.int64))
                for part in g.ops("Split", 2, doubled, axis=0, num_outputs=2)
            )
            products = g.concat(products, of_0)
            self._carried_products = g.concat(self._carried_products, of_1)
        gram = g.product_with_transposed(basis, basis)
        inner = g.op("Gemm", gram, coefficients, products)
        squares = g.sum_rows(g.op("Mul", coefficients, inner))
        gain = self._gain(g.op("Add", squares, self._norm_row(0)))
        return gain, LowRank(g.op("Mul", coefficients, gain), basis)

    def _norm_1(self, attention: str, values: str, gain: str, before: LowRank) -> tuple[str, LowRank]:
        """Layer 1's norm; the image's part is then scaled by both norms' gains."""
        g, algebra = self.g, self.algebra
        coefficients, basis, (products,) = self._gathered(1, attention, values, "gathered_1")
        carried_basis = g.op("MatMul", before.basis, g.constant(algebra.carried.T))
        ones = g.constant(np.ones((1, algebra.positions)))
        coefficients = g.concat(coefficients, ones)
        basis = g.concat(basis, g.constant(algebra.between[None]))
        products = g.concat(products, g.op("Mul", self._norm_row(2), g.constant(2)))
        whole = g.concat(before.coefficients, coefficients)
        whole_basis = g.concat(carried_basis, basis)
        # |image + basis^T c|^2 with c = (c0, c1): the mixed part of the Gram matrix once, doubled.
        rows_0 = g.concat(carried_basis, g.op("Mul", basis, g.constant(2)))
        rows_0 = g.product_with_transposed(carried_basis, rows_0)
        rows_1 = g.product_with_transposed(basis, basis)
        inner_0 = g.op("Gemm", rows_0, whole, g.op("Mul", self._carried_products, gain))
        inner_1 = g.op("Gemm", rows_1, coefficients, g.op("Mul", products, gain))
        squares = g.op(
            "Add",
            g.sum_rows(g.op("Mul", before.coefficients, inner_0)),
            g.sum_rows(g.op("Mul", coefficients, inner_1)),
        )
        own = g.op("Mul", self._norm_row(1), g.op("Mul", gain, gain))
        gain_1 = self._gain(g.op("Add", squares, own))
        return g.op("Mul", gain, gain_1), LowRank(g.op("Mul", whole, gain_1), whole_basis)

    def _gain(self, squares: str) -> str:
        """(1, P) sums of squares over the channels -> 1 / standard deviation."""
        g = self.g
        variance = g.op("Mul", squares, g.constant(1 / self.channels))
        deviation = g.op("Sqrt", g.op("Add", variance, g.constant(self.weights.norm_epsilon)))
        return g.op("Reciprocal", deviation)

    def _norm_row(self, row: int) -> str:
        g = self.g
        return g.op("Slice", "norms", *(g.constant([i], np.int64) for i in (row, row + 1, 0)))

    def _mask_features(self) -> str:
        """(17, P): the mask prompt's 16 channels, and ones."""
        g, weights = self.g, self.weights
        grid = weights.grid
        value = g.input("mask_input", (1, 1, 4 * grid, 4 * grid))
        if weights.mask_limit is not None:
            value = g.op("Clip", value, g.constant(-weights.mask_limit), g.constant(weights.mask_limit))
        for convolution, norm in ((0, 1), (3, 4)):
            path = "prompt_encoder.mask_downscaling"
            kernel, bias = (weights[f"{path}.{convolution}.{part}"] for part in ("weight", "bias"))
            # Centred over the channels, because a LayerNorm over them follows.
            kernel, bias = kernel - kernel.mean(axis=0), bias - bias.mean()
            value = g.op("Conv", value, g.constant(kernel), g.constant(bias), strides=[2, 2])
            squares = g.op("ReduceSumSquare", value, g.constant([1], np.int64))
            variance = g.op("Mul", squares, g.constant(1 / len(bias)))
            gain = g.op("Reciprocal", g.op("Sqrt", g.op("Add", variance, g.constant(1e-6))))
            scale, shift = (
                g.constant(weights[f"{path}.{norm}.{part}"].reshape(1, -1, 1, 1))
                for part in ("weight", "bias")
            )
            value = g.op("Add", g.op("Mul", g.op("Mul", value, gain), scale), shift)
            value = g.op("Gelu", value)
        return g.concat(g.reshape(value, MASK_RANK - 1, -1), g.constant(np.ones((1, grid * grid))))

    # What comes out.

    def _heads(self, own: str) -> None:
        """own (5 or 6, C): the tokens for the IoU predictions, for the four masks, and HQ-SAM's."""
        g, weights = self.g, self.weights
        networks = weights.filter_networks()
        iou, masks = g.ops("Split", 2, own, g.constant([1, len(networks)], np.int64), axis=0)
        layers = weights.mlp("mask_decoder.iou_prediction_head")
        for i, linear in enumerate(layers):
            iou = self._linear(linear, iou)
            iou = g.op("Relu", iou) if i + 1 < len(layers) else iou
        iou = g.op("Sigmoid", iou) if weights.has_fine_features else iou
        g.output(iou, "iou_predictions", (1, OWN_TOKENS - 1))

        ranks = g.op("Add", iou, g.input("mask_bias", (OWN_TOKENS - 1,)))
        _, indices = g.ops("TopK", 2, ranks, g.input("mask_count", (1,), np.int64), axis=-1)
        indices = g.reshape(indices, -1)
        g.output(indices, "mask_indices", ("K",), np.int64)

        filters = g.reshape(masks, len(networks), 1, self.channels)
        for i, layer in enumerate(zip(*networks, strict=True)):
            kernels = np.stack([linear.weight.T for linear in layer])  # (4, in, out)
            biases = np.stack([linear.bias for linear in layer])[:, None]
            filters = g.op("Add", g.op("MatMul", filters, g.constant(kernels)), g.constant(biases))
            filters = g.op("Relu", filters) if i + 1 < len(networks[0]) else filters
        filters = g.reshape(filters, len(networks), -1)
        if weights.is_high_quality:
            split = g.constant([OWN_TOKENS - 1, 1], np.int64)
            filters, mixed = g.ops("Split", 2, filters, split, axis=0)
            g.output(mixed, "mixed", (1, self.channels // 8))
        filters = g.op("Gather", filters, indices, axis=0)
        g.output(filters, "filters", ("K", self.channels // 8))

    def _tail_inputs(self, gain: str, low_rank: LowRank) -> None:
        g, algebra = self.g, self.algebra
        upscaling = algebra.upscaling
        basis = g.op("MatMul", low_rank.basis, g.constant(upscaling.weight.T))  # (R, C)
        basis = g.concat(basis, g.constant(upscaling.bias[None]))
        ones = g.constant(np.ones((1, algebra.positions)))
        g.output(gain, "gain", (1, algebra.positions))
        g.output(g.concat(low_rank.coefficients, ones), "coefficients", ("R", algebra.positions))
        g.output(basis, "basis", ("R", algebra.channels))

    # Small parts.

    def _linear(self, linear: Linear, value: str, scale: float = 1.0) -> str:
        g = self.g
        return g.op("Gemm", value, g.constant(scale * linear.weight.T), g.constant(scale * linear.bias))

    def _layer_norm(self, path: str, value: str) -> str:
        g, linear = self.g, self.weights.linear(path)
        parts = g.constant(linear.weight), g.constant(linear.bias)
        return g.op("LayerNormalization", value, *parts, axis=-1, epsilon=self.weights.norm_epsilon)

    def _split_heads(self, value: str, width: int, *order: int) -> str:
        return self.g.transpose(self.g.reshape(value, -1, self.heads, width), *order)

    def _join_heads(self, value: str, channels: int) -> str:
        return self.g.reshape(self.g.transpose(value, 1, 0, 2), -1, channels)
