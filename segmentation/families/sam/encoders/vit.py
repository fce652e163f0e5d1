"""SAM's own image encoder on a processor: what transformers' modules compute with the same weights, sooner and in less
memory.

Theirs builds every attention matrix with its bias at once, 800 MB for a picture, which costs more than the products.
Here windows fold the bias into the product (below), and layers that attend over the whole image go by a few rows of
queries.

The bias of a query q at (a, b) for a key at (r, c) is `q . h[a - r + n - 1] + q . w[b - c + n - 1]` (arXiv 2112.01526).
With one-hot codes of r and c behind the key, and q's products with both tables behind the query, one dot product holds
all of it.

On processors with instructions for it (AMX) products are many times faster in bfloat16, so much so that the wider
product is cheaper than going by rows. Norms and the sums from layer to layer stay float32. The embedding is another one
then, by half a per cent of its spread: `segmentation.precision` says when that is used.
"""

from collections.abc import Iterable
from typing import cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.sam.modeling_sam import (
    SamVisionAttention,
    SamVisionEncoder,
    SamVisionLayer,
    SamVisionNeck,
)

# layer -> what its copy was made of, weight, bias. A copy goes with its layer.
_rounded: WeakKeyDictionary[nn.Linear, tuple[tuple[torch.dtype, int, int], Tensor, Tensor | None]] = (
    WeakKeyDictionary()
)

QUERY_ROWS = 4  # of patches, whose attention to the whole image stays in the processor's cache


def encode(encoder: SamVisionEncoder, pixels: Tensor) -> Tensor:
    """What `encoder` gives for `pixels`, without gradients; attention and MLPs in what autocast asks for.

    Args:
        encoder: transformers' modules with their weights, float32, on the CPU.
        pixels: (B, 3, side, side), float32.

    Returns:
        (B, C, side / patch, side / patch), float32.
    """
    return encode_with_early(encoder, pixels)[0]


def encode_with_early(encoder: SamVisionEncoder, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
    """As `encode`, and what the first layer that attends over the whole image gives, (B, D, side / patch, side /
    patch); None where there is no such layer."""
    reduced = torch.is_autocast_enabled("cpu")
    products = torch.get_autocast_dtype("cpu") if reduced else torch.float32
    # Here it is said for each product.
    with torch.autocast("cpu", enabled=False):
        return _encode(encoder, pixels, products)


def _encode(encoder: SamVisionEncoder, pixels: Tensor, products: torch.dtype) -> tuple[Tensor, Tensor | None]:
    over_all = _over_all_by_rows if products == torch.float32 else _over_all_at_once
    early = None
    tokens = _patches(encoder, pixels)  # (B, n, n, D), float32 throughout
    for layer in cast(Iterable[SamVisionLayer], encoder.layers):
        attend = _in_windows if layer.window_size else over_all
        attended = attend(layer.attn, layer.layer_norm1(tokens).to(products), layer.window_size)
        tokens = tokens + _linear(layer.attn.proj, attended)
        hidden = _linear(layer.mlp.lin1, layer.layer_norm2(tokens).to(products))
        # In place: 25 MB of new memory cost more than the function.
        tokens = tokens + _linear(layer.mlp.lin2, torch.ops.aten.gelu_(hidden))
        if early is None and not layer.window_size:
            early = tokens.permute(0, 3, 1, 2)
    return _neck(encoder.neck, tokens), early


def _linear(layer: nn.Linear, values: Tensor) -> Tensor:
    """The layer, in the values' own type."""
    if values.dtype == layer.weight.dtype:
        return functional.linear(values, layer.weight, layer.bias)
    return functional.linear(values, *_weights_as(layer, values.dtype))


def _weights_as(layer: nn.Linear, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    """Weight and bias in `dtype`, made once: to round them for each image takes a tenth of its time."""
    weight = layer.weight
    made_of = (dtype, weight.data_ptr(), 0 if weight.is_inference() else weight._version)
    kept = _rounded.get(layer)
    if kept is None or kept[0] != made_of:
        bias = None if layer.bias is None else layer.bias.detach().to(dtype)
        kept = _rounded[layer] = (made_of, weight.detach().to(dtype), bias)
    return kept[1:]


def _patches(encoder: SamVisionEncoder, pixels: Tensor) -> Tensor:
    """(B, n, n, D): each patch by one product, and where it lies."""
    projection = encoder.patch_embed.projection
    patch = projection.kernel_size[0]
    count = pixels.shape[2] // patch
    patches = (
        pixels.unflatten(3, (count, patch)).unflatten(2, (count, patch)).permute(0, 2, 4, 1, 3, 5).flatten(3)
    )
    tokens = functional.linear(patches, projection.weight.flatten(1), projection.bias)
    return tokens if encoder.pos_embed is None else tokens + encoder.pos_embed


def _in_windows(attention: SamVisionAttention, normed: Tensor, size: int) -> Tensor:
    """(B, n, n, D): attention inside of windows of `size` x `size` patches, the last ones padded with zeros."""
    batch, side = normed.shape[:2]
    heads, count = attention.num_attention_heads, -(-side // size)
    # What is padded is zero, and the product with zero is the bias.
    bias = attention.qkv.bias if attention.qkv.bias is not None else normed.new_zeros(3 * normed.shape[3])
    qkv = bias.to(normed.dtype).expand(batch, count * size, count * size, -1).clone()
    qkv[:, :side, :side] = _linear(attention.qkv, normed)
    windows = qkv.view(batch, count, size, count, size, 3, heads, -1).permute(5, 0, 1, 3, 6, 2, 4, 7)
    query, key, value = windows.reshape(3, batch * count**2, heads, size**2, -1)
    attended = _folded(attention, query, key, value, size)
    placed = attended.view(batch, count, count, heads, size, size, -1).permute(0, 1, 4, 2, 5, 3, 6)
    # Laid out anew: of a part of a tensor torch makes one product for each row, with a copy of the weights each.
    return placed.reshape(batch, count * size, count * size, -1)[:, :side, :side].contiguous()


def _over_all_at_once(attention: SamVisionAttention, normed: Tensor, _size: int) -> Tensor:
    """(B, n, n, D): attention over the whole image, with the positions inside of one product."""
    side, heads = normed.shape[1], attention.num_attention_heads
    qkv = _linear(attention.qkv, normed).unflatten(3, (3, heads, -1)).flatten(1, 2).permute(2, 0, 3, 1, 4)
    query, key, value = qkv.contiguous()
    attended = _folded(attention, query, key, value, side)
    return attended.transpose(1, 2).reshape(normed.shape[0], side, side, -1)


def _folded(attention: SamVisionAttention, query: Tensor, key: Tensor, value: Tensor, size: int) -> Tensor:
    """(N, heads, size * size, d), of three such: attention, the positions' bias as more columns of queries and keys."""
    by_row, by_column = _position_products(attention, query, size)
    codes = _place_codes(size, key).expand(*key.shape[:3], -1)
    # torch's kernel for processors wants values as wide as queries.
    return functional.scaled_dot_product_attention(
        torch.cat([query * attention.scale, by_row, by_column], dim=3),
        torch.cat([key, codes], dim=3),
        functional.pad(value, (0, 2 * size)),
        scale=1.0,
    )[..., : query.shape[3]]


def _over_all_by_rows(attention: SamVisionAttention, normed: Tensor, _size: int) -> Tensor:
    """(B, n, n, D): attention over the whole image, head by head, a few rows of patches at a time."""
    batch, side = normed.shape[:2]
    heads = attention.num_attention_heads
    qkv = _linear(attention.qkv, normed).view(batch, side**2, 3, heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = qkv.contiguous()
    by_row, by_column = _position_products(attention, query, side)
    query = query * attention.scale
    attended = torch.empty_like(normed).view(batch, side**2, heads, -1)
    step = QUERY_ROWS * side
    for item in range(batch):
        for head in range(heads):
            keys, values = key[item, head].t(), value[item, head]
            for start in range(0, side**2, step):
                part = slice(start, start + step)
                scores = query[item, head, part] @ keys
                on_grid = scores.view(-1, side, side)
                on_grid += by_row[item, head, part, :, None]
                on_grid += by_column[item, head, part, None, :]
                attended[item, part, head] = scores.softmax(dim=1) @ values
    return attended.view(batch, side, side, -1)


def _position_products(attention: SamVisionAttention, query: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """(N, heads, size * size, size) twice: each query's products with the tables for every row and column of keys."""
    at = torch.arange(size)
    distance = at[:, None] - at[None, :] + size - 1
    grid = query.unflatten(2, (size, size))
    rows, columns = (table.to(query.dtype)[distance] for table in (attention.rel_pos_h, attention.rel_pos_w))
    by_row = torch.einsum("nhabd,ard->nhabr", grid, rows)
    by_column = torch.einsum("nhabd,bcd->nhabc", grid, columns)
    return by_row.flatten(2, 3), by_column.flatten(2, 3)


def _place_codes(size: int, like: Tensor) -> Tensor:
    """(size * size, 2 * size): one-hot row and column of each place."""
    eye = torch.eye(size, dtype=like.dtype)
    return torch.cat([eye.repeat_interleave(size, dim=0), eye.repeat(size, 1)], dim=1)


def _neck(neck: SamVisionNeck, tokens: Tensor) -> Tensor:
    """(B, C, n, n): channels stay last in memory, as they come."""
    narrow = functional.linear(tokens, neck.conv1.weight.flatten(1))
    image = neck.conv2(_normed(neck.layer_norm1, narrow).permute(0, 3, 1, 2))
    return _normed(neck.layer_norm2, image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).contiguous()


def _normed(norm: nn.LayerNorm, tokens: Tensor) -> Tensor:
    return functional.layer_norm(tokens, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
