"""RepViT (Wang et al. 2023, arXiv 2307.09283) before SAM's decoder: EdgeSAM (arXiv 2312.06660) and RepViT-SAM
(arXiv 2312.05760).

A block's three branches (3 x 3, 1 x 1, identity) are one convolution here: see `segmentation.families.folding`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from segmentation.families.sam.encoders.parts import Neck, channels_last, convolution, depthwise
from segmentation.families.sam.shape import NetworkShape


@dataclass(frozen=True, kw_only=True)
class RepVitShape(NetworkShape):
    """
    widths, depths   of the stages; the block that begins a stage with another width is not counted
    fused            EdgeSAM: stage 3 is halved too, and brought together with stage 2. Else the last stage keeps the
                     size and is all that counts
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    fused: bool

    def new_encoder(self) -> nn.Module:
        return FusedRepVit(self) if self.fused else RepVit(self)


class RepVit(nn.Module):
    def __init__(self, shape: RepVitShape) -> None:
        super().__init__()
        self.features = nn.ModuleList(_blocks(shape))
        self.neck = Neck(shape.widths[-1], shape.channels)

    def forward(self, pixels: Tensor) -> Tensor:
        image = channels_last(pixels)
        for block in self.features:
            image = block(image)
        return self.neck(image)


class FusedRepVit(nn.Module):
    def __init__(self, shape: RepVitShape) -> None:
        super().__init__()
        self.features = nn.ModuleList(_blocks(shape))
        # The last block of the last stage but one.
        self.stage2_end = len(self.features) - 2 - shape.depths[-1]
        self.fuse_stage2 = nn.Conv2d(shape.widths[-2], shape.channels, 1, bias=False)
        self.fuse_stage3 = nn.Conv2d(shape.widths[-1], shape.channels, 1, bias=False)
        self.neck = Neck(shape.channels, shape.channels)

    def forward(self, pixels: Tensor) -> Tensor:
        image = stage2 = channels_last(pixels)
        for number, block in enumerate(self.features):
            image = block(image)
            if number == self.stage2_end:
                stage2 = image
        deep = functional.interpolate(self.fuse_stage3(image), scale_factor=2, mode="bicubic")
        return self.neck(self.fuse_stage2(stage2) + deep)


def _blocks(shape: RepVitShape) -> list[nn.Module]:
    first = shape.widths[0]
    blocks: list[nn.Module] = [
        nn.Sequential(convolution(3, first // 2, 3, 2), nn.GELU(), convolution(first // 2, first, 3, 2))
    ]
    for stage, (width, depth) in enumerate(zip(shape.widths, shape.depths, strict=True)):
        if stage:
            keeps_size = stage == len(shape.widths) - 1 and not shape.fused
            blocks.append(Block(shape.widths[stage - 1], width, stride=1 if keeps_size else 2))
        # Every other block weighs its channels, beginning with the first, but the last never does.
        blocks += [Block(width, width, weighs=n % 2 == 0 and n < depth - 1) for n in range(depth)]
    return blocks


class Block(nn.Module):
    """A block of a stage, or with a stride or another width the one that begins a stage."""

    def __init__(self, width: int, out: int, stride: int = 1, weighs: bool = False) -> None:
        super().__init__()
        begins = width != out
        self.token_mixer = nn.Sequential(
            depthwise(width, stride),
            ChannelWeights(width) if weighs else nn.Identity(),
            *([convolution(width, out)] if begins else []),
        )
        self.channel_mixer = nn.Sequential(convolution(out, 2 * out), nn.GELU(), convolution(2 * out, out))

    def forward(self, image: Tensor) -> Tensor:
        mixed = self.token_mixer(image)
        return mixed + self.channel_mixer(mixed)


class ChannelWeights(nn.Module):
    """Squeeze and excitation (arXiv 1709.01507), by a quarter of the channels, in eights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(8, (width // 4 + 4) // 8 * 8)
        self.fc1 = nn.Conv2d(width, inner, 1)
        self.fc2 = nn.Conv2d(inner, width, 1)

    def forward(self, image: Tensor) -> Tensor:
        mean = image.mean((2, 3), keepdim=True)
        return image * torch.sigmoid(self.fc2(functional.relu(self.fc1(mean))))
