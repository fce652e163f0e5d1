"""The names of SAM's tensors in Meta's checkpoints and in transformers' modules, by one table read both ways."""

from segmentation.families.renaming import NameTable

# Source: segment-anything, modeling/.
_NAMES = [
    ("image_encoder.patch_embed.proj.", "vision_encoder.patch_embed.projection."),
    ("image_encoder.patch_embed.seq.", "vision_encoder.patch_embed."),  # TinyViT's
    ("image_encoder.features.#.channel_mixer.m.", "vision_encoder.features.#.channel_mixer."),  # RepViT's
    ("image_encoder.fuse_stage3.op_list.0.", "vision_encoder.fuse_stage3."),  # EdgeSAM's
    ("image_encoder.blocks.#.norm#.", "vision_encoder.layers.#.layer_norm#."),
    ("image_encoder.blocks.", "vision_encoder.layers."),
    ("image_encoder.neck.0.", "vision_encoder.neck.conv1."),
    ("image_encoder.neck.1.", "vision_encoder.neck.layer_norm1."),
    ("image_encoder.neck.2.", "vision_encoder.neck.conv2."),
    ("image_encoder.neck.3.", "vision_encoder.neck.layer_norm2."),
    ("image_encoder.", "vision_encoder."),
    (
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
        "prompt_encoder.shared_embedding.positional_embedding",
    ),
    ("prompt_encoder.point_embeddings.", "prompt_encoder.point_embed."),
    ("prompt_encoder.mask_downscaling.0.", "prompt_encoder.mask_embed.conv1."),
    ("prompt_encoder.mask_downscaling.1.", "prompt_encoder.mask_embed.layer_norm1."),
    ("prompt_encoder.mask_downscaling.3.", "prompt_encoder.mask_embed.conv2."),
    ("prompt_encoder.mask_downscaling.4.", "prompt_encoder.mask_embed.layer_norm2."),
    ("prompt_encoder.mask_downscaling.6.", "prompt_encoder.mask_embed.conv3."),
    ("mask_decoder.transformer.layers.#.norm#.", "mask_decoder.transformer.layers.#.layer_norm#."),
    ("mask_decoder.transformer.norm_final_attn.", "mask_decoder.transformer.layer_norm_final_attn."),
    ("mask_decoder.output_upscaling.0.", "mask_decoder.upscale_conv1."),
    ("mask_decoder.output_upscaling.1.", "mask_decoder.upscale_layer_norm."),
    ("mask_decoder.output_upscaling.3.", "mask_decoder.upscale_conv2."),
    # Three layers each: in, one hidden, out.
    (
        "mask_decoder.output_hypernetworks_mlps.#.layers.0.",
        "mask_decoder.output_hypernetworks_mlps.#.proj_in.",
    ),
    (
        "mask_decoder.output_hypernetworks_mlps.#.layers.1.",
        "mask_decoder.output_hypernetworks_mlps.#.layers.0.",
    ),
    (
        "mask_decoder.output_hypernetworks_mlps.#.layers.2.",
        "mask_decoder.output_hypernetworks_mlps.#.proj_out.",
    ),
    ("mask_decoder.iou_prediction_head.layers.0.", "mask_decoder.iou_prediction_head.proj_in."),
    ("mask_decoder.iou_prediction_head.layers.1.", "mask_decoder.iou_prediction_head.layers.0."),
    ("mask_decoder.iou_prediction_head.layers.2.", "mask_decoder.iou_prediction_head.proj_out."),
    # HQ-SAM's. Source: sam-hq, modeling/mask_decoder_hq.py.
    ("mask_decoder.hf_token.", "mask_decoder.hq_token."),
    ("mask_decoder.hf_mlp.layers.0.", "mask_decoder.hq_mask_mlp.proj_in."),
    ("mask_decoder.hf_mlp.layers.1.", "mask_decoder.hq_mask_mlp.layers.0."),
    ("mask_decoder.hf_mlp.layers.2.", "mask_decoder.hq_mask_mlp.proj_out."),
    ("mask_decoder.compress_vit_feat.0.", "mask_decoder.compress_vit_conv1."),
    ("mask_decoder.compress_vit_feat.1.", "mask_decoder.compress_vit_norm."),
    ("mask_decoder.compress_vit_feat.3.", "mask_decoder.compress_vit_conv2."),
    ("mask_decoder.embedding_encoder.0.", "mask_decoder.encoder_conv1."),
    ("mask_decoder.embedding_encoder.1.", "mask_decoder.encoder_norm."),
    ("mask_decoder.embedding_encoder.3.", "mask_decoder.encoder_conv2."),
    ("mask_decoder.embedding_maskfeature.0.", "mask_decoder.mask_conv1."),
    ("mask_decoder.embedding_maskfeature.1.", "mask_decoder.mask_norm."),
    ("mask_decoder.embedding_maskfeature.3.", "mask_decoder.mask_conv2."),
]
# EfficientViT's names have more levels, which are left out.
_NESTED = ("image_encoder.backbone.", "image_encoder.neck.")
_LEVELS = (".backbone.", ".op_list.", ".main.")


_TABLE = NameTable(_NAMES)


def to_transformers(name: str) -> str:
    """The name in `SamNetwork` of a tensor in Meta's checkpoints."""
    if name.startswith(_NESTED):
        for level in _LEVELS:
            name = name.replace(level, ".")
    return _TABLE.to_transformers(name)


def to_meta(name: str) -> str:
    """The name in Meta's checkpoints of a tensor of `SamNetwork`, or of transformers' SamModel."""
    return _TABLE.to_meta(name)
