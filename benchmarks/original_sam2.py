r"""The sam2 package, to compare with; and EdgeTAM, which is the same but for its trunk from timm.

It needs torchvision, which this project does without, so it is not among the tests' packages: put it, its pure-Python
needs and torchvision (for its transforms only) into a folder of their own, and that on PYTHONPATH:

    pip install --no-deps --target DIR torchvision timm hydra-core iopath omegaconf antlr4-python3-runtime==4.9.3 \
        portalocker
    pip download --no-deps --no-build-isolation --no-binary :all: sam2, and unpack the folder sam2 of it into DIR

Package and torchvision are to be those of the torch that is here. Their predictor, networks and transforms run as they
are. Import this module before anything that imports transformers, which imports torchvision where there is one.
"""

import numpy as np
import torch

# torchvision's compiled operators want another build of torch; no transform uses them, but its import names two.
_DECLARED = torch.library.Library("torchvision", "DEF")
for operator in ("nms", "qnms"):
    _DECLARED.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import timm  # noqa: E402
from hydra import compose  # noqa: E402
from hydra.utils import instantiate  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402
from sam2.build_sam import build_sam2  # noqa: E402
from sam2.modeling.backbones.image_encoder import ImageEncoder  # noqa: E402
from sam2.sam2_image_predictor import SAM2ImagePredictor  # noqa: E402

from segmentation.families.sam2.network import LOGIT_LIMIT, VARIANTS, RepVitShape, Sam2Shape  # noqa: E402

_LETTERS = {"tiny": "t", "small": "s", "base_plus": "b+", "large": "l"}


def published_sam2(variant: str, version: str = "2.1") -> torch.nn.Module:
    """A published network with first weights."""
    if isinstance(VARIANTS[variant].trunk, RepVitShape):
        return short_sam2(VARIANTS[variant])
    return build_sam2(f"configs/sam{version}/sam{version}_hiera_{_LETTERS[variant]}.yaml", device="cpu")


def short_sam2(shape: Sam2Shape) -> torch.nn.Module:
    """sam2's own configuration of 2.1 tiny, with the sizes (and for EdgeTAM the trunk) of `shape`, and what build_sam2
    adds to it."""
    config = compose(
        "configs/sam2.1/sam2.1_hiera_t.yaml",
        [
            "++model.sam_mask_decoder_extra_args.dynamic_multimask_via_stability=true",
            "++model.sam_mask_decoder_extra_args.dynamic_multimask_stability_delta=0.05",
            "++model.sam_mask_decoder_extra_args.dynamic_multimask_stability_thresh=0.98",
        ],
    ).model
    OmegaConf.set_struct(config, False)
    config.image_size = shape.input_side
    trunk, neck = config.image_encoder.trunk, config.image_encoder.neck
    is_edgetam = isinstance(shape.trunk, RepVitShape)
    if not is_edgetam:
        trunk.embed_dim, trunk.num_heads = shape.trunk.width, shape.trunk.heads
        trunk.stages, trunk.global_att_blocks = list(shape.trunk.depths), list(shape.trunk.global_blocks)
    neck.d_model = neck.position_encoding.num_pos_feats = shape.channels
    neck.backbone_channel_list = list(reversed(shape.trunk.widths))
    attention, encoder = config.memory_attention, config.memory_encoder
    attention.d_model = attention.layer.d_model = shape.channels
    attention.layer.self_attention.embedding_dim = shape.channels
    attention.layer.cross_attention.embedding_dim = shape.channels
    encoder.in_dim = encoder.fuser.layer.dim = encoder.mask_downsampler.embed_dim = shape.channels
    OmegaConf.resolve(config)
    encoder = None
    if is_edgetam:
        encoder = ImageEncoder(_TimmTrunk(shape.trunk), instantiate(neck), config.image_encoder.scalp)
        # Something that fits, to be replaced: the rest of the network is built without its trunk.
        neck.backbone_channel_list = [768, 384, 192, 96]
    network = instantiate(config, _recursive_=True)
    network.image_encoder = encoder or network.image_encoder
    return network.eval()


class _TimmTrunk(torch.nn.Module):
    """As EdgeTAM's sam2/modeling/backbones/timm.py, with free sizes and without its pretrained weights."""

    def __init__(self, shape: RepVitShape) -> None:
        super().__init__()
        self.body = timm.create_model(
            "repvit_m1",
            features_only=True,
            out_indices=(0, 1, 2, 3),
            embed_dim=shape.widths,
            depth=shape.depths,
        )
        self.channel_list = self.body.feature_info.channels()[::-1]

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        return list(self.body(pixels))


def reference_predictor(network: torch.nn.Module, shape: Sam2Shape) -> SAM2ImagePredictor:
    predictor = SAM2ImagePredictor(network)
    side = shape.input_side  # the predictor writes 256, 128, 64, those of 1024
    predictor._bb_feat_sizes = [(side // stride, side // stride) for stride in (4, 8, 16)]
    return predictor


@torch.no_grad()
def settle_normalisations(network: torch.nn.Module) -> None:
    """Batch normalisations know the mean and the variance of what they see, as after a training, and branches add
    little to what they branch from: otherwise values grow from block to block beyond what float32 tells apart."""
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.weight.mul_(0.4)
        norm.train()
        norm.momentum = 1.0
    network.image_encoder.trunk(torch.randn(1, 3, 512, 512, generator=torch.Generator().manual_seed(0)))
    for norm in norms:
        norm.eval()


def prompt_for_reference(prompt: dict) -> dict:
    """A mask input as the predictor itself would have given it: ours cuts it where it is used."""
    if "mask_input" not in prompt:
        return prompt
    return prompt | {"mask_input": np.clip(prompt["mask_input"], -LOGIT_LIMIT, LOGIT_LIMIT)}
