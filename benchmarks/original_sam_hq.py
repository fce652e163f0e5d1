r"""The segment-anything-hq package, to compare with: HQ-SAM and Light HQ-SAM as their authors publish them.

It declares torchvision, which this project does without, so it is not among the tests' packages: put it alone into a
folder, and that on PYTHONPATH:

    pip install --no-deps --target DIR segment-anything-hq==0.3

Stand-ins for what it imports of torchvision and timm are there only while it is imported, as in
`tests.segmentation.original_sam`.
"""

import torch
from torch import nn

from segmentation.families.sam.encoders.tiny_vit import TinyVitShape
from segmentation.families.sam.network import SamShape
from segmentation.families.sam.shape import NetworkShape
from tests.segmentation.original_mobile_sam import timm_stand_in
from tests.segmentation.original_sam import torchvision_stand_in

with torchvision_stand_in(), timm_stand_in():
    from segment_anything_hq import SamPredictor, sam_model_registry
    from segment_anything_hq.modeling import (
        ImageEncoderViT,
        MaskDecoderHQ,
        PromptEncoder,
        Sam,
        TinyViT,
        TwoWayTransformer,
    )

__all__ = ["SamPredictor", "build_original_hq", "hq_features", "sam_model_registry"]


def build_original_hq(shape: NetworkShape) -> Sam:
    """The package's `_build_sam` and `build_sam_vit_t` with every size free; for the published shapes
    `sam_model_registry` is equal. Call `eval()` once more after its weights are exchanged: TinyViT keeps what it made
    of its attention biases."""
    side = shape.input_side // shape.patch
    sam = Sam(
        image_encoder=_encoder(shape),
        prompt_encoder=PromptEncoder(
            embed_dim=shape.channels,
            image_embedding_size=(side, side),
            input_image_size=(shape.input_side, shape.input_side),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoderHQ(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(
                depth=2, embedding_dim=shape.channels, mlp_dim=shape.decoder_mlp, num_heads=8
            ),
            transformer_dim=shape.channels,
            iou_head_depth=3,
            iou_head_hidden_dim=shape.iou_width,
            vit_dim=shape.early_width,
        ),
    )
    return sam.eval()


def hq_features(predictor: SamPredictor) -> torch.Tensor:
    """(1, C / 8, 4 h, 4 w) of the present image, as the first lines of the decoder's forward make them."""
    decoder, early = predictor.model.mask_decoder, predictor.interm_features[0].permute(0, 3, 1, 2)
    return decoder.embedding_encoder(predictor.features) + decoder.compress_vit_feat(early)


def _encoder(shape: NetworkShape) -> nn.Module:
    if isinstance(shape, TinyVitShape):
        return TinyViT(
            img_size=shape.input_side,
            embed_dims=list(shape.widths),
            depths=list(shape.depths),
            num_heads=list(shape.heads),
            window_sizes=list(shape.windows),
            drop_path_rate=0.0,
        )
    assert isinstance(shape, SamShape)
    return ImageEncoderViT(
        depth=shape.depth,
        embed_dim=shape.width,
        img_size=shape.input_side,
        mlp_ratio=4,
        norm_layer=lambda width: nn.LayerNorm(width, eps=1e-6),
        num_heads=shape.heads,
        patch_size=shape.patch,
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=shape.global_layers,
        window_size=14,
        out_chans=shape.channels,
    )
