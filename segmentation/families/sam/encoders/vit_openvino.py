"""SAM's own image encoder as a graph of OpenVINO, with the weights that torch has in memory.

It is written down operation by operation, as `encoders.vit` is: that takes a tenth of a second, while a traced export
takes a minute, gigabytes of memory, and a second copy of the weights on the disk. Windows, and in bfloat16 all layers,
fold the positions' bias into the product of queries and keys; `encoders.vit` says how.
"""

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers.models.sam.modeling_sam import (
    SamVisionAttention,
    SamVisionEncoder,
    SamVisionLayer,
    SamVisionNeck,
)

from segmentation import openvino_package

# In float32 the products of all queries with all keys take 800 MB. A quarter of the queries at a time takes 200, and is
# as fast; smaller parts are slower. In bfloat16 OpenVINO never holds all of them.
QUERY_PARTS = 4


class OpenVinoVit:
    """Gives what transformers' modules give, or nearly, as a network's own encoder is asked.

    Args:
        encoder: transformers' modules with their weights, float32, on the CPU; the weights are not copied.
        precision: "float32" or "bfloat16".
        with_early: whether `with_early` will be asked, or only the call.

    Raises:
        OpenVinoUnavailable: it is not installed.
        RuntimeError: OpenVINO cannot run it here.
    """

    def __init__(self, encoder: SamVisionEncoder, precision: str, with_early: bool = False) -> None:
        self._weights = encoder  # the graph holds their memory, not them
        self._request = openvino_package.compiled(_Graph(encoder, precision).model(with_early), precision)

    def __call__(self, pixels: Tensor) -> Tensor:
        """(1, 3, side, side) to (1, C, side / patch, side / patch), float32 both."""
        return self._run(pixels)[0]

    def with_early(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding, and (1, D, side / patch, side / patch) after the first layer that attends over the whole
        image, as HQ-SAM's decoder takes."""
        image, early = self._run(pixels)
        return image, early.permute(0, 3, 1, 2)

    def _run(self, pixels: Tensor) -> list[Tensor]:
        self._request.infer({0: pixels.contiguous().numpy()})
        outputs = range(len(self._request.model_outputs))
        # The next call writes over its tensors.
        return [torch.from_numpy(self._request.get_output_tensor(k).data.copy()) for k in outputs]


class _Graph:
    """Puts nodes together. Shapes are those of one image: B of `encoders.vit` is 1."""

    def __init__(self, encoder: SamVisionEncoder, precision: str) -> None:
        self.openvino = openvino_package.load()
        self.op = self.openvino.opset15
        self.encoder = encoder
        self.goes_by_parts = precision == "float32"

    def model(self, with_early: bool) -> Any:
        encoder, op = self.encoder, self.op
        image_side = cast(int, encoder.image_size)
        pixels = op.parameter([1, 3, image_side, image_side], np.float32, name="pixels")
        projection = encoder.patch_embed.projection
        patch = projection.kernel_size[0]
        side = image_side // patch
        patches = op.convolution(pixels, self._weight(projection.weight), [patch] * 2, [0, 0], [0, 0], [1, 1])
        tokens = op.transpose(patches, _ints(op, 0, 2, 3, 1))  # (1, n, n, D)
        tokens = op.add(tokens, self._weight(projection.bias))
        if encoder.pos_embed is not None:
            tokens = op.add(tokens, self._weight(encoder.pos_embed))
        early = None
        for layer in cast(Iterable[SamVisionLayer], encoder.layers):
            normed = self._normed(tokens, layer.layer_norm1)
            attended = self._attention(layer.attn, normed, side, layer.window_size)
            tokens = op.add(tokens, self._linear(attended, layer.attn.proj))
            hidden = op.gelu(self._linear(self._normed(tokens, layer.layer_norm2), layer.mlp.lin1), "erf")
            tokens = op.add(tokens, self._linear(hidden, layer.mlp.lin2))
            if early is None and not layer.window_size:
                early = tokens
        outputs = [self._neck(encoder.neck, tokens), *([early] if with_early else [])]
        return self.openvino.Model([op.result(output) for output in outputs], [pixels], "encoder")

    def _attention(self, attention: SamVisionAttention, normed: Any, side: int, window: int) -> Any:
        """(1, n, n, D) to the same without the last projection: inside of windows, or over all where that is 0."""
        op, size = self.op, window or side
        count = -(-side // size)  # of windows, in a row
        qkv = self._linear(normed, attention.qkv)  # (1, n, n, 3 D)
        width, padding = attention.qkv.out_features, count * size - side
        if padding:
            # What is padded is zero, and the product with zero is the bias.
            bias = np.zeros(width, np.float32) if attention.qkv.bias is None else attention.qkv.bias
            below = op.broadcast(self._weight(bias), _ints(op, 1, padding, side, width))
            beside = op.broadcast(self._weight(bias), _ints(op, 1, side + padding, padding, width))
            qkv = op.concat([op.concat([qkv, below], 1), beside], 2)
        heads = attention.num_attention_heads
        each = width // 3 // heads
        windows = self._reshaped(qkv, count, size, count, size, width)
        windows = self._reshaped(
            op.transpose(windows, _ints(op, 0, 2, 1, 3, 4)), count**2, size**2, 3, heads, each
        )
        parts = op.split(op.transpose(windows, _ints(op, 2, 0, 3, 1, 4)), op.constant(np.int64(0)), 3)
        query, key, value = (op.squeeze(parts.output(k), _ints(op, 0)) for k in range(3))
        attend = self._folded if window or not self.goes_by_parts else self._by_parts
        attended = attend(attention, query, key, value, size)  # (windows, heads, size * size, d)
        placed = self._reshaped(
            op.transpose(attended, _ints(op, 0, 2, 1, 3)), count, count, size, size, heads * each
        )
        placed = op.transpose(placed, _ints(op, 0, 2, 1, 3, 4))
        placed = self._reshaped(placed, 1, count * size, count * size, heads * each)
        if not padding:
            return placed
        return op.slice(placed, _ints(op, 0, 0), _ints(op, side, side), _ints(op, 1, 1), _ints(op, 1, 2))

    def _folded(self, attention: SamVisionAttention, query: Any, key: Any, value: Any, size: int) -> Any:
        """(N, heads, size * size, d) of three such: the positions' bias as more columns of queries and keys."""
        op = self.op
        count, heads, places, _ = _shape(query)
        tails = [
            self._reshaped(tail, count, heads, places, size)
            for tail in self._position_products(attention, query, size)
        ]
        queries = op.concat([op.multiply(query, _scale(op, attention)), *tails], 3)
        eye = np.eye(size, dtype=np.float32)
        codes = op.constant(np.concatenate([np.repeat(eye, size, 0), np.tile(eye, (size, 1))], 1))
        keys = op.concat([key, op.broadcast(codes, _ints(op, count, heads, places, 2 * size))], 3)
        return op.matmul(op.softmax(op.matmul(queries, keys, False, True), 3), value, False, False)

    def _by_parts(self, attention: SamVisionAttention, query: Any, key: Any, value: Any, size: int) -> Any:
        """As `_folded`, with the bias added, and some rows of patches at a time."""
        op = self.op
        count, heads, places, _ = _shape(query)
        by_row, by_column = self._position_products(attention, query, size)
        by_row = self._reshaped(by_row, count, heads, places, size, 1)
        by_column = self._reshaped(by_column, count, heads, places, 1, size)
        query = op.multiply(query, _scale(op, attention))
        attended = []
        rows = -(-size // QUERY_PARTS)
        for start in range(0, places, rows * size):
            end = min(start + rows * size, places)
            part, of_row, of_column = (
                op.slice(whole, _ints(op, start), _ints(op, end), _ints(op, 1), _ints(op, 2))
                for whole in (query, by_row, by_column)
            )
            scores = op.matmul(part, key, False, True)
            on_grid = self._reshaped(scores, count, heads, end - start, size, size)
            on_grid = op.add(op.add(on_grid, of_row), of_column)
            scores = self._reshaped(on_grid, count, heads, end - start, places)
            attended.append(op.matmul(op.softmax(scores, 3), value, False, False))
        return op.concat(attended, 2)

    def _position_products(self, attention: SamVisionAttention, query: Any, size: int) -> tuple[Any, Any]:
        """(N, heads, size, size, size) twice: each query's products with the tables for every row and column of
        keys."""
        op = self.op
        count, heads, _, each = _shape(query)
        grid = self._reshaped(query, count, heads, size, size, each)
        at = torch.arange(size)
        distance = at[:, None] - at[None, :] + size - 1
        rows, columns = (
            self._weight(table[distance]) for table in (attention.rel_pos_h, attention.rel_pos_w)
        )
        turned = _ints(op, 0, 1, 3, 2, 4)
        by_row = op.matmul(grid, rows, False, True)  # (N, heads, a, b, r)
        by_column = op.matmul(op.transpose(grid, turned), columns, False, True)  # (N, heads, b, a, c)
        return by_row, op.transpose(by_column, turned)

    def _neck(self, neck: SamVisionNeck, tokens: Any) -> Any:
        """(1, n, n, D) to (1, C, n, n)."""
        op = self.op
        narrow = op.matmul(tokens, self._weight(neck.conv1.weight.flatten(1)), False, True)
        image = op.transpose(self._normed(narrow, neck.layer_norm1), _ints(op, 0, 3, 1, 2))
        image = op.convolution(image, self._weight(neck.conv2.weight), [1, 1], [1, 1], [1, 1], [1, 1])
        image = self._normed(op.transpose(image, _ints(op, 0, 2, 3, 1)), neck.layer_norm2)
        return op.transpose(image, _ints(op, 0, 3, 1, 2))

    def _linear(self, values: Any, layer: nn.Linear) -> Any:
        made = self.op.matmul(values, self._weight(layer.weight), False, True)
        return made if layer.bias is None else self.op.add(made, self._weight(layer.bias))

    def _normed(self, values: Any, norm: nn.LayerNorm) -> Any:
        """A layer norm over the last axis."""
        op = self.op
        even = op.mvn(values, _ints(op, -1), True, norm.eps, "inside_sqrt")
        return op.add(op.multiply(even, self._weight(norm.weight)), self._weight(norm.bias))

    def _weight(self, values: Any) -> Any:
        """A constant over the memory of `values`, which is not copied."""
        array = values.detach().contiguous().numpy() if isinstance(values, Tensor) else values
        return self.op.constant(array, shared_memory=True)

    def _reshaped(self, values: Any, *lengths: int) -> Any:
        return self.op.reshape(values, _ints(self.op, *lengths), False)


def _ints(op: Any, *values: int) -> Any:
    return op.constant(np.array(values, np.int64))


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(int(length) for length in node.output(0).shape)


def _scale(op: Any, attention: SamVisionAttention) -> Any:
    return op.constant(np.float32(attention.scale))
