"""The products of weights that the graphs of the fast decoder are made of.

The two-way transformer changes the image tokens twice: they gain what each position gathers from the prompt's few
tokens, then a LayerNorm scales each position. So at any time

    image tokens = gain * (what depends on the image alone) + basis^T coefficients,     all (C, P),

with a gain per position and as many coefficients per position as there are (token, head) pairs. Every projection of the
image tokens is linear in that, hence the projections of the image's part are made once per image (`image_graph`), and a
click only pays for the low-rank rest (`click_graph`). D is diag(norm weight), "centred" means minus the mean over the
channels, which is the first half of a LayerNorm.

Shapes: C channels, I = C / 2 width of the attentions between tokens and image, P = grid^2 positions.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from segmentation.families.two_way.weights import DecoderWeights, Linear

Array = NDArray[np.float64]

# Everything the image graph hands to the click graph, in this order.
KEY_NAMES = ("keys_0", "keys_1", "keys_2")
VALUE_NAMES = ("values_0", "values_1", "values_2")
QUERY_NAMES = ("queries_0", "queries_1")
MASK_RANK = 17  # the mask prompt's 16 channels and a constant


def centred(rows: Array) -> Array:
    """Minus the mean over the last axis, the channels."""
    return rows - rows.mean(axis=-1, keepdims=True)


class Algebra:
    """Weights of one decoder, multiplied out."""

    def __init__(self, weights: DecoderWeights) -> None:
        self.weights = weights
        self.heads, self.head_width = weights.heads, weights.head_width
        self.channels, self.inner = weights.channels, weights.heads * weights.head_width
        self.positions = weights.grid**2

    def attention(self, layer: int, direction: str, part: str) -> Linear:
        """Part `q_proj`, `k_proj`, `v_proj`, `out_proj` of layer 0 or 1's attention; layer 2 is the final one."""
        if layer == 2:
            return self.weights.linear(f"mask_decoder.transformer.final_attn_token_to_image.{part}")
        return self.weights.linear(f"mask_decoder.transformer.layers.{layer}.cross_attn_{direction}.{part}")

    def keys(self, layer: int) -> Linear:
        return self.attention(layer, "token_to_image", "k_proj")

    def values(self, layer: int) -> Linear:
        return self.attention(layer, "token_to_image", "v_proj")

    def queries(self, layer: int) -> Linear:
        return self.attention(layer, "image_to_token", "q_proj")

    def image_norm(self, layer: int) -> Linear:
        """Weight and bias of the LayerNorm after the image attended to the tokens."""
        return self.weights.linear(f"mask_decoder.transformer.layers.{layer}.norm4")

    @cached_property
    def positions_encoding(self) -> Array:
        """(C, P)"""
        return self.weights.image_positions()

    @cached_property
    def no_mask(self) -> Array:
        """(C,): what stands in for a mask prompt."""
        return self.weights["prompt_encoder.no_mask_embed.weight"][0]

    @cached_property
    def mask_basis(self) -> Array:
        """(17, C): the mask prompt's part of the image tokens is this, transposed, times (16 channels, 1)."""
        last = self.weights.linear("prompt_encoder.mask_downscaling.6")
        return np.concatenate([last.weight[:, :, 0, 0].T, (last.bias - self.no_mask)[None]])

    @cached_property
    def gathered_basis(self) -> list[Array]:
        """Per layer (I, C): what the image gathers from the tokens, head by head, into centred channels."""
        return [centred(self.attention(layer, "image_to_token", "out_proj").weight.T) for layer in (0, 1)]

    @cached_property
    def carried(self) -> Array:
        """(C, C), symmetric around D: centred rows after layer 0's norm, D and centring again: x -> centred(D x)."""
        return centred(np.diag(self.image_norm(0).weight)).T

    @cached_property
    def between(self) -> Array:
        """(C,): layer 0's norm bias and layer 1's output bias, centred: what stands between the two norms."""
        return centred(self.image_norm(0).bias + self.attention(1, "image_to_token", "out_proj").bias)

    @cached_property
    def image_0(self) -> Linear:
        """Embedding to layer 0's centred image tokens, the constant part of what they gather included."""
        bias = self.no_mask + self.attention(0, "image_to_token", "out_proj").bias
        return Linear(centred(np.eye(self.channels)).T, centred(bias))

    @cached_property
    def image_1(self) -> Linear:
        """Embedding to layer 1's centred image tokens (without `between`, which is constant)."""
        return after(Linear(self.carried, np.zeros(self.channels)), self.image_0)

    @cached_property
    def upscaling(self) -> Linear:
        """(4 * C/4, C): image tokens after layer 1's norm to the first upscaling, rows (channel, sub-position).

        A transposed convolution of kernel 2 and stride 2 is a product. It is centred over the channels, because a
        LayerNorm over them follows.
        """
        kernel = self.weights["mask_decoder.output_upscaling.0.weight"]  # (C, C/4, 2, 2)
        bias = self.weights["mask_decoder.output_upscaling.0.bias"]
        norm = self.image_norm(1)
        rows = kernel.reshape(self.channels, -1, 4)
        rows = rows - rows.mean(axis=1, keepdims=True)
        rows = rows.reshape(self.channels, -1).T  # (C, C)
        constant = rows @ norm.bias + np.repeat(bias - bias.mean(), 4)
        return Linear(rows * norm.weight, constant)

    def normed(self, layer: int, projection: Linear) -> Linear:
        """The projection applied to D x + norm bias, layer's norm."""
        norm = self.image_norm(layer)
        return Linear(projection.weight * norm.weight, projection.weight @ norm.bias + projection.bias)


def after(outer: Linear, inner: Linear) -> Linear:
    """x -> outer(inner(x))"""
    return Linear(outer.weight @ inner.weight, outer.weight @ inner.bias + outer.bias)
