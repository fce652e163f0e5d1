"""TinyViT (Wu et al. 2022, arXiv 2207.10666) as MobileSAM has it before SAM's decoder (arXiv 2306.14289).

It is not timm's `tiny_vit_5m_224`: the last merging of patches keeps the size, so that 1024 pixels become 64 x 64, and
SAM's neck follows. timm is not used because it needs torchvision.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from segmentation.families.sam.encoders.parts import Neck, channels_last, convolution, depthwise
from segmentation.families.sam.shape import NetworkShape

EXPANSION = 4  # of the convolution blocks and of the MLPs
EARLY_STAGE = 1  # after which Light HQ-SAM takes early features


@dataclass(frozen=True, kw_only=True)
class TinyVitShape(NetworkShape):
    """
    widths, depths   of the stages
    heads, windows   of their attentions; the first stage has convolutions alone
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    windows: tuple[int, ...]

    @property
    def early_width(self) -> int:
        return self.widths[EARLY_STAGE + 1]  # the stage ends with the merging that begins the next one

    def new_encoder(self) -> nn.Module:
        return TinyVit(self)


class TinyVit(nn.Module):
    def __init__(self, shape: TinyVitShape) -> None:
        super().__init__()
        widths, count = shape.widths, len(shape.widths)
        self.patch_embed = nn.Sequential(
            convolution(3, widths[0] // 2, 3, 2), nn.GELU(), convolution(widths[0] // 2, widths[0], 3, 2)
        )
        self.layers = nn.ModuleList(
            Stage(shape, stage, following=widths[stage + 1] if stage + 1 < count else None)
            for stage in range(count)
        )
        self.neck = Neck(widths[-1], shape.channels)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.with_early(pixels)[0]

    def with_early(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding, and early features (B, early_width, h, w). Source: sam-hq, modeling/tiny_vit_sam.py."""
        image = self.patch_embed(channels_last(pixels))
        early = image
        for stage, layer in enumerate(self.layers):
            image = layer(image)
            if stage == EARLY_STAGE:
                early = image
        return self.neck(image), early


class Stage(nn.Module):
    def __init__(self, shape: TinyVitShape, stage: int, following: int | None) -> None:
        super().__init__()
        width = shape.widths[stage]
        self.blocks = nn.Sequential(
            *(
                ConvBlock(width) if stage == 0 else Block(width, shape.heads[stage], shape.windows[stage])
                for _ in range(shape.depths[stage])
            )
        )
        # The last merging keeps the size.
        stride = 1 if stage == len(shape.widths) - 2 else 2
        self.downsample = Merging(width, following, stride) if following else nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        return self.downsample(self.blocks(image))


class ConvBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = convolution(width, EXPANSION * width)
        self.conv2 = depthwise(EXPANSION * width)
        self.conv3 = convolution(EXPANSION * width, width)

    def forward(self, image: Tensor) -> Tensor:
        inner = functional.gelu(self.conv2(functional.gelu(self.conv1(image))))
        return functional.gelu(image + self.conv3(inner))


class Merging(nn.Module):
    def __init__(self, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(width, out)
        self.conv2 = depthwise(out, stride)
        self.conv3 = convolution(out, out)

    def forward(self, image: Tensor) -> Tensor:
        return self.conv3(functional.gelu(self.conv2(functional.gelu(self.conv1(image)))))


class Block(nn.Module):
    """Attention over windows, a convolution between windows, an MLP; (B, C, h, w) in and out."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.attn = Attention(width, heads, window)
        self.local_conv = depthwise(width)
        self.mlp = Mlp(width)

    def forward(self, image: Tensor) -> Tensor:
        image = self.local_conv(image + self._attend(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return image + self.mlp(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def _attend(self, image: Tensor) -> Tensor:
        """(B, h, w, C). Zeros fill the last windows up; they are attended to, as in the original."""
        side = self.window
        batch, height, width, channels = image.shape
        rows, columns = -(-height // side), -(-width // side)
        image = functional.pad(image, (0, 0, 0, columns * side - width, 0, rows * side - height))
        windows = image.unflatten(2, (columns, side)).unflatten(1, (rows, side)).transpose(2, 3)
        attended = self.attn(windows.reshape(-1, side * side, channels))
        image = attended.view(batch, rows, columns, side, side, channels).transpose(2, 3)
        return image.reshape(batch, rows * side, columns * side, channels)[:, :height, :width]


class Attention(nn.Module):
    """Within windows, with a bias for each head and each distance of two patches."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))

    def forward(self, patches: Tensor) -> Tensor:
        # Each head has its query, key and value side by side, unlike SAM's own encoder.
        qkv = (
            self.qkv(self.norm(patches)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        )  # (B, heads, N, 3 d)
        query, key, value = qkv.chunk(3, dim=-1)
        biases = self._biases().to(query.dtype)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=biases)
        return self.proj(attended.transpose(1, 2).flatten(2))

    def _biases(self) -> Tensor:
        """(heads, N, N). A buffer of the indices would have to be filled after loading on the meta device."""
        side = torch.arange(self.window, device=self.attention_biases.device)
        distance = (side[:, None] - side[None, :]).abs()  # (window, window)
        index = distance[:, None, :, None] * self.window + distance[None, :, None, :]
        return self.attention_biases[:, index.flatten(2).flatten(0, 1)]


class Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, EXPANSION * width)
        self.fc2 = nn.Linear(EXPANSION * width, width)

    def forward(self, patches: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(self.norm(patches))))
