"""The names of SAM 2's and EdgeTAM's tensors in Meta's checkpoints and in transformers' modules: one table."""

import re

from segmentation.families.renaming import NameTable

# Source: sam2, modeling/.
_NAMES = [
    ("image_encoder.trunk.patch_embed.proj.", "vision_encoder.backbone.patch_embed.projection."),
    ("image_encoder.trunk.blocks.#.norm#.", "vision_encoder.backbone.blocks.#.layer_norm#."),
    ("image_encoder.trunk.blocks.#.mlp.layers.0.", "vision_encoder.backbone.blocks.#.mlp.proj_in."),
    ("image_encoder.trunk.blocks.#.mlp.layers.1.", "vision_encoder.backbone.blocks.#.mlp.proj_out."),
    ("image_encoder.trunk.body.", "vision_encoder.backbone.timm_model."),
    ("image_encoder.trunk.", "vision_encoder.backbone."),
    ("image_encoder.neck.convs.#.conv.", "vision_encoder.neck.convs.#."),
    (
        "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
        "prompt_encoder.shared_embedding.positional_embedding",
    ),
    ("sam_prompt_encoder.mask_downscaling.0.", "prompt_encoder.mask_embed.conv1."),
    ("sam_prompt_encoder.mask_downscaling.1.", "prompt_encoder.mask_embed.layer_norm1."),
    ("sam_prompt_encoder.mask_downscaling.3.", "prompt_encoder.mask_embed.conv2."),
    ("sam_prompt_encoder.mask_downscaling.4.", "prompt_encoder.mask_embed.layer_norm2."),
    ("sam_prompt_encoder.mask_downscaling.6.", "prompt_encoder.mask_embed.conv3."),
    ("sam_prompt_encoder.", "prompt_encoder."),
    ("sam_mask_decoder.transformer.layers.#.norm#.", "mask_decoder.transformer.layers.#.layer_norm#."),
    ("sam_mask_decoder.transformer.layers.#.mlp.layers.0.", "mask_decoder.transformer.layers.#.mlp.proj_in."),
    (
        "sam_mask_decoder.transformer.layers.#.mlp.layers.1.",
        "mask_decoder.transformer.layers.#.mlp.proj_out.",
    ),
    *(
        (
            f"sam_mask_decoder.transformer.layers.#.{attention}.out_proj.",
            f"mask_decoder.transformer.layers.#.{attention}.o_proj.",
        )
        for attention in ("self_attn", "cross_attn_token_to_image", "cross_attn_image_to_token")
    ),
    (
        "sam_mask_decoder.transformer.final_attn_token_to_image.out_proj.",
        "mask_decoder.transformer.final_attn_token_to_image.o_proj.",
    ),
    (
        "sam_mask_decoder.transformer.norm_final_attn.",
        "mask_decoder.transformer.layer_norm_final_attn.",
    ),
    ("sam_mask_decoder.output_upscaling.0.", "mask_decoder.upscale_conv1."),
    ("sam_mask_decoder.output_upscaling.1.", "mask_decoder.upscale_layer_norm."),
    ("sam_mask_decoder.output_upscaling.3.", "mask_decoder.upscale_conv2."),
    # Three layers each: in, one hidden, out.
    *(
        (f"sam_mask_decoder.{mlp}.layers.{layer}.", f"mask_decoder.{mlp}.{becomes}.")
        for mlp in ("output_hypernetworks_mlps.#", "iou_prediction_head", "pred_obj_score_head")
        for layer, becomes in enumerate(("proj_in", "layers.0", "proj_out"))
    ),
    ("sam_mask_decoder.", "mask_decoder."),
    ("no_mem_embed", "no_memory_embedding"),
]
# Meta has a table of one row for each kind of point, transformers one table for all of them.
POINT_TABLES = [f"sam_prompt_encoder.point_embeddings.{kind}.weight" for kind in range(4)]
POINT_TABLE = "prompt_encoder.point_embed.weight"

# What only videos need, in Meta's checkpoints and in folders of transformers' Sam2VideoModel.
_OF_VIDEOS = re.compile(
    r"(memory_|spatial_perceiver|maskmem_tpos_enc|no_mem_pos_enc|no_obj_|obj_ptr_|mask_downsample|object_pointer_proj|no_object_pointer"
    r"|temporal_positional_encoding_projection_layer|no_memory_positional_encoding"
    r"|occlusion_spatial_embedding_parameter)"
)


_TABLE = NameTable(_NAMES)


def to_transformers(name: str) -> str:
    """The name in `Sam2Network` of a tensor in Meta's checkpoints."""
    return _TABLE.to_transformers(name)


def to_meta(name: str) -> str:
    """The name in Meta's checkpoints of a tensor of `Sam2Network`, or of transformers' Sam2Model."""
    return _TABLE.to_meta(name)


def is_of_videos(name: str) -> bool:
    return _OF_VIDEOS.match(name) is not None


def is_metas(name: str) -> bool:
    """Whether a tensor of images is called so by Meta, not by transformers."""
    return name.startswith(("image_encoder.", "sam_"))
