"""EfficientViT (Cai et al. 2022, arXiv 2205.14756) before SAM's decoder: EfficientViT-SAM (arXiv 2402.05008)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from segmentation.families.sam.encoders.parts import Norm, channels_last, convolution, depthwise
from segmentation.families.sam.shape import NetworkShape

HEAD = 32  # channels of an attention head
RES, FUSED, INVERTED, ATTENTION = "res", "fused", "inverted", "attention"


@dataclass(frozen=True, kw_only=True)
class EfficientVitShape(NetworkShape):
    """
    widths, depths      of the stages, each half as large as the one before; the block that begins one is not counted
    kinds, expansions   of their blocks
    kernel              of the attention's second scale
    neck_depth, neck_expansion   of the neck's blocks
    halved              the network sees the image at half the side (L0 to L2), prompts are in pixels of the whole
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    kinds: tuple[str, ...] = (RES, FUSED, FUSED, INVERTED, ATTENTION)
    expansions: tuple[int, ...] = (1, 4, 4, 4, 6)
    kernel: int = 5
    neck_depth: int
    neck_expansion: int = 1
    halved: bool = True
    # The original sets one epsilon for every norm of the whole network, the decoder's too.
    batch_norm_epsilon: float = 1e-6
    decoder_epsilon: float = 1e-6

    def new_encoder(self) -> nn.Module:
        return EfficientVit(self)


class EfficientVit(nn.Module):
    def __init__(self, shape: EfficientVitShape) -> None:
        super().__init__()
        self.halved = shape.halved
        self.stages = nn.ModuleList(_stage(shape, stage) for stage in range(len(shape.widths)))
        self.neck = Neck(shape)
        self.norm = Norm(shape.channels)

    def forward(self, pixels: Tensor) -> Tensor:
        image = channels_last(pixels)
        if self.halved:
            image = functional.avg_pool2d(image, 2)
        stages = []
        for stage in self.stages:
            image = stage(image)
            stages.append(image)
        return self.norm(self.neck(stages[-1], stages[-2], stages[-3]))


class Neck(nn.Module):
    """The last three stages brought to one size and added up."""

    def __init__(self, shape: EfficientVitShape) -> None:
        super().__init__()
        self.side = shape.embedding_shape[1]
        width = shape.channels
        self.input_ops = nn.ModuleList(
            nn.Sequential(convolution(stage, width)) for stage in reversed(shape.widths[-3:])
        )
        self.middle = nn.Sequential(
            *(Fused(width, width, shape.neck_expansion * width, adds=True) for _ in range(shape.neck_depth))
        )
        self.output_ops = nn.ModuleList([nn.Sequential(convolution(width, width))])

    def forward(self, *stages: Tensor) -> Tensor:
        last, middle, first = (
            functional.interpolate(project(stage), (self.side, self.side), mode="bicubic")
            for project, stage in zip(self.input_ops, stages, strict=True)
        )
        return self.output_ops[0](self.middle(last + (middle + first)))


def _stage(shape: EfficientVitShape, stage: int) -> nn.Sequential:
    width, kind, expansion = shape.widths[stage], shape.kinds[stage], shape.expansions[stage]
    if stage == 0:
        begins: nn.Module = Begin(width)
    else:
        before = shape.widths[stage - 1]
        block = Fused if kind == FUSED else Inverted
        begins = block(before, width, 4 * expansion * before, stride=2)
    return nn.Sequential(
        begins, *(_block(kind, width, expansion, shape.kernel) for _ in range(shape.depths[stage]))
    )


def _block(kind: str, width: int, expansion: int, kernel: int) -> nn.Module:
    if kind == RES:
        return Res(width)
    if kind == ATTENTION:
        return AttentionBlock(width, expansion, kernel)
    return (Fused if kind == FUSED else Inverted)(width, width, expansion * width, adds=True)


def _gelu(image: Tensor) -> Tensor:
    return functional.gelu(image, approximate="tanh")


class Begin(nn.Conv2d):
    """The first convolution."""

    def __init__(self, width: int) -> None:
        super().__init__(3, width, 3, 2, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        return _gelu(super().forward(pixels))


class Res(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = convolution(width, width, 3)
        self.conv2 = convolution(width, width, 3)

    def forward(self, image: Tensor) -> Tensor:
        return image + self.conv2(_gelu(self.conv1(image)))


class Fused(nn.Module):
    def __init__(self, width: int, out: int, inner: int, stride: int = 1, adds: bool = False) -> None:
        super().__init__()
        self.adds = adds
        self.spatial_conv = convolution(width, inner, 3, stride)
        self.point_conv = convolution(inner, out)

    def forward(self, image: Tensor) -> Tensor:
        made = self.point_conv(_gelu(self.spatial_conv(image)))
        return image + made if self.adds else made


class Inverted(nn.Module):
    def __init__(self, width: int, out: int, inner: int, stride: int = 1, adds: bool = False) -> None:
        super().__init__()
        self.adds = adds
        self.inverted_conv = convolution(width, inner)
        self.depth_conv = depthwise(inner, stride)
        self.point_conv = convolution(inner, out)

    def forward(self, image: Tensor) -> Tensor:
        made = self.point_conv(_gelu(self.depth_conv(_gelu(self.inverted_conv(image)))))
        return image + made if self.adds else made


class AttentionBlock(nn.Module):
    def __init__(self, width: int, expansion: int, kernel: int) -> None:
        super().__init__()
        self.context_module = LinearAttention(width, kernel)
        self.local_module = Inverted(width, width, expansion * width, adds=True)

    def forward(self, image: Tensor) -> Tensor:
        return self.local_module(self.context_module(image))


class LinearAttention(nn.Module):
    """Attention whose kernel is a ReLU in place of the softmax, so that keys and values are multiplied first; over the
    image itself and over one smoothed by a convolution."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        three = 3 * width
        self.qkv = nn.Conv2d(width, three, 1, bias=False)
        self.aggreg = nn.ModuleList(
            [
                nn.Sequential(
                    nn.Conv2d(three, three, kernel, padding=kernel // 2, groups=three, bias=False),
                    nn.Conv2d(three, three, 1, groups=three // HEAD, bias=False),
                )
            ]
        )
        self.proj = convolution(2 * width, width)

    def forward(self, image: Tensor) -> Tensor:
        qkv = self.qkv(image)
        scales = torch.cat([qkv, self.aggreg[0](qkv)], dim=1)
        # Sums over all pixels overflow float16.
        with torch.autocast(image.device.type, enabled=False):
            attended = self._attend(scales.float())
        return image + self.proj(attended)

    def _attend(self, scales: Tensor) -> Tensor:
        heads = scales.flatten(2).unflatten(1, (-1, 3 * HEAD))  # (B, heads of both scales, 96, h w)
        query, key, value = heads.chunk(3, dim=2)
        query, key = query.relu(), key.relu()
        # One more row of ones gives the sum that the others are divided by.
        mixed = functional.pad(value, (0, 0, 0, 1), value=1) @ key.transpose(-1, -2) @ query
        return (
            (mixed[:, :, :-1] / (mixed[:, :, -1:] + 1e-15))
            .flatten(1, 2)
            .view(len(scales), -1, *scales.shape[2:])
        )
