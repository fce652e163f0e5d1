"""Segment Anything (Kirillov et al. 2023, arXiv 2304.02643), put together from the transformers library's parts.

The parts are used as they are; what is here is their joining, because `SamModel.forward` gives either mask 0 or masks
1 to 3, pads prompts by itself, and writes in place where a traced graph must not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from transformers import SamConfig, SamMaskDecoderConfig, SamPromptEncoderConfig, SamVisionConfig
from transformers.models.sam.modeling_sam import (
    SamMaskDecoder,
    SamPromptEncoder,
    SamVisionEncoder,
    SamVisionLayer,
)

from segmentation.bundle import DEFAULT_OUTPUTS, Outputs
from segmentation.families.positions import image_positions
from segmentation.families.sam.encoders import vit
from segmentation.families.sam.encoders.efficientvit import ATTENTION, FUSED, RES, EfficientVitShape
from segmentation.families.sam.encoders.repvit import RepVitShape
from segmentation.families.sam.encoders.tiny_vit import TinyVitShape
from segmentation.families.sam.hq import HQ_FEATURES, EarlyEncoder, HqMaskDecoder
from segmentation.families.sam.shape import NetworkShape
from segmentation.frames import PAD, STRETCH
from segmentation.prompts import PADDING

EMBEDDING_NAME = "image_embeddings"
MASK_THRESHOLD = 0.0
LOW_RES_SIDE = 256


@dataclass(frozen=True, kw_only=True)
class SamShape(NetworkShape):
    """SAM's own image encoder.

    width, depth, heads     of the vision transformer
    global_layers           layers that attend over the whole image; the others over windows of 14 x 14 patches
    mlp                     width of its MLPs; None: four times the width
    """

    width: int
    depth: int
    heads: int
    global_layers: tuple[int, ...]
    mlp: int | None = None

    @property
    def early_width(self) -> int:
        return self.width

    def new_encoder(self) -> nn.Module:
        return VisionEncoder(self.vision_config())

    def vision_config(self) -> SamVisionConfig:
        return SamVisionConfig(
            hidden_size=self.width,
            output_channels=self.channels,
            num_hidden_layers=self.depth,
            num_attention_heads=self.heads,
            mlp_dim=self.mlp,
            image_size=self.input_side,
            patch_size=self.patch,
            global_attn_indexes=self.global_layers,
            num_pos_feats=self.channels // 2,
            attn_implementation="sdpa",  # type: ignore[call-arg]  # taken beside what the configuration declares
        )


class VisionEncoder(SamVisionEncoder):
    """transformers' encoder, giving the tensor itself: by `encoders.vit` on a CPU where no gradients are asked for."""

    def forward(self, pixels: Tensor) -> Tensor:
        if _is_for_the_processor(pixels):
            return vit.encode(self, pixels)
        return super().forward(pixels).last_hidden_state

    def with_early(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding, and (B, width, h, w) after the first layer that attends over the whole image."""
        early = None
        if _is_for_the_processor(pixels):
            image, early = vit.encode_with_early(self, pixels)
        else:
            tokens = self.patch_embed(pixels)
            tokens = tokens if self.pos_embed is None else tokens + self.pos_embed
            for layer in cast("Iterable[SamVisionLayer]", self.layers):
                tokens = layer(tokens)  # (B, h, w, width)
                if early is None and not layer.window_size:
                    early = tokens.permute(0, 3, 1, 2)
            image = self.neck(tokens)
        assert early is not None, "an HQ-SAM has layers that attend over the whole image"
        return image, early


def _is_for_the_processor(pixels: Tensor) -> bool:
    return pixels.device.type == "cpu" and pixels.dtype == torch.float32 and not torch.is_grad_enabled()


_VIT_B = SamShape(title="Segment Anything vit_b", width=768, depth=12, heads=12, global_layers=(2, 5, 8, 11))
_VIT_L = SamShape(
    title="Segment Anything vit_l", width=1024, depth=24, heads=16, global_layers=(5, 11, 17, 23)
)
_VIT_H = SamShape(
    title="Segment Anything vit_h", width=1280, depth=32, heads=16, global_layers=(7, 15, 23, 31)
)
_MOBILE = TinyVitShape(
    title="MobileSAM",
    widths=(64, 128, 160, 320),
    depths=(2, 2, 6, 2),
    heads=(2, 4, 5, 10),
    windows=(7, 7, 14, 7),
)
_L0 = EfficientVitShape(
    title="EfficientViT-SAM-L0", widths=(32, 64, 128, 256, 512), depths=(1, 1, 1, 4, 4), neck_depth=4
)
_XL0 = EfficientVitShape(
    title="EfficientViT-SAM-XL0",
    widths=(32, 64, 128, 256, 512, 1024),
    depths=(0, 1, 1, 2, 3, 3),
    kinds=(RES, FUSED, FUSED, FUSED, ATTENTION, ATTENTION),
    expansions=(1, 4, 4, 4, 4, 6),
    kernel=3,
    neck_depth=6,
    neck_expansion=4,
    halved=False,
)

# Sources: segment-anything, build_sam.py; sam-hq, build_sam.py; MedSAM, MedSAM_Inference.py; SlimSAM, build_sam.py;
# MobileSAM, build_sam.py; TinySAM, build_sam.py, mask_decoder.py and tinysam_zero_shot_ins_eval.py; EdgeSAM,
# rep_vit.py; RepViT, sam/repvit_sam/modeling/repvit.py; efficientvit, sam.py and sam_model_zoo.py. `tiny` is for tests:
# random weights, the whole path in seconds, the shapes everything downstream relies on (1024 pixels in, 256 by 256
# logits out), no attention over all 4096 patches in the encoder.
VARIANTS: dict[str, NetworkShape] = {
    "vit_b": _VIT_B,
    "vit_l": _VIT_L,
    "vit_h": _VIT_H,
    "medsam": replace(
        _VIT_B,
        title="MedSAM",
        pixel_mean=(0.0, 0.0, 0.0),
        pixel_std=(255.0, 255.0, 255.0),
        fit=STRETCH,
        full_contrast=True,
    ),
    "slimsam_50": replace(_VIT_B, title="SlimSAM-50", width=384, mlp=1536),
    "slimsam_77": replace(_VIT_B, title="SlimSAM-77", width=168, mlp=696),
    "mobile_sam": _MOBILE,
    # Its decoder never gives mask 0, and whoever asks takes the best rated of the others, for a box as for a point.
    "tiny_sam": replace(
        _MOBILE, title="TinySAM", outputs=Outputs(count=4, single=None, candidates=(1, 2, 3))
    ),
    "hq_vit_b": replace(_VIT_B, title="HQ-SAM vit_b", high_quality=True),
    "hq_vit_l": replace(_VIT_L, title="HQ-SAM vit_l", high_quality=True),
    "hq_vit_h": replace(_VIT_H, title="HQ-SAM vit_h", high_quality=True),
    "hq_vit_tiny": replace(_MOBILE, title="Light HQ-SAM", high_quality=True),
    "edge_sam": RepVitShape(
        title="EdgeSAM",
        licence="NTU S-Lab License 1.0 (non-commercial use only)",
        widths=(48, 96, 192, 384),
        depths=(3, 3, 15, 2),
        fused=True,
    ),
    "repvit_sam": RepVitShape(
        title="RepViT-SAM", widths=(80, 160, 320, 640), depths=(7, 7, 35, 2), fused=False
    ),
    "efficientvit_sam_l0": _L0,
    "efficientvit_sam_l1": replace(_L0, title="EfficientViT-SAM-L1", depths=(1, 1, 1, 6, 6), neck_depth=8),
    "efficientvit_sam_l2": replace(_L0, title="EfficientViT-SAM-L2", depths=(1, 2, 2, 8, 8), neck_depth=12),
    "efficientvit_sam_xl0": _XL0,
    "efficientvit_sam_xl1": replace(
        _XL0, title="EfficientViT-SAM-XL1", depths=(1, 2, 2, 4, 6, 6), neck_depth=12
    ),
    "tiny": SamShape(width=32, depth=2, heads=2, global_layers=(), channels=32, decoder_mlp=64, iou_width=32),
}
PUBLISHED_VARIANTS = tuple(variant for variant in VARIANTS if variant != "tiny")


class SamNetwork(nn.Module):
    """SAM's image encoder, prompt encoder and mask decoder; `encode_image` and `decode` as `segmentation.families`."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        prompt = SamPromptEncoderConfig(
            hidden_size=shape.channels, image_size=shape.input_side, patch_size=shape.patch
        )
        mask = SamMaskDecoderConfig(
            hidden_size=shape.channels,
            mlp_dim=shape.decoder_mlp,
            iou_head_hidden_dim=shape.iou_width,
            # The original's two-way blocks have torch's default 1e-5; transformers' default of 1e-6 is another network.
            layer_norm_eps=shape.decoder_epsilon,
        )
        # Of the vision's part only the width of the positional encoding counts here.
        vision = SamVisionConfig(num_pos_feats=shape.channels // 2)
        whole = SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=mask)
        # Attention written out, so that the ONNX graph holds plain products and a softmax. Set last, because SamConfig
        # resets it in its parts.
        mask._attn_implementation = "eager"
        self.shape = shape
        self.vision_encoder = shape.new_encoder()
        self.prompt_encoder = SamPromptEncoder(whole)
        self.mask_decoder = (
            HqMaskDecoder(mask, shape.early_width) if shape.high_quality else SamMaskDecoder(mask)
        )

    def encode_image(self, pixels: Tensor) -> dict[str, Tensor]:
        return self.encode_image_by(self.vision_encoder, pixels)

    def encode_image_by(
        self, vision_encoder: Callable[[Tensor], Tensor], pixels: Tensor
    ) -> dict[str, Tensor]:
        """`encode_image` by another one in place of the network's own; for HQ-SAM it is an EarlyEncoder."""
        if self.shape.full_contrast:
            low, high = (limit(pixels, (1, 2, 3), keepdim=True) for limit in (torch.amin, torch.amax))
            pixels = (pixels - low) / (high - low).clamp(min=1e-8)
        if isinstance(self.mask_decoder, HqMaskDecoder):
            image, early = cast("EarlyEncoder", vision_encoder).with_early(pixels)
            return {EMBEDDING_NAME: image, HQ_FEATURES: self.mask_decoder.hq_features(image, early)}
        return {EMBEDDING_NAME: vision_encoder(pixels)}

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
        own_tokens = [decoder.iou_token.weight, decoder.mask_tokens.weight]
        if isinstance(decoder, HqMaskDecoder):
            own_tokens.append(decoder.hq_token.weight)
        points = self._embed_points(point_coords, point_labels)  # (1, N, C)
        tokens = torch.cat([torch.cat(own_tokens)[None], points], dim=1)  # (1, 5 + N, C); 6 + N of HQ-SAM

        _, side, _ = self.shape.embedding_shape
        # transformers has one more axis, for several prompts on one image; it is 1 here.
        tokens, image = decoder.transformer(
            point_embeddings=tokens[:, None],
            image_embeddings=image,
            image_positional_embeddings=image_positions(self.prompt_encoder.shared_embedding, side),
            attention_similarity=None,
        )
        iou_token, mask_tokens = tokens[:, 0, 0], tokens[:, 0, 1 : 1 + decoder.num_mask_tokens]
        image = image[:, 0].transpose(1, 2).unflatten(2, (side, side))  # (1, C, 64, 64)

        upscaled = decoder.activation(decoder.upscale_layer_norm(decoder.upscale_conv1(image)))
        upscaled = decoder.activation(decoder.upscale_conv2(upscaled))  # (1, C / 8, 256, 256)
        networks = enumerate(decoder.output_hypernetworks_mlps)
        filters = torch.stack([network(mask_tokens[:, i]) for i, network in networks], dim=1)  # (1, 4, C / 8)
        low_res_masks = (filters @ upscaled.flatten(2)).unflatten(2, (4 * side, 4 * side))
        if isinstance(decoder, HqMaskDecoder):
            hq_token = tokens[:, 0, 1 + decoder.num_mask_tokens]
            low_res_masks = low_res_masks + decoder.hq_mask(hq_token, upscaled, embedding[HQ_FEATURES])
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


def embedding_shapes(shape: NetworkShape) -> dict[str, list[int]]:
    """Name to [C, h, w] of each tensor that `encode_image` gives."""
    channels, height, width = shape.embedding_shape
    shapes = {EMBEDDING_NAME: [channels, height, width]}
    return shapes | {HQ_FEATURES: [channels // 8, 4 * height, 4 * width]} if shape.high_quality else shapes


def manifest_fields(name: str, variant: str, title: str, licence: str) -> dict:
    """The fields of a SAM bundle's manifest, for `segmentation.bundle.write_manifest`."""
    shape = VARIANTS[variant]
    fields = {
        "name": name,
        "family": "sam",
        "variant": variant,
        "title": title,
        "licence": licence,
        "input_side": shape.input_side,
        "pixel_mean": list(shape.pixel_mean),
        "pixel_std": list(shape.pixel_std),
        "mask_threshold": MASK_THRESHOLD,
        "low_res_side": LOW_RES_SIDE,
        "embedding": embedding_shapes(shape),
    }
    # Left out where it says nothing new: the digests of the bundles that are there cover the keys of their manifests.
    if shape.outputs != DEFAULT_OUTPUTS:
        fields["outputs"] = shape.outputs.as_dict()
    return fields if shape.fit == PAD else {**fields, "fit": shape.fit}
