"""EfficientSAM (Xiong et al. 2023, arXiv 2312.00863), put together."""

from dataclasses import dataclass

from torch import Tensor, nn

from segmentation.bundle import Outputs
from segmentation.families.efficient_sam.decoder import MaskDecoder, PromptEncoder
from segmentation.families.efficient_sam.encoder import ImageEncoder
from segmentation.frames import STRETCH

FAMILY_NAME = "efficient_sam"
EMBEDDING_NAME = "image_embeddings"
LICENCE = "Apache-2.0"
# 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225 of 0..1.
PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
MASK_THRESHOLD = 0.0
# Its own code asks for the three masks of an ambiguous prompt whatever the prompt is, and takes the best rated.
OUTPUTS = Outputs(count=3, single=None, candidates=(0, 1, 2))


@dataclass(frozen=True, kw_only=True)
class EfficientSamShape:
    """What distinguishes the published networks from each other (and from the tests' small ones).

    title           for people
    width, heads, depth     of the image encoder
    channels        of the image embedding and the decoder
    decoder_mlp     width of the decoder's MLPs
    iou_width       width of the IoU head
    input_side, patch       pixels; an embedding's side is their quotient
    """

    title: str
    width: int
    heads: int
    depth: int = 12
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


# Source: EfficientSAM, efficient_sam/build_efficient_sam.py and efficient_sam.py.
VARIANTS = {
    "ti": EfficientSamShape(title="EfficientSAM-Ti", width=192, heads=3),
    "s": EfficientSamShape(title="EfficientSAM-S", width=384, heads=6),
}


class EfficientSamNetwork(nn.Module):
    """EfficientSAM's image encoder, prompt encoder and mask decoder; `encode_image` and `decode` as
    `segmentation.families`. Its tensors are called as in the published files."""

    def __init__(self, shape: EfficientSamShape) -> None:
        super().__init__()
        self.shape = shape
        self.image_encoder = ImageEncoder(shape.width, shape.depth, shape.heads, shape.channels, shape.patch)
        self.prompt_encoder = PromptEncoder(shape.channels, shape.input_side)
        self.mask_decoder = MaskDecoder(shape.channels, shape.decoder_mlp, shape.iou_width)

    def encode_image(self, pixels: Tensor) -> dict[str, Tensor]:
        return {EMBEDDING_NAME: self.image_encoder(pixels)}

    def decode(
        self,
        embedding: dict[str, Tensor],
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        image = embedding[EMBEDDING_NAME]
        # The network takes no mask. Nothing of it counts, but the graph keeps the inputs that every decoder has.
        nothing = 0 * (has_mask_input + mask_input[:, 0, 0, 0])[:, None, None]
        points = self.prompt_encoder(point_coords, point_labels) + nothing
        positions = self.prompt_encoder.image_positions(self.shape.embedding_shape[-1])
        return self.mask_decoder(image, positions, points)


def manifest_fields(name: str, variant: str, title: str, licence: str) -> dict:
    """The fields of an EfficientSAM bundle's manifest, for `segmentation.bundle.write_manifest`."""
    shape = VARIANTS[variant]
    return {
        "name": name,
        "family": FAMILY_NAME,
        "variant": variant,
        "title": title,
        "licence": licence,
        "input_side": shape.input_side,
        "fit": STRETCH,
        "takes_mask": False,
        "pixel_mean": list(PIXEL_MEAN),
        "pixel_std": list(PIXEL_STD),
        "mask_threshold": MASK_THRESHOLD,
        "low_res_side": 4 * shape.embedding_shape[-1],
        "embedding": {EMBEDDING_NAME: list(shape.embedding_shape)},
        "outputs": OUTPUTS.as_dict(),
    }
