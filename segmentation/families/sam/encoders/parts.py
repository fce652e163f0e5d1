"""What the light image encoders have in common."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Norm(nn.LayerNorm):
    """Layer norm over the channels of (B, C, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, image: Tensor) -> Tensor:
        last = image.permute(0, 2, 3, 1)
        return functional.layer_norm(last, self.normalized_shape, self.weight, self.bias, self.eps).permute(
            0, 3, 1, 2
        )


class Neck(nn.Module):
    """From a network's features to SAM's image embedding. Source: segment-anything, modeling/image_encoder.py."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, channels, kernel_size=1, bias=False)
        self.layer_norm1 = Norm(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.layer_norm2 = Norm(channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.layer_norm2(self.conv2(self.layer_norm1(self.conv1(features))))


def convolution(width: int, out: int, kernel: int = 1, stride: int = 1) -> nn.Conv2d:
    """With a bias, into which the batch norm after it was folded; keeps the size but for the stride."""
    return nn.Conv2d(width, out, kernel, stride, kernel // 2)


def depthwise(width: int, stride: int = 1) -> nn.Conv2d:
    """3 x 3, each channel by itself; else as `convolution`."""
    return nn.Conv2d(width, width, 3, stride, 1, groups=width)


def channels_last(pixels: Tensor) -> Tensor:
    """The layout in which a processor's convolutions are fastest, and which they keep: TinyViT takes half the time."""
    return pixels.contiguous(memory_format=torch.channels_last)
