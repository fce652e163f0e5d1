"""SAM 2 (Ravi et al. 2024, arXiv 2408.00714) on single images, put together from the transformers library's parts.

The parts are used as they are; what is here is their joining, because `Sam2Model.forward` gives either mask 0 or masks
1 to 3, and decides by the prompt's shape where a traced graph must not. SAM 2.1 is the
same network on single images; EdgeTAM (Zhou et al. 2025, arXiv 2501.07256) has another trunk.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import Sam2MaskDecoderConfig, Sam2PromptEncoderConfig
from transformers.models.sam2.modeling_sam2 import Sam2MaskDecoder, Sam2PromptEncoder

from segmentation.families.positions import image_positions
from segmentation.families.sam2 import stability
from segmentation.families.sam2.vision import HieraShape, RepVitShape, VisionEncoder
from segmentation.families.two_way.weights import FINE_FEATURES, MIDDLE_FEATURES
from segmentation.frames import STRETCH
from segmentation.prompts import BOX_TOP_LEFT, PADDING

# Strides 16, 8 and 4. The two fine ones are what Meta calls high-resolution features.
IMAGE, MIDDLE, FINE = "image_embeddings", MIDDLE_FEATURES, FINE_FEATURES
PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
MASK_THRESHOLD = 0.0
# SAM2ImagePredictor gives low-res logits cut to this, so that no mask input goes beyond it.
LOGIT_LIMIT = 32.0


@dataclass(frozen=True)
class Sam2Shape:
    """What distinguishes the published networks from each other (and from the tests' small ones).

    trunk       of the image encoder
    channels    of the image embedding, the prompt encoder and the mask decoder
    """

    trunk: HieraShape | RepVitShape
    channels: int = 256
    input_side: int = 1024

    @property
    def low_res_side(self) -> int:
        return self.input_side // 4

    @property
    def embedding_shapes(self) -> dict[str, tuple[int, int, int]]:
        """Name -> (C, h, w)."""
        side, channels = self.input_side, self.channels
        return {
            IMAGE: (channels, side // 16, side // 16),
            MIDDLE: (channels // 4, side // 8, side // 8),
            FINE: (channels // 8, side // 4, side // 4),
        }


# Source: sam2, configs/sam2.1/*.yaml and configs/sam2/*.yaml, which agree in this; EdgeTAM, configs/edgetam.yaml.
VARIANTS = {
    "tiny": Sam2Shape(HieraShape(width=96, heads=1, depths=(1, 2, 7, 2), global_blocks=(5, 7, 9))),
    "small": Sam2Shape(HieraShape(width=96, heads=1, depths=(1, 2, 11, 2), global_blocks=(7, 10, 13))),
    "base_plus": Sam2Shape(
        HieraShape(width=112, heads=2, depths=(2, 3, 16, 3), global_blocks=(12, 16, 20), position_grid=14)
    ),
    "large": Sam2Shape(
        HieraShape(
            width=144, heads=2, depths=(2, 6, 36, 4), global_blocks=(23, 33, 43), windows=(8, 4, 16, 8)
        )
    ),
    "edgetam": Sam2Shape(RepVitShape(widths=(48, 96, 192, 384), depths=(2, 2, 14, 2))),
}


class Sam2Network(nn.Module):
    """SAM 2's image encoder, prompt encoder and mask decoder; `encode_image` and `decode` as `segmentation.families`.

    Four masks: 0 answers a clear prompt, 1 to 3 an ambiguous one. The object score has a token in the decoder, which
    the other tokens attend to; the score itself is not asked, as in SAM2ImagePredictor.
    """

    def __init__(self, shape: Sam2Shape) -> None:
        super().__init__()
        mask = Sam2MaskDecoderConfig(
            hidden_size=shape.channels,
            dynamic_multimask_stability_delta=stability.DELTA,
            dynamic_multimask_stability_thresh=stability.THRESHOLD,
        )
        # Attention written out, so that the ONNX graph holds plain products and a softmax.
        mask._attn_implementation = "eager"
        self.shape = shape
        self.vision_encoder = VisionEncoder(shape.trunk, shape.channels, shape.input_side)
        self.prompt_encoder = Sam2PromptEncoder(
            Sam2PromptEncoderConfig(hidden_size=shape.channels, image_size=shape.input_side)
        )
        self.mask_decoder = Sam2MaskDecoder(mask)
        self.no_memory_embedding = nn.Parameter(torch.zeros(1, 1, shape.channels))

    def encode_image(self, pixels: Tensor) -> dict[str, Tensor]:
        image, middle, fine = self.vision_encoder(pixels)
        decoder = self.mask_decoder
        return {
            # A single image is a video's first one, before there is a memory.
            IMAGE: image + self.no_memory_embedding.permute(0, 2, 1)[..., None],
            MIDDLE: decoder.conv_s1(middle),
            FINE: decoder.conv_s0(fine),
        }

    def decode(
        self,
        embedding: dict[str, Tensor],
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        image = embedding[IMAGE] + self._embed_mask(mask_input, has_mask_input)  # (1, C, 64, 64)
        decoder = self.mask_decoder
        own_tokens = [decoder.obj_score_token.weight, decoder.iou_token.weight, decoder.mask_tokens.weight]
        points = self._embed_points(point_coords, point_labels)  # (1, N, C)
        tokens = torch.cat([torch.cat(own_tokens)[None], points], dim=1)  # (1, 6 + N, C)

        _, side, _ = self.shape.embedding_shapes[IMAGE]
        # transformers has one more axis, for several prompts on one image; it is 1 here.
        tokens, image = decoder.transformer(
            point_embeddings=tokens[:, None],
            image_embeddings=image,
            image_positional_embeddings=image_positions(self.prompt_encoder.shared_embedding, side),
            attention_similarity=None,
        )
        iou_token, mask_tokens = tokens[:, 0, 1], tokens[:, 0, 2 : 2 + decoder.num_mask_tokens]
        image = image[:, 0].transpose(1, 2).unflatten(2, (side, side))  # (1, C, 64, 64)

        upscaled = decoder.upscale_conv1(image) + embedding[MIDDLE]
        upscaled = decoder.activation(decoder.upscale_layer_norm(upscaled))  # (1, C / 4, 128, 128)
        upscaled = decoder.activation(
            decoder.upscale_conv2(upscaled) + embedding[FINE]
        )  # (1, C / 8, 256, 256)
        networks = enumerate(decoder.output_hypernetworks_mlps)
        filters = torch.stack([network(mask_tokens[:, i]) for i, network in networks], dim=1)  # (1, 4, C / 8)
        masks = (filters @ upscaled.flatten(2)).unflatten(2, (4 * side, 4 * side))
        return self._with_stable_first(masks, decoder.iou_prediction_head(iou_token))

    def _with_stable_first(self, masks: Tensor, rated: Tensor) -> tuple[Tensor, Tensor]:
        """Mask 0, or in its place the best rated of the others where mask 0 hangs on where its logits are cut.

        Source: sam2, modeling/sam/mask_decoder.py, _dynamic_multimask_via_stability.
        """
        decoder = self.mask_decoder
        stability = decoder._get_stability_scores(masks[:, 0])  # (1,)
        is_stable = stability >= decoder.dynamic_multimask_stability_thresh
        best = rated[:, 1:].argmax(1) + 1
        chosen = torch.where(is_stable, torch.zeros_like(best), best)
        return (
            torch.cat([masks.index_select(1, chosen), masks[:, 1:]], dim=1),
            torch.cat([rated.index_select(1, chosen), rated[:, 1:]], dim=1),
        )

    def _embed_points(self, coords: Tensor, labels: Tensor) -> Tensor:
        """(1, N, 2) model pixels and (1, N) to (1, N, C), or (1, N + 1, C) where there is a box. Sums of products
        instead of indexing, so that a traced graph holds for every N and every label."""
        encoder = self.prompt_encoder
        # + 0.5: a coordinate names a pixel, its centre is meant.
        embedded = encoder.shared_embedding((coords + 0.5) / self.shape.input_side)
        kinds = labels[:, :, None]
        padding = encoder.not_a_point_embed.weight
        embedded = embedded * (kinds != PADDING) + padding * (kinds == PADDING)
        for label in range(encoder.point_embed.num_embeddings):
            embedded = embedded + encoder.point_embed.weight[label] * (kinds == label)
        # SAM pads points only; SAM 2 takes a box as two points and pads it too.
        boxes = embedded[:, labels[0] == BOX_TOP_LEFT]
        return torch.cat([embedded, boxes * 0 + padding], dim=1)

    def _embed_mask(self, mask_input: Tensor, has_mask_input: Tensor) -> Tensor:
        no_mask = self.prompt_encoder.no_mask_embed.weight[:, :, None, None]  # (1, C, 1, 1)
        has_mask = has_mask_input[:, None, None, None]
        given = self.prompt_encoder.mask_embed(mask_input.clamp(-LOGIT_LIMIT, LOGIT_LIMIT))
        return has_mask * given + (1 - has_mask) * no_mask


def manifest_fields(name: str, variant: str, title: str, licence: str) -> dict:
    """The fields of a SAM 2 bundle's manifest, for `segmentation.bundle.write_manifest`."""
    shape = VARIANTS[variant]
    return {
        "name": name,
        "family": "sam2",
        "variant": variant,
        "title": title,
        "licence": licence,
        "input_side": shape.input_side,
        "fit": STRETCH,
        "pixel_mean": list(PIXEL_MEAN),
        "pixel_std": list(PIXEL_STD),
        "mask_threshold": MASK_THRESHOLD,
        "low_res_side": shape.low_res_side,
        "embedding": {tensor: list(sizes) for tensor, sizes in shape.embedding_shapes.items()},
    }
