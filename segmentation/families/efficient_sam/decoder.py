"""EfficientSAM's prompt encoder and mask decoder. Its tensors are called as in the published files.

Near SAM's, but not the same: in every block the tokens keep what they were before they attend to each other, and from
the second block on their positions stay in them; GELU in place of ReLU; a norm over all channels and places between the
two upscalings; no mask input. Sources: EfficientSAM, efficient_sam/efficient_sam_decoder.py, two_way_transformer.py,
mlp.py, efficient_sam.py.
"""

import math

import torch
from torch import Tensor, nn

from segmentation.prompts import BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, FOREGROUND, PADDING

HEADS = 8
BLOCKS = 2
MASKS = 4  # tokens; the first one's mask is never given
# The network was trained with so many points, the missing ones padded.
POINTS = 6
# Where a point of the padding lies, in model pixels.
NOWHERE = -1.0


class PromptEncoder(nn.Module):
    """
    Args:
        channels: of a token.
        input_side: pixels of the model frame.
    """

    def __init__(self, channels: int, input_side: int) -> None:
        super().__init__()
        self.input_side = input_side
        self.pe_layer = Positions(channels)
        self.invalid_points = nn.Embedding(1, channels)
        self.point_embeddings = nn.Embedding(1, channels)
        self.bbox_top_left_embeddings = nn.Embedding(1, channels)
        self.bbox_bottom_right_embeddings = nn.Embedding(1, channels)

    def forward(self, coords: Tensor, labels: Tensor) -> Tensor:
        """(1, N, 2) model pixels and (1, N) to (1, max(N', 6), C), N' without the padding that was given.

        A background point has a place and no kind: the original has no kind for it. Points beyond the sixth are kept,
        where the original drops them.
        """
        # Sums of products and masks instead of branches, so that a traced graph holds for every N and every label.
        is_given = labels[0] != PADDING  # (N,)
        kinds = labels[:, :, None]
        points = self._at(coords)
        for label, embedding in (
            (FOREGROUND, self.point_embeddings),
            (BOX_TOP_LEFT, self.bbox_top_left_embeddings),
            (BOX_BOTTOM_RIGHT, self.bbox_bottom_right_embeddings),
        ):
            points = points + embedding.weight * (kinds == label)
        nowhere = self._at(torch.full((1, POINTS, 2), NOWHERE, device=coords.device))
        padding = nowhere + self.invalid_points.weight
        is_missing = torch.arange(POINTS, device=coords.device) >= is_given.sum()
        return torch.cat([points[:, is_given], padding[:, is_missing]], dim=1)

    def image_positions(self, side: int) -> Tensor:
        """(1, side * side, C): where each patch's centre lies, row by row."""
        centres = (torch.arange(side, device=self.invalid_points.weight.device) + 0.5) / side
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        return self.pe_layer(torch.stack([x, y], dim=-1).flatten(0, 1)[None])

    def _at(self, coords: Tensor) -> Tensor:
        # + 0.5: a coordinate names a pixel, its centre is meant.
        return self.pe_layer((coords + 0.5) / self.input_side)


class Positions(nn.Module):
    """(..., 2) in 0..1 to (..., C): sines and cosines of random frequencies."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.positional_encoding_gaussian_matrix = nn.Parameter(torch.zeros(2, channels // 2))

    def forward(self, places: Tensor) -> Tensor:
        angles = 2 * math.pi * ((2 * places - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class MaskDecoder(nn.Module):
    """
    Args:
        channels: of tokens and of the image embedding.
        mlp: width of the blocks' MLPs.
        iou_width: of the IoU head.
    """

    def __init__(self, channels: int, mlp: int, iou_width: int) -> None:
        super().__init__()
        self.transformer = TwoWayTransformer(channels, mlp)
        self.iou_token = nn.Embedding(1, channels)
        self.mask_tokens = nn.Embedding(MASKS, channels)
        middle, fine = channels // 4, channels // 8
        self.final_output_upscaling_layers = nn.ModuleList(
            [
                nn.Sequential(nn.ConvTranspose2d(channels, middle, 2, 2), nn.GroupNorm(1, middle), nn.GELU()),
                nn.Sequential(nn.ConvTranspose2d(middle, fine, 2, 2), nn.Identity(), nn.GELU()),
            ]
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            Mlp(channels, channels, fine, hidden=2) for _ in range(MASKS)
        )
        self.iou_prediction_head = Mlp(channels, iou_width, MASKS, hidden=2)

    def forward(self, image: Tensor, positions: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """image (1, C, h, h), positions (1, h * h, C), points (1, N, C) -> logits (1, 3, 4 h, 4 h) and IoU predictions
        (1, 3)."""
        side = image.shape[-1]
        tokens = torch.cat([torch.cat([self.iou_token.weight, self.mask_tokens.weight])[None], points], dim=1)
        tokens, patches = self.transformer(tokens, image.flatten(2).transpose(1, 2), positions)
        upscaled = patches.transpose(1, 2).unflatten(2, (side, side))
        for layer in self.final_output_upscaling_layers:
            upscaled = layer(upscaled)
        # Token 0 rates, token 1 is of the mask that is never given.
        given = range(1, MASKS)
        filters = torch.stack(
            [self.output_hypernetworks_mlps[mask](tokens[:, 1 + mask]) for mask in given], dim=1
        )  # (1, 3, C / 8)
        masks = (filters @ upscaled.flatten(2)).unflatten(2, (4 * side, 4 * side))
        return masks, self.iou_prediction_head(tokens[:, 0])[:, 1:]


class TwoWayTransformer(nn.Module):
    """Tokens (1, N, C) and patches (1, P, C) attend to each other."""

    def __init__(self, channels: int, mlp: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TwoWayBlock(channels, mlp, is_first=i == 0) for i in range(BLOCKS))
        self.final_attn_token_to_image = Attention(channels, channels // 2)
        self.norm_final_attn = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor, patches: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        own = tokens
        for layer in self.layers:
            tokens, patches = layer(tokens, patches, own, positions)
        attended = self.final_attn_token_to_image(tokens + own, patches + positions, patches)
        return self.norm_final_attn(tokens + attended), patches


class TwoWayBlock(nn.Module):
    def __init__(self, channels: int, mlp: int, is_first: bool) -> None:
        super().__init__()
        self.is_first = is_first
        self.self_attn = Attention(channels, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.cross_attn_token_to_image = Attention(channels, channels // 2)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels, mlp, channels, hidden=1)
        self.norm3 = nn.LayerNorm(channels)
        self.norm4 = nn.LayerNorm(channels)
        self.cross_attn_image_to_token = Attention(channels, channels // 2)

    def forward(
        self, tokens: Tensor, patches: Tensor, own: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """own: the tokens as they were before the first block."""
        if not self.is_first:
            tokens = tokens + own
        tokens = self.norm1(tokens + self.self_attn(tokens, tokens, tokens))
        at_patches = patches + positions
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + own, at_patches, patches))
        tokens = self.norm3(tokens + self.mlp(tokens))
        patches = self.norm4(patches + self.cross_attn_image_to_token(at_patches, tokens + own, tokens))
        return tokens, patches


class Attention(nn.Module):
    """inner: width of all heads together. Written out, so that the ONNX graph holds plain products and a softmax."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(channels, inner)
        self.k_proj = nn.Linear(channels, inner)
        self.v_proj = nn.Linear(channels, inner)
        self.out_proj = nn.Linear(inner, channels)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        query, key, value = (
            projected.unflatten(-1, (HEADS, -1)).transpose(1, 2)  # (1, heads, N, d)
            for projected in (self.q_proj(query), self.k_proj(key), self.v_proj(value))
        )
        weights = (query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])).softmax(-1)
        return self.out_proj((weights @ value).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """hidden: layers with a GELU before the last one, which has none."""

    def __init__(self, channels: int, width: int, out: int, hidden: int) -> None:
        super().__init__()
        widths = [channels, *([width] * hidden)]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(before, after), nn.GELU())
            for before, after in zip(widths, widths[1:], strict=False)
        )
        self.fc = nn.Linear(width, out)

    def forward(self, tokens: Tensor) -> Tensor:
        for layer in self.layers:
            tokens = layer(tokens)
        return self.fc(tokens)
