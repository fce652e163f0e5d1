"""The segment-anything package, to compare with.

Its `__init__` imports torchvision, which this project does without, for three things: resize and to_pil_image (Pillow
does the same for an 8-bit RGB image: torchvision's resize of a PIL image is Image.resize, bilinear by default), and box
operations of the automatic mask generator, which no test calls. A stand-in is in sys.modules only while the package is
imported, so that nobody else takes it for the real one.
"""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image
from torch import nn

from segmentation.families.sam.shape import NetworkShape


def _refuse(*_arguments):
    raise NotImplementedError("box operations of torchvision are not part of the stand-in")


@contextmanager
def torchvision_stand_in() -> Iterator[None]:
    functional = types.ModuleType("torchvision.transforms.functional")
    functional.to_pil_image = Image.fromarray
    functional.resize = lambda image, hw: image.resize((hw[1], hw[0]), Image.Resampling.BILINEAR)
    boxes = types.ModuleType("torchvision.ops.boxes")
    boxes.batched_nms = boxes.box_area = _refuse
    modules = {
        "torchvision": types.ModuleType("torchvision"),
        "torchvision.transforms": types.ModuleType("torchvision.transforms"),
        "torchvision.transforms.functional": functional,
        "torchvision.ops": types.ModuleType("torchvision.ops"),
        "torchvision.ops.boxes": boxes,
    }
    # benchmarks/sam_parity.py has the real one, for another package.
    real = {name: sys.modules[name] for name in modules if name in sys.modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(real)


with torchvision_stand_in():
    from segment_anything import SamPredictor, sam_model_registry
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
    from segment_anything.utils.transforms import ResizeLongestSide

__all__ = ["ResizeLongestSide", "SamPredictor", "build_original", "randomise", "sam_model_registry"]


def build_original(shape: NetworkShape, image_encoder: nn.Module | None = None) -> Sam:
    """segment-anything's `_build_sam` with every size free; for the published shapes `sam_model_registry` is equal.

    Args:
        image_encoder: in place of SAM's own, which only a SamShape describes.
    """
    side = shape.input_side // shape.patch
    sam = Sam(
        image_encoder=image_encoder
        or ImageEncoderViT(
            depth=shape.depth,
            embed_dim=shape.width,
            img_size=shape.input_side,
            # Half a unit more, so that rounding down finds the width itself.
            mlp_ratio=((shape.mlp or 4 * shape.width) + 0.5) / shape.width,
            norm_layer=lambda width: nn.LayerNorm(width, eps=1e-6),
            num_heads=shape.heads,
            patch_size=shape.patch,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=shape.global_layers,
            window_size=14,
            out_chans=shape.channels,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=shape.channels,
            image_embedding_size=(side, side),
            input_image_size=(shape.input_side, shape.input_side),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(
                depth=2, embedding_dim=shape.channels, mlp_dim=shape.decoder_mlp, num_heads=8
            ),
            transformer_dim=shape.channels,
            iou_head_depth=3,
            iou_head_hidden_dim=shape.iou_width,
        ),
    )
    return sam.eval()


@torch.no_grad()
def randomise(sam: Sam, seed: int) -> Sam:
    """Random weights of which every one matters: the tables that start at zero and the norms that start at one too;
    and logits several units wide, as a trained network's are, so that a tolerance of 1e-3 says something."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sam.named_parameters():
        if name.endswith(("pos_embed", "rel_pos_h", "rel_pos_w", "attention_biases")):
            parameter.normal_(std=0.2, generator=generator)
        elif parameter.ndim == 1:
            if name.endswith("weight") and not parameter.any():
                parameter.add_(0.5)
            parameter.add_(torch.empty_like(parameter).normal_(std=0.05, generator=generator))
    for name, buffer in sam.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.1, generator=generator)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5, generator=generator)
    for hypernetwork in sam.mask_decoder.output_hypernetworks_mlps:
        hypernetwork.layers[-1].weight.mul_(100)
    if hasattr(sam.mask_decoder, "hf_mlp"):  # HQ-SAM's, whose features are wider
        sam.mask_decoder.hf_mlp.layers[-1].weight.mul_(10)
    return sam


def photograph(height: int, width: int, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 with smooth shapes and some noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    image = np.stack([x * 255 / width, y * 255 / height, 128 + 100 * np.sin(x / 9 + y / 17)], axis=-1)
    image[(y - height / 2) ** 2 + (x - width / 3) ** 2 < (min(height, width) / 4) ** 2] = (230, 30, 60)
    return np.clip(image + random.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
