"""Whose published weights these are, told by the names of their tensors, for the sentence that refuses others."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from segmentation.families.published import CheckpointInvalid


@dataclass(frozen=True)
class Network:
    """
    title             as people call it
    family, variant   by which it is converted here; None where that cannot be said, or it is not known here
    """

    title: str
    family: str | None = None
    variant: str | None = None

    def options(self) -> str:
        """What to give the command; "" where this version does not convert it."""
        family = f"--family {self.family}" if self.family else ""
        return f"{family} --variant {self.variant}" if self.variant else family

    def advice(self) -> str:
        """What to do with its weights, for the end of a sentence."""
        options = self.options()
        return f"convert them with {options}" if options else "this version does not convert them"


# Beginnings of names that only these have. The first line that fits counts. Sources: the reference implementations.
_BEGINNINGS = [
    ("spatial_perceiver.", Network("EdgeTAM", "sam2", "edgetam")),
    ("image_encoder.trunk.body.", Network("EdgeTAM", "sam2", "edgetam")),
    ("vision_encoder.backbone.timm_model.", Network("EdgeTAM", "sam2", "edgetam")),
    ("detector", Network("SAM 3")),
    ("tracker", Network("SAM 3")),
    ("sam_mask_decoder.", Network("SAM 2", "sam2")),
    ("vision_encoder.backbone.blocks.", Network("SAM 2", "sam2")),
    ("prompt_encoder.invalid_points.", Network("EfficientSAM", "efficient_sam")),
    (
        "image_encoder.backbone.stages.5.op_list.6.",
        Network("EfficientViT-SAM-XL1", "sam", "efficientvit_sam_xl1"),
    ),
    ("image_encoder.backbone.stages.5.", Network("EfficientViT-SAM-XL0", "sam", "efficientvit_sam_xl0")),
    (
        "image_encoder.backbone.stages.4.op_list.8.",
        Network("EfficientViT-SAM-L2", "sam", "efficientvit_sam_l2"),
    ),
    (
        "image_encoder.backbone.stages.4.op_list.6.",
        Network("EfficientViT-SAM-L1", "sam", "efficientvit_sam_l1"),
    ),
    ("image_encoder.backbone.stages.4.", Network("EfficientViT-SAM-L0", "sam", "efficientvit_sam_l0")),
    ("image_encoder.fuse_stage2.", Network("EdgeSAM", "sam", "edge_sam")),
    ("image_encoder.features.", Network("RepViT-SAM", "sam", "repvit_sam")),
    # Both have the same network.
    (
        "image_encoder.layers.",
        Network("MobileSAM, or of TinySAM (--variant tiny_sam)", "sam", "mobile_sam"),
    ),
]
# HQ-SAM's own tensors, in its authors' files and in folders of Hugging Face; the rest are those of another network.
_HQ = ("mask_decoder.hf_token.", "mask_decoder.hq_token.")
_HQ_OF: dict[str | None, Network] = {
    "vit_b": Network("HQ-SAM vit_b", "sam", "hq_vit_b"),
    "vit_l": Network("HQ-SAM vit_l", "sam", "hq_vit_l"),
    "vit_h": Network("HQ-SAM vit_h", "sam", "hq_vit_h"),
    "mobile_sam": Network("Light HQ-SAM", "sam", "hq_vit_tiny"),
}
# SAM's own networks differ in their width.
_POSITIONS = ("image_encoder.pos_embed", "vision_encoder.pos_embed")
_WIDTHS = {
    768: Network("Segment Anything vit_b", "sam", "vit_b"),
    1024: Network("Segment Anything vit_l", "sam", "vit_l"),
    1280: Network("Segment Anything vit_h", "sam", "vit_h"),
    384: Network("SlimSAM-50", "sam", "slimsam_50"),
    168: Network("SlimSAM-77", "sam", "slimsam_77"),
}


def recognise(published: Mapping[str, Tensor]) -> Network | None:
    """The network that a published state is of; None where nothing tells."""
    found = _apart_from_hq(published)
    if any(name.startswith(_HQ) for name in published):
        return _HQ_OF.get(found.variant if found else None, Network("HQ-SAM", "sam"))
    return found


def _apart_from_hq(published: Mapping[str, Tensor]) -> Network | None:
    for beginning, network in _BEGINNINGS:
        if any(name.startswith(beginning) for name in published):
            return network
    for name in _POSITIONS:
        if name in published and published[name].ndim == 4:
            return _WIDTHS.get(published[name].shape[-1])
    return None


def refuse_other_families(published: Mapping[str, Tensor], family: str, title: str) -> None:
    """Raises CheckpointInvalid where the weights are another family's than `family`, which people call `title`."""
    found = recognise(published)
    if found and found.family != family:
        raise CheckpointInvalid(f"these are the weights of {found.title}, not of {title}: {found.advice()}")
