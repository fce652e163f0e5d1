"""The image encoders: Hiera, from the transformers library, in SAM 2; RepViT in EdgeTAM; one neck for both."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Sam2HieraDetConfig
from transformers.models.sam2.modeling_sam2 import (
    Sam2HieraDetModel,
    Sam2MultiScaleAttention,
    Sam2MultiScaleBlock,
)

from segmentation.families.sam2.repvit import RepVit


@dataclass(frozen=True)
class HieraShape:
    """
    width           of the first stage; each further stage has twice as many channels and heads
    heads           of the first stage
    depths          blocks in each of the four stages
    global_blocks   blocks that attend over the whole image; the others over windows
    windows         of each stage, in patches
    position_grid   side of the table of positions that is enlarged to the image
    """

    width: int
    heads: int
    depths: tuple[int, int, int, int]
    global_blocks: tuple[int, ...]
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    position_grid: int = 7

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(self.width << stage for stage in range(4))


@dataclass(frozen=True)
class RepVitShape:
    """Channels and blocks of each of the four stages."""

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]


class VisionEncoder(nn.Module):
    """(1, 3, side, side) to maps of `channels` channels at strides 16, 8 and 4. Modules are called as transformers'."""

    def __init__(self, trunk: HieraShape | RepVitShape, channels: int, side: int) -> None:
        super().__init__()
        self.backbone = _hiera(trunk, side) if isinstance(trunk, HieraShape) else _RepVitBackbone(trunk)
        self.neck = _Neck(trunk.widths, channels)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        convs = zip(self.neck.convs, reversed(self._stages(pixels)), strict=True)
        stride_32, stride_16, stride_8, stride_4 = (conv(stage) for conv, stage in convs)
        # The levels that are finer take nothing from above. Source: configs/*.yaml, fpn_top_down_levels.
        return stride_16 + F.interpolate(stride_32, scale_factor=2.0, mode="nearest"), stride_8, stride_4

    def _stages(self, pixels: Tensor) -> list[Tensor]:
        if isinstance(self.backbone, Sam2HieraDetModel):
            stages = self.backbone(pixels).intermediate_hidden_states  # (1, h, w, C)
            return [stage.permute(0, 3, 1, 2) for stage in stages]
        return self.backbone.timm_model.stages(pixels)


class _RepVitBackbone(nn.Module):
    def __init__(self, shape: RepVitShape) -> None:
        super().__init__()
        self.timm_model = RepVit(shape.widths, shape.depths)


class _Neck(nn.Module):
    def __init__(self, widths: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in reversed(widths))


class _Attention(Sam2MultiScaleAttention):
    """The library's, without a second product of queries and keys, which it computes and throws away."""

    def forward(self, hidden_states: Tensor, **_arguments: object) -> Tensor:
        _, height, width, _ = hidden_states.shape
        # (3, B, h * w, heads, C)
        queries, keys, values = (
            self.qkv(hidden_states).flatten(1, 2).unflatten(2, (3, self.num_attention_heads, -1)).unbind(2)
        )
        if self.query_stride:
            pooled = F.max_pool2d(
                queries.flatten(2).unflatten(1, (height, width)).permute(0, 3, 1, 2),
                self.query_stride,
                self.query_stride,
            )
            queries = pooled.permute(0, 2, 3, 1)
            height, width = queries.shape[1:3]
            queries = queries.flatten(1, 2).unflatten(2, (self.num_attention_heads, -1))
        attended = F.scaled_dot_product_attention(
            queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2)
        )
        return self.proj(attended.transpose(1, 2).flatten(2).unflatten(1, (height, width)))


def _hiera(shape: HieraShape, side: int) -> Sam2HieraDetModel:
    model = Sam2HieraDetModel(
        Sam2HieraDetConfig(
            hidden_size=shape.width,
            num_attention_heads=shape.heads,
            image_size=[side, side],
            blocks_per_stage=list(shape.depths),
            embed_dim_per_stage=list(shape.widths),
            num_attention_heads_per_stage=[shape.heads << stage for stage in range(4)],
            window_size_per_stage=list(shape.windows),
            window_positional_embedding_background_size=[shape.position_grid] * 2,
            global_attention_blocks=list(shape.global_blocks),
        )
    )
    for block in cast("Iterable[Sam2MultiScaleBlock]", model.blocks):
        given = block.attn
        block.attn = _Attention(
            model.config, given.dim, given.dim_out, given.num_attention_heads, given.query_stride
        )
    return model
