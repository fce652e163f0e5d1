"""RepViT-M1 (Wang et al. 2023, arXiv 2307.09283), EdgeTAM's trunk, as feature maps of its four stages.

Modules are called as timm's `repvit_m1` with `features_only` is, because both published forms of EdgeTAM keep those
names. timm itself would bring torchvision.
"""

from collections import OrderedDict
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

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
            conv1=_Normed(3, widths[0] // 2, 3, stride=2),
            act1=nn.GELU(),
            conv2=_Normed(widths[0] // 2, widths[0], 3, stride=2),
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


def fused(module: nn.Module) -> nn.Module:
    """The module with every normalisation put into the convolution before it, and the three branches of every token
    mixer into one; in evaluation mode."""
    for name, child in module.named_children():
        if isinstance(child, _Normed):
            setattr(module, name, fuse_conv_bn_eval(child.c.eval(), child.bn.eval()))
        elif isinstance(child, _TokenMixer):
            setattr(module, name, child.as_one_convolution())
        else:
            fused(child)
    return module


class _Normed(nn.Module):
    def __init__(self, width: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.c = nn.Conv2d(width, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.c(x))


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
        self.spatial_downsample = _Normed(width, width, 3, stride=2, groups=width)
        self.channel_downsample = _Normed(width, out)
        self.ffn = _ChannelMixer(out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.channel_downsample(self.spatial_downsample(self.pre_block(x)))
        return x + self.ffn(x)


class _Block(nn.Module):
    def __init__(self, width: int, squeezes: bool) -> None:
        super().__init__()
        self.token_mixer = _TokenMixer(width)
        self.se = _SqueezeExcitation(width) if squeezes else nn.Identity()
        self.channel_mixer = _ChannelMixer(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.se(self.token_mixer(x))
        return x + self.channel_mixer(x)


class _TokenMixer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = _Normed(width, width, 3, groups=width)
        self.conv1 = _Normed(width, width, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + self.conv1(x) + x

    @torch.no_grad()
    def as_one_convolution(self) -> nn.Conv2d:
        """A 1 x 1 convolution and the identity are a 3 x 3 one's centre."""
        whole, centre = (fuse_conv_bn_eval(part.c.eval(), part.bn.eval()) for part in (self.conv, self.conv1))
        whole.weight[:, :, 1, 1] += centre.weight[:, :, 0, 0] + 1
        cast("Tensor", whole.bias).add_(cast("Tensor", centre.bias))
        return whole


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
        self.conv1, self.act, self.conv2 = (
            _Normed(width, EXPAND * width),
            nn.GELU(),
            _Normed(EXPAND * width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.act(self.conv1(x)))
