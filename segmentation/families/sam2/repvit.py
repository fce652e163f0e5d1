"""RepViT-M1 (Wang et al. 2023, arXiv 2307.09283), EdgeTAM's trunk, as feature maps of its four stages.

Modules are called as timm's `repvit_m1` with `features_only` is, because both published forms of EdgeTAM keep those
names; timm itself would bring torchvision. Batch norms and the branches of a token mixer are one convolution here: see
`segmentation.families.folding`.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

SQUEEZE = 4  # by how much the squeeze and excitation narrows
EXPAND = 2  # by how much the channel mixers widen


class RepVit(nn.Sequential):
    """(1, 3, H, W) to the last stage's map; `stages` gives all of them.

    Args:
        widths: channels of each stage, the first at stride 4, each further one at twice that.
        depths: blocks of each stage.
    """

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...]) -> None:
        stem = OrderedDict(
            conv1=nn.Conv2d(3, widths[0] // 2, 3, stride=2, padding=1),
            act1=nn.GELU(),
            conv2=nn.Conv2d(widths[0] // 2, widths[0], 3, stride=2, padding=1),
        )
        stages: OrderedDict[str, nn.Module] = OrderedDict(
            (f"stages_{k}", _Stage(widths[max(0, k - 1)], width, depth))
            for k, (width, depth) in enumerate(zip(widths, depths, strict=True))
        )
        super().__init__(OrderedDict(stem=nn.Sequential(stem), **stages))

    def stages(self, pixels: Tensor) -> list[Tensor]:
        """The four maps (1, C, h, w), strides 4 to 32."""
        # The layout in which a processor's convolutions are fastest, and which they keep.
        maps = [self[0](pixels.contiguous(memory_format=torch.channels_last))]
        for stage in list(self)[1:]:
            maps.append(stage(maps[-1]))
        return maps[1:]


class _Stage(nn.Module):
    def __init__(self, width: int, out: int, depth: int) -> None:
        super().__init__()
        self.downsample = _Downsample(width, out) if width != out else nn.Identity()
        # Every other block looks at the whole image.
        self.blocks = nn.Sequential(*(_Block(out, squeezes=k % 2 == 0) for k in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.downsample(x))


class _Downsample(nn.Module):
    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.pre_block = _Block(width, squeezes=False)
        self.spatial_downsample = nn.Conv2d(width, width, 3, stride=2, padding=1, groups=width)
        self.channel_downsample = nn.Conv2d(width, out, 1)
        self.ffn = _ChannelMixer(out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.channel_downsample(self.spatial_downsample(self.pre_block(x)))
        return x + self.ffn(x)


class _Block(nn.Module):
    def __init__(self, width: int, squeezes: bool) -> None:
        super().__init__()
        self.token_mixer = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.se = _SqueezeExcitation(width) if squeezes else nn.Identity()
        self.channel_mixer = _ChannelMixer(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.se(self.token_mixer(x))
        return x + self.channel_mixer(x)


class _SqueezeExcitation(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        # timm rounds to a multiple of 8, which the published widths are anyway; never below 8.
        narrow = max(8, int(width / SQUEEZE + 4) // 8 * 8)
        self.fc1, self.fc2 = nn.Conv2d(width, narrow, 1), nn.Conv2d(narrow, width, 1)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc2(self.act(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()


class _ChannelMixer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, EXPAND * width, 1), nn.Conv2d(EXPAND * width, width, 1)
        self.act = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.act(self.conv1(x)))
