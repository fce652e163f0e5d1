"""Segment Anything (Kirillov et al. 2023, arXiv 2304.02643), put together from the transformers library's parts.

The parts are used as they are; what is here is their joining, because `SamModel.forward` gives either mask 0 or masks
1 to 3, pads prompts by itself, and writes in place where a traced graph must not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from transformers import SamConfig, SamMaskDecoderConfig, SamPromptEncoderConfig, SamVisionConfig
from transformers.models.sam.modeling_sam import SamMaskDecoder, SamPromptEncoder, SamVisionEncoder

from segmentation.prompts import PADDING

EMBEDDING_NAME = "image_embeddings"
PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
MASK_THRESHOLD = 0.0
LOW_RES_SIDE = 256


@dataclass(frozen=True)
class SamShape:
    """What distinguishes the published networks from each other (and from the tests' small one).

    width, depth, heads     of the vision transformer
    global_layers           layers that attend over the whole image; the others over windows of 14 x 14 patches
    channels                of the image embedding, the prompt and the mask decoder
    decoder_mlp             width of the mask decoder's MLPs
    iou_width               width of the IoU head
    """

    width: int
    depth: int
    heads: int
    global_layers: tuple[int, ...]
    channels: int = 256
    decoder_mlp: int = 2048
    iou_width: int = 256
    input_side: int = 1024
    patch: int = 16

    @property
    def embedding_shape(self) -> tuple[int, int, int]:
        """(C, h, w) of the image embedding."""
        side = self.input_side // self.patch
        return self.channels, side, side


# Source of the first three: segment-anything, build_sam.py. `tiny` is for tests: random weights, the whole path in
# seconds, the shapes everything downstream relies on (1024 pixels in, 256 x 256 logits out), no attention over all
# 4096 patches in the encoder.
VARIANTS = {
    "vit_b": SamShape(width=768, depth=12, heads=12, global_layers=(2, 5, 8, 11)),
    "vit_l": SamShape(width=1024, depth=24, heads=16, global_layers=(5, 11, 17, 23)),
    "vit_h": SamShape(width=1280, depth=32, heads=16, global_layers=(7, 15, 23, 31)),
    "tiny": SamShape(width=32, depth=2, heads=2, global_layers=(), channels=32, decoder_mlp=64, iou_width=32),
}


class SamNetwork(nn.Module):
    """SAM's image encoder, prompt encoder and mask decoder; `encode_image` and `decode` as `segmentation.families`."""

    def __init__(self, shape: SamShape) -> None:
        super().__init__()
        vision = SamVisionConfig(
            hidden_size=shape.width,
            output_channels=shape.channels,
            num_hidden_layers=shape.depth,
            num_attention_heads=shape.heads,
            image_size=shape.input_side,
            patch_size=shape.patch,
            global_attn_indexes=shape.global_layers,
            num_pos_feats=shape.channels // 2,
            attn_implementation="sdpa",  # type: ignore[call-arg]  # taken beside what the configuration declares
        )
        prompt = SamPromptEncoderConfig(
            hidden_size=shape.channels, image_size=shape.input_side, patch_size=shape.patch
        )
        mask = SamMaskDecoderConfig(
            hidden_size=shape.channels,
            mlp_dim=shape.decoder_mlp,
            iou_head_hidden_dim=shape.iou_width,
            # The original's two-way blocks have torch's default 1e-5; transformers' default of 1e-6 is another network.
            layer_norm_eps=1e-5,
        )
        whole = SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=mask)
        # Attention written out, so that the ONNX graph holds plain products and a softmax. Set last, because SamConfig
        # resets it in its parts.
        mask._attn_implementation = "eager"
        self.shape = shape
        self.vision_encoder = SamVisionEncoder(vision)
        self.prompt_encoder = SamPromptEncoder(whole)
        self.mask_decoder = SamMaskDecoder(mask)

    def encode_image(self, pixels: Tensor) -> dict[str, Tensor]:
        return {EMBEDDING_NAME: self.vision_encoder(pixels).last_hidden_state}

    def decode(
        self,
        embedding: dict[str, Tensor],
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        image = embedding[EMBEDDING_NAME] + self._embed_mask(mask_input, has_mask_input)  # (1, C, 64, 64)
        decoder = self.mask_decoder
        own_tokens = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])[None]  # (1, 5, C)
        points = self._embed_points(point_coords, point_labels)  # (1, N, C)
        tokens = torch.cat([own_tokens, points], dim=1)  # (1, 5 + N, C)

        # transformers has one more axis, for several prompts on one image; it is 1 here.
        tokens, image = decoder.transformer(
            point_embeddings=tokens[:, None],
            image_embeddings=image,
            image_positional_embeddings=self._image_positions(),
            attention_similarity=None,
        )
        iou_token, mask_tokens = tokens[:, 0, 0], tokens[:, 0, 1 : 1 + decoder.num_mask_tokens]
        _, side, _ = self.shape.embedding_shape
        image = image[:, 0].transpose(1, 2).unflatten(2, (side, side))  # (1, C, 64, 64)

        upscaled = decoder.activation(decoder.upscale_layer_norm(decoder.upscale_conv1(image)))
        upscaled = decoder.activation(decoder.upscale_conv2(upscaled))  # (1, C / 8, 256, 256)
        networks = enumerate(decoder.output_hypernetworks_mlps)
        filters = torch.stack([network(mask_tokens[:, i]) for i, network in networks], dim=1)  # (1, 4, C / 8)
        low_res_masks = (filters @ upscaled.flatten(2)).unflatten(2, (4 * side, 4 * side))
        return low_res_masks, decoder.iou_prediction_head(iou_token)

    def _embed_points(self, coords: Tensor, labels: Tensor) -> Tensor:
        """(1, N, 2) model pixels and (1, N) to (1, N, C). Sums of products instead of indexing, so that a traced graph
        holds for every N and every label; as segment-anything, utils/onnx.py."""
        encoder = self.prompt_encoder
        # + 0.5: a coordinate names a pixel, its centre is meant.
        centres = (coords + 0.5) / self.shape.input_side
        embedded = encoder.shared_embedding(centres[:, None])[:, 0]
        labels = labels[:, :, None]
        embedded = embedded * (labels != PADDING)
        embedded = embedded + encoder.not_a_point_embed.weight * (labels == PADDING)
        for label, embedding in enumerate(cast("Iterable[nn.Embedding]", encoder.point_embed)):
            embedded = embedded + embedding.weight * (labels == label)
        return embedded

    def _embed_mask(self, mask_input: Tensor, has_mask_input: Tensor) -> Tensor:
        no_mask = self.prompt_encoder.no_mask_embed.weight[:, :, None, None]  # (1, C, 1, 1)
        has_mask = has_mask_input[:, None, None, None]
        return has_mask * self.prompt_encoder.mask_embed(mask_input) + (1 - has_mask) * no_mask

    def _image_positions(self) -> Tensor:
        """(1, C, 64, 64): where each patch's centre lies. Only weights go in, so the ONNX export folds it away."""
        _, side, _ = self.shape.embedding_shape
        weights = self.prompt_encoder.shared_embedding.positional_embedding
        centres = (torch.arange(side, device=weights.device, dtype=weights.dtype) + 0.5) / side
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        return self.prompt_encoder.shared_embedding(torch.stack([x, y], dim=-1)).permute(2, 0, 1)[None]


def manifest_fields(name: str, variant: str, title: str, licence: str) -> dict:
    """The fields of a SAM bundle's manifest, for `segmentation.bundle.write_manifest`."""
    shape = VARIANTS[variant]
    return {
        "name": name,
        "family": "sam",
        "variant": variant,
        "title": title,
        "licence": licence,
        "input_side": shape.input_side,
        "pixel_mean": list(PIXEL_MEAN),
        "pixel_std": list(PIXEL_STD),
        "mask_threshold": MASK_THRESHOLD,
        "low_res_side": LOW_RES_SIDE,
        "embedding": {EMBEDDING_NAME: list(shape.embedding_shape)},
    }
