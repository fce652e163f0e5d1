"""What distinguishes the networks around SAM's decoder from each other."""

from abc import abstractmethod
from dataclasses import dataclass

from torch import nn

from segmentation.bundle import DEFAULT_OUTPUTS, Outputs
from segmentation.frames import PAD

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, kw_only=True)
class NetworkShape:
    """All that they have in common; a subclass for each kind of image encoder.

    title, licence          for people, of the published weights
    channels                of the image embedding, the prompt and the mask decoder
    decoder_mlp             width of the mask decoder's MLPs
    iou_width               width of the IoU head
    input_side, patch       pixels; an embedding's side is their quotient
    pixel_mean, pixel_std   R, G, B in 0..255
    fit                     how an image is brought into the square (`segmentation.frames`)
    batch_norm_epsilon      of the published image encoder
    decoder_epsilon         of the layer norms in the mask decoder's two-way transformer
    full_contrast           the image's smallest value becomes 0 and its largest 1, as MedSAM was trained
    high_quality            HQ-SAM: the decoder has one more token, whose mask is made from early features of the
                            encoder too (`segmentation.families.sam.hq`)
    outputs                 what each of the decoder's four masks is for
    """

    title: str = "Segment Anything"
    licence: str = "Apache-2.0"
    channels: int = 256
    decoder_mlp: int = 2048
    iou_width: int = 256
    input_side: int = 1024
    patch: int = 16
    pixel_mean: tuple[float, float, float] = PIXEL_MEAN
    pixel_std: tuple[float, float, float] = PIXEL_STD
    fit: str = PAD
    batch_norm_epsilon: float = 1e-5
    decoder_epsilon: float = 1e-5
    full_contrast: bool = False
    high_quality: bool = False
    outputs: Outputs = DEFAULT_OUTPUTS

    @property
    def embedding_shape(self) -> tuple[int, int, int]:
        """(C, h, w) of the image embedding."""
        side = self.input_side // self.patch
        return self.channels, side, side

    @property
    def early_width(self) -> int:
        """Channels of the early features that an HQ-SAM takes of this kind of encoder."""
        raise NotImplementedError(f"there is no HQ-SAM with the encoder of {self.title}")

    @abstractmethod
    def new_encoder(self) -> nn.Module:
        """(B, 3, input_side, input_side) to (B, C, h, w); where there is an `early_width`, an EarlyEncoder too."""
