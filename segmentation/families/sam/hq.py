"""What HQ-SAM (Ke et al. 2023, arXiv 2306.01567) adds to SAM's mask decoder: one more token, whose mask, made from
finer features, is added to each of the others.

Of these features the greater part depends on the image alone: it is a second tensor of the embedding. Names are those
of transformers' SamHQMaskDecoder, which is not used because it makes its masks from the image as it was before it saw
the prompt. Source: sam-hq, modeling/mask_decoder_hq.py.
"""

from typing import Any, Protocol

from torch import Tensor, nn
from torch.nn import functional
from transformers import SamMaskDecoderConfig
from transformers.models.sam.modeling_sam import SamFeedForward, SamMaskDecoder

from segmentation.families.sam.encoders.parts import Norm

HQ_FEATURES = "hq_features"  # the embedding's second tensor


class EarlyEncoder(Protocol):
    """An image encoder that gives its early features too."""

    def with_early(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, side, side) to the image embedding (B, C, h, w) and the early features (B, early_width, h, w)."""
        ...


class HqMaskDecoder(SamMaskDecoder):
    """
    Args:
        config: of SAM's mask decoder.
        early_width: channels of the image encoder's early features.
    """

    def __init__(self, config: SamMaskDecoderConfig, early_width: int) -> None:
        super().__init__(config)
        channels: Any = config.hidden_size
        middle, fine = channels // 4, channels // 8
        self.hq_token = nn.Embedding(1, channels)
        self.hq_mask_mlp = SamFeedForward(channels, channels, fine, 3)
        self.compress_vit_conv1 = _doubled(early_width, channels)
        self.compress_vit_norm = Norm(channels)
        self.compress_vit_conv2 = _doubled(channels, fine)
        self.encoder_conv1 = _doubled(channels, middle)
        self.encoder_norm = Norm(middle)
        self.encoder_conv2 = _doubled(middle, fine)
        self.mask_conv1 = nn.Conv2d(fine, middle, kernel_size=3, padding=1)
        self.mask_norm = Norm(middle)
        self.mask_conv2 = nn.Conv2d(middle, fine, kernel_size=3, padding=1)

    def hq_features(self, image: Tensor, early: Tensor) -> Tensor:
        """image embedding (B, C, h, w) and early features (B, early_width, h, w) to (B, C / 8, 4 h, 4 w)."""
        of_image = self.encoder_conv2(functional.gelu(self.encoder_norm(self.encoder_conv1(image))))
        compressed = functional.gelu(self.compress_vit_norm(self.compress_vit_conv1(early)))
        return of_image + self.compress_vit_conv2(compressed)

    def hq_mask(self, token: Tensor, upscaled: Tensor, features: Tensor) -> Tensor:
        """Logits (1, 1, 4 h, 4 w) to be added to those of every mask.

        Args:
            token: (1, C), as the prompt and the image left it.
            upscaled: (1, C / 8, 4 h, 4 w), from which SAM's own masks are made.
            features: of `hq_features`, (1, C / 8, 4 h, 4 w).
        """
        inner = functional.gelu(self.mask_norm(self.mask_conv1(upscaled)))  # (1, C / 4, 4 h, 4 w)
        mixed = self.hq_mask_mlp(token)  # (1, C / 8): how much of each channel
        # The channels are added up in the convolution's weights, before it, which leaves it a 32nd of its work.
        weight = (mixed @ self.mask_conv2.weight.flatten(1)).unflatten(1, self.mask_conv2.weight.shape[1:])
        bias = mixed @ self.mask_conv2.bias
        of_image = (mixed[:, None] @ features.flatten(2)).unflatten(2, features.shape[2:])
        return functional.conv2d(inner, weight, bias, padding=1) + of_image


def _doubled(width: int, out: int) -> nn.ConvTranspose2d:
    """(B, width, h, w) to (B, out, 2 h, 2 w)."""
    return nn.ConvTranspose2d(width, out, kernel_size=2, stride=2)
