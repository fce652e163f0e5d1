"""EfficientSAM's image encoder: a vision transformer that attends over the whole image in every layer, then SAM's neck.

Its tensors are called as in the published files. Source: EfficientSAM, efficient_sam/efficient_sam_encoder.py.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

# Patches on a side of the pictures of 224 pixels that it was first trained on; the table has a class token before them.
POSITIONS_SIDE = 14
EXPANSION = 4  # of the MLPs
EPSILON = 1e-6  # of all norms here


class ImageEncoder(nn.Module):
    """(B, 3, side, side) to (B, channels, side / patch, side / patch).

    Args:
        width, depth, heads: of the vision transformer.
        channels: of what it gives.
        patch: pixels.
    """

    def __init__(self, width: int, depth: int, heads: int, channels: int, patch: int) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(width, patch)
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + POSITIONS_SIDE**2, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.neck = nn.Sequential(
            nn.Conv2d(width, channels, kernel_size=1, bias=False),
            ChannelNorm(channels),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            ChannelNorm(channels),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        image = self.patch_embed(pixels)  # (B, width, h, w)
        side = image.shape[-1]
        patches = (image + self._positions(side)).flatten(2).transpose(1, 2)  # (B, h * w, width)
        for block in self.blocks:
            patches = block(patches)
        return self.neck(patches.transpose(1, 2).unflatten(2, (side, side)))

    def _positions(self, side: int) -> Tensor:
        """(1, width, side, side): the table without the class token, as large as the image."""
        table = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (POSITIONS_SIDE, POSITIONS_SIDE))
        if side == POSITIONS_SIDE:
            return table
        return functional.interpolate(table, (side, side), mode="bicubic")


class PatchEmbedding(nn.Module):
    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.proj(pixels)


class Block(nn.Module):
    """(B, N, width) to the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = Mlp(width)

    def forward(self, patches: Tensor) -> Tensor:
        patches = patches + self.attn(self.norm1(patches))
        return patches + self.mlp(self.norm2(patches))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, patches: Tensor) -> Tensor:
        query, key, value = self.qkv(patches).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)  # (B, heads, N, d)
        return self.proj(attended.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, EXPANSION * width)
        self.fc2 = nn.Linear(EXPANSION * width, width)

    def forward(self, patches: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(patches)))


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (B, C, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPSILON)

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
