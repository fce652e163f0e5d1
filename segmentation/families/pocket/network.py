"""`pocket`: a small convolutional promptable model with SAM's interface.

Image side: MobileNetV2 (arXiv 1801.04381; batch norm folded, as in the weights training starts from) down to stride
16, then a feature pyramid that gives three maps. Prompt side: points, box and previous logits are drawn as maps (RITM,
arXiv 2102.06583) and added to the image's maps at strides 16, 8 and 4 (late fusion, so that all image work is done
once), together with similarity to the clicked features; residual blocks without any norm (a norm's statistics differ
from click to click).
The network works at any input side that is a multiple of 32; bundles name the side that was validated.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# (expansion, output channels, stride, dilation) of MobileNetV2's blocks at output stride 16.
TRUNK_BLOCKS = (
    [(1, 16, 1, 1)]
    + [(6, 24, 2, 1), (6, 24, 1, 1)]
    + [(6, 32, 2, 1)] + [(6, 32, 1, 1)] * 2
    + [(6, 64, 2, 1)] + [(6, 64, 1, 1)] * 3
    + [(6, 96, 1, 1)] * 3
    + [(6, 160, 1, 1)] + [(6, 160, 1, 2)] * 2
    + [(6, 320, 1, 2)]
)  # fmt: skip
TAPS = {0: "stride2", 2: "stride4", 5: "stride8", 12: "stride16", 16: "deep"}
OUTPUTS = 4  # one mask for a clear prompt, then three candidates
LOGIT_SCALE = 8.0  # previous logits are squashed by tanh(logits / LOGIT_SCALE) before they are read


class Shape(NamedTuple):
    """At strides 16, 8 and 4: the embedding's channels, the decoder's blocks and the neck's."""

    channels: tuple[int, int, int] = (96, 48, 24)
    blocks: tuple[int, int, int] = (4, 2, 1)
    neck_blocks: tuple[int, int, int] = (2, 1, 1)


# The same decoder: what v2 has more is paid once per image.
VARIANTS = {"v1": Shape(), "v2": Shape(neck_blocks=(8, 4, 2))}


class SamePadConv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding: for stride 2 the odd row and column go to the bottom and right."""

    def forward(self, x: Tensor) -> Tensor:
        reach = self.dilation[0] * (self.kernel_size[0] - 1)
        if self.stride[0] == 1:
            return F.conv2d(x, self.weight, self.bias, 1, reach // 2, self.dilation, self.groups)
        before = (reach - 1) // 2
        x = F.pad(x, (before, reach - 1 - before, before, reach - 1 - before))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class InvertedResidual(nn.Module):
    """MobileNetV2's block with its batch norms folded into the biases."""

    def __init__(self, inputs: int, expansion: int, outputs: int, stride: int, dilation: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = nn.Conv2d(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = SamePadConv(hidden, hidden, 3, stride, dilation=dilation, groups=hidden)
        self.project = nn.Conv2d(hidden, outputs, 1)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.expand(x)) if self.expand is not None else x
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.is_residual else y


class Trunk(nn.Module):
    """MobileNetV2 without its head: pixels (B, 3, S, S) -> the maps named in TAPS."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SamePadConv(3, 32, 3, 2)
        blocks, inputs = [], 32
        for expansion, outputs, stride, dilation in TRUNK_BLOCKS:
            blocks.append(InvertedResidual(inputs, expansion, outputs, stride, dilation))
            inputs = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        x = F.relu6(self.stem(pixels))
        taps = {}
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAPS:
                taps[TAPS[index]] = x
        return taps


class Block(nn.Module):
    """Depthwise, then a two-layer mix, added back with a learned, small gain: ConvNeXt's block without its norm."""

    def __init__(self, channels: int, kernel: int, dilation: int = 1, expansion: int = 2) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            channels, channels, kernel, padding=dilation * (kernel // 2), dilation=dilation, groups=channels
        )
        self.widen = nn.Conv2d(channels, channels * expansion, 1)
        self.narrow = nn.Conv2d(channels * expansion, channels, 1)
        self.gain = nn.Parameter(torch.full((1, channels, 1, 1), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gain * self.narrow(F.relu(self.widen(self.depthwise(x))))


class Neck(nn.Module):
    """Feature pyramid: the trunk's maps -> embedding maps at strides 16, 8 and 4."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        wide, middle, fine = shape.channels
        self.from_deep = nn.Conv2d(96 + 320, 2 * wide, 1)
        self.context = nn.Linear(320, 2 * wide)
        blocks16, blocks8, blocks4 = shape.neck_blocks
        self.blocks16 = nn.Sequential(*[Block(2 * wide, 5, dilation=1 + i % 2 * 2) for i in range(blocks16)])
        self.out16 = nn.Conv2d(2 * wide, wide, 1)
        self.lateral8 = nn.Conv2d(32, 2 * middle, 1)
        self.down8 = nn.Conv2d(2 * wide, 2 * middle, 1)
        self.blocks8 = nn.Sequential(*[Block(2 * middle, 5) for _ in range(blocks8)])
        self.out8 = nn.Conv2d(2 * middle, middle, 1)
        # Stride 2 comes folded in, for edges finer than stride 4.
        self.lateral4 = nn.Conv2d(24 + 4 * 16, 2 * fine, 1)
        self.down4 = nn.Conv2d(2 * middle, 2 * fine, 1)
        self.blocks4 = nn.Sequential(*[Block(2 * fine, 3) for _ in range(blocks4)])
        self.out4 = nn.Conv2d(2 * fine, fine, 1)

    def forward(self, taps: dict[str, Tensor]) -> dict[str, Tensor]:
        x = self.from_deep(torch.cat([taps["stride16"], taps["deep"]], 1))
        x = F.relu(x + self.context(taps["deep"].mean((2, 3)))[:, :, None, None])
        x = self.blocks16(x)
        y = self.blocks8(F.relu(self.lateral8(taps["stride8"]) + upsample(self.down8(x))))
        fine = torch.cat([taps["stride4"], F.pixel_unshuffle(taps["stride2"], 2)], 1)
        z = self.blocks4(F.relu(self.lateral4(fine) + upsample(self.down4(y))))
        return {"stride16": self.out16(x), "stride8": self.out8(y), "stride4": self.out4(z)}


class Decoder(nn.Module):
    """Prompt and embedding -> four low-res logit maps and their IoU predictions."""

    POINT_MAPS = 6  # foreground and background: one close and two wide bells each
    BOX_MAPS = 6  # inside, outside-but-boxed, and four relative distances to the edges
    MASK_MAPS = 2  # squashed previous logits, and whether there are any
    SIMILARITY_MAPS = 4  # to clicked foreground, to clicked background: the best and the mean

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        wide, middle, fine = shape.channels
        maps = self.POINT_MAPS + self.BOX_MAPS + self.MASK_MAPS
        self.prompt16 = nn.Conv2d(maps + self.SIMILARITY_MAPS, wide, 3, padding=1)
        self.prompt8 = nn.Conv2d(maps + self.SIMILARITY_MAPS, middle, 3, padding=1)
        self.prompt4 = nn.Conv2d(2 + self.MASK_MAPS + 2 + 1, fine, 3, padding=1)
        self.context = nn.Sequential(
            nn.Linear(3 * wide + 5, 2 * wide), nn.ReLU(), nn.Linear(2 * wide, 2 * wide)
        )
        self.blocks16 = nn.ModuleList(
            [Block(wide, 7, dilation=1 + index % 2) for index in range(shape.blocks[0])]
        )
        self.context_again = nn.Linear(2 * wide, wide)
        self.down8 = nn.Conv2d(wide, middle, 1)
        self.blocks8 = nn.Sequential(*[Block(middle, 5) for _ in range(shape.blocks[1])])
        self.coarse = nn.Conv2d(middle, OUTPUTS, 1)
        self.down4 = nn.Conv2d(middle, fine, 1)
        self.blocks4 = nn.Sequential(*[Block(fine, 3) for _ in range(shape.blocks[2])])
        self.final = nn.Conv2d(fine, 4 * OUTPUTS, 1)  # four logits of each map to a stride-4 cell
        self.click_gain = nn.Parameter(torch.full((2, OUTPUTS), 2.0))
        self.box_gain = nn.Parameter(torch.full((OUTPUTS,), 10.0))  # logits lost a box size outside the box
        self.iou_head = nn.Sequential(
            nn.Linear(OUTPUTS * (middle + 3) + wide, 96), nn.ReLU(), nn.Linear(96, OUTPUTS)
        )

    def forward(
        self,
        embedding: dict[str, Tensor],
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        e16, e8, e4 = embedding["stride16"], embedding["stride8"], embedding["stride4"]
        side = 4.0 * e4.shape[-1]
        points = (point_coords + 0.5) / side  # (B, N, 2), 0..1; a click means the middle of its pixel
        is_foreground = (point_labels == 1).float()  # (B, N)
        is_background = (point_labels == 0).float()

        distance8 = squared_distance(points, e8)  # (B, N, h, w), in units of the side
        bells = []
        for sigma in (0.008, 0.03, 0.12):
            bell = torch.exp(distance8 * (-0.5 / sigma**2))
            bells += [strongest(bell, is_foreground), strongest(bell, is_background)]
        box8, has_box = box_maps(points, point_labels, e8)
        has_mask = has_mask_input[:, None, None, None]
        previous = torch.tanh(mask_input / LOGIT_SCALE) * has_mask  # (B, 1, side / 2, side / 2)
        previous4 = F.avg_pool2d(previous, 2)
        previous8 = F.avg_pool2d(previous4, 2)
        drawn8 = torch.cat([*bells, box8, previous8, has_mask.expand_as(previous8)], 1)

        close = torch.exp(distance8 * (-0.5 / 0.012**2))
        weights8 = close / close.sum((2, 3), keepdim=True).clamp_min(1e-6)
        weights16 = F.avg_pool2d(weights8, 2) * 4
        x_similar = similarity(e16, weights16, is_foreground, is_background)
        y_similar = similarity(e8, weights8, is_foreground, is_background)

        x = F.relu(e16 + self.prompt16(torch.cat([F.avg_pool2d(drawn8, 2), x_similar], 1)))
        # What kind of thing is asked for: features under the clicks, under the box and under the previous mask.
        under_clicks = pooled(e16, (weights16 * is_foreground[:, :, None, None]).sum(1, keepdim=True))
        under_box = pooled(e16, F.avg_pool2d(box8[:, :1], 2))
        under_mask = pooled(e16, F.avg_pool2d(previous8, 2).clamp_min(0))
        counts = torch.stack(
            [is_foreground.sum(1).clamp_max(8) / 8, is_background.sum(1).clamp_max(8) / 8,
             has_box, has_mask_input, previous.clamp_min(0).mean((1, 2, 3))], 1
        )  # fmt: skip
        context = self.context(torch.cat([under_clicks, under_box, under_mask, counts], 1))
        gain, shift = context.chunk(2, 1)
        x = x * (1 + torch.tanh(gain))[:, :, None, None] + shift[:, :, None, None]
        half = len(self.blocks16) // 2
        for index, block in enumerate(self.blocks16):
            if index == half:
                # A second look once the mask has begun to form: the whole image's mean and strongest answers.
                summary = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
                x = x + self.context_again(summary)[:, :, None, None]
            x = block(x)

        y = F.relu(e8 + self.prompt8(torch.cat([drawn8, y_similar], 1)) + upsample(self.down8(x)))
        y = self.blocks8(y)

        distance4 = squared_distance(points, e4)
        near = torch.exp(distance4 * (-0.5 / 0.006**2))
        clicked4 = torch.cat([strongest(near, is_foreground), strongest(near, is_background)], 1)
        coarse = self.coarse(y) - self.box_gain[:, None, None] * outside_box(box8)
        coarse4 = upsample(coarse)
        hint4 = torch.stack([coarse4[:, 0], coarse4[:, 1:].amax(1)], 1) * 0.1
        inside4 = inside_box(points, point_labels, e4) * has_box[:, None, None, None]
        drawn4 = torch.cat([clicked4, previous4, has_mask.expand_as(previous4), hint4, inside4], 1)
        z = F.relu(e4 + self.prompt4(drawn4) + upsample(self.down4(y)))
        z = self.blocks4(z)
        gains = torch.stack([self.click_gain[0], -self.click_gain[1]], 1)  # (OUTPUTS, 2)
        pressed = F.conv2d(clicked4, gains[:, :, None, None])  # the click itself, so that it is obeyed
        logits = F.pixel_shuffle(self.final(z), 2) + upsample(coarse4 + pressed)

        return logits, self._predict_iou(logits.detach(), y, x)

    def _predict_iou(self, logits: Tensor, y: Tensor, x: Tensor) -> Tensor:
        soft = F.avg_pool2d(torch.sigmoid(logits), 4)  # (B, 4, h8, w8)
        area = soft.mean((2, 3))
        features = torch.einsum("bohw,bchw->boc", soft, y) / (soft.sum((2, 3)) + 1.0)[:, :, None]
        unsure = (soft * (1 - soft)).mean((2, 3)) / (area + 1e-3)
        sharp = torch.tanh(logits.abs().mean((2, 3)) / LOGIT_SCALE)
        stats = torch.cat([features, torch.stack([area.sqrt(), unsure, sharp], 2)], 2).flatten(1)
        return torch.sigmoid(self.iou_head(torch.cat([stats, x.mean((2, 3))], 1)))


class PocketModel(nn.Module):
    """The network of family `pocket`; see `segmentation.families.PromptableModel` for the interface.

    Args:
        variant: key into VARIANTS.

    Raises:
        KeyError: an unknown variant.
    """

    def __init__(self, variant: str = "v1") -> None:
        super().__init__()
        shape = VARIANTS[variant]
        self.trunk = Trunk()
        self.neck = Neck(shape)
        self.decoder = Decoder(shape)

    def take_weights(self, weights: dict[str, Tensor]) -> None:
        """Loads the weights of the same or of a smaller variant; blocks that it lacks then begin as the identity.

        Raises:
            RuntimeError: weights are left over, lacking in another place than a neck's block, or of another shape.
        """
        missing, unexpected = self.load_state_dict(weights, strict=False)
        wrong = [*unexpected, *(name for name in missing if not name.startswith("neck.blocks"))]
        if wrong:
            raise RuntimeError(f"these weights are of another network: {', '.join(wrong[:5])}")
        for name in missing:
            if ".narrow." in name:
                nn.init.zeros_(self.get_parameter(name))

    def encode_image(self, pixels: Tensor) -> dict[str, Tensor]:
        """pixels (B, 3, S, S), normalised, S a multiple of 32 -> maps at strides 16, 8 and 4, (B, C, S/s, S/s)."""
        return self.neck(self.trunk(pixels))

    def decode(
        self,
        embedding: dict[str, Tensor],
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Decodes one prompt per batch entry.

        Args:
            embedding: what `encode_image` gave, (B, C, S/s, S/s) each.
            point_coords: (B, N, 2), x then y, in model pixels (0..S).
            point_labels: (B, N): 1 foreground, 0 background, 2/3 box corners, -1 padding.
            mask_input: (B, 1, S/2, S/2), the logits fed back.
            has_mask_input: (B,), 1 where mask_input counts, else 0.

        Returns:
            low_res_masks (B, 4, S/2, S/2) logits and iou_predictions (B, 4).
        """
        return self.decoder(embedding, point_coords, point_labels, mask_input, has_mask_input)


def upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def squared_distance(points: Tensor, like: Tensor) -> Tensor:
    """points (B, N, 2) in 0..1 -> (B, N, h, w): squared distance to each cell's centre, in units of the side."""
    height, width = like.shape[-2:]
    xs = (torch.arange(width, device=points.device, dtype=points.dtype) + 0.5) / width
    ys = (torch.arange(height, device=points.device, dtype=points.dtype) + 0.5) / height
    dx = (points[:, :, 0:1] - xs) ** 2  # (B, N, w)
    dy = (points[:, :, 1:2] - ys) ** 2  # (B, N, h)
    return dy[:, :, :, None] + dx[:, :, None, :]


def strongest(maps: Tensor, counts: Tensor) -> Tensor:
    """maps (B, N, h, w), counts (B, N) of 0/1 -> (B, 1, h, w): the maximum over those that count, 0 without any."""
    return (maps * counts[:, :, None, None]).amax(1, keepdim=True)


def box_maps(points: Tensor, labels: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Draws the box: (B, 6, h, w), all 0 without one, and has_box (B,)."""
    is_first = (labels == 2).to(points)
    is_second = (labels == 3).to(points)
    has_box = is_first.amax(1)
    x0y0 = (points * is_first[:, :, None]).sum(1)  # (B, 2)
    x1y1 = (points * is_second[:, :, None]).sum(1)
    size = (x1y1 - x0y0).clamp_min(1e-3)
    height, width = like.shape[-2:]
    xs = (torch.arange(width, device=points.device, dtype=points.dtype) + 0.5) / width
    ys = (torch.arange(height, device=points.device, dtype=points.dtype) + 0.5) / height
    left = xs - x0y0[:, 0:1]  # (B, w), positive inside
    right = x1y1[:, 0:1] - xs
    top = ys - x0y0[:, 1:2]
    bottom = x1y1[:, 1:2] - ys
    inside = inside_box(points, labels, like)
    relative_x = torch.stack([left, right], 1) / size[:, None, 0:1]  # (B, 2, w)
    relative_y = torch.stack([top, bottom], 1) / size[:, None, 1:2]
    relative_x = relative_x.clamp(-1, 1.5)[:, :, None, :].expand(-1, -1, height, -1)
    relative_y = relative_y.clamp(-1, 1.5)[:, :, :, None].expand(-1, -1, -1, width)
    maps = torch.cat([inside, 1 - inside, relative_x, relative_y], 1)
    return maps * has_box[:, None, None, None], has_box


def inside_box(points: Tensor, labels: Tensor, like: Tensor) -> Tensor:
    """(B, 1, h, w): 1 inside the box, 0 outside, half a cell soft at its edges."""
    x0y0 = (points * (labels == 2).to(points)[:, :, None]).sum(1)  # (B, 2)
    x1y1 = (points * (labels == 3).to(points)[:, :, None]).sum(1)
    height, width = like.shape[-2:]
    xs = (torch.arange(width, device=points.device, dtype=points.dtype) + 0.5) / width
    ys = (torch.arange(height, device=points.device, dtype=points.dtype) + 0.5) / height
    to_x = torch.minimum(xs - x0y0[:, 0:1], x1y1[:, 0:1] - xs)  # (B, w), positive inside
    to_y = torch.minimum(ys - x0y0[:, 1:2], x1y1[:, 1:2] - ys)
    soft_x, soft_y = torch.sigmoid(to_x * (2.0 * width)), torch.sigmoid(to_y * (2.0 * height))
    return (soft_y[:, :, None] * soft_x[:, None, :])[:, None]


def outside_box(box_maps: Tensor) -> Tensor:
    """How far outside the box, in box sizes, at most 1: (B, 1, h, w), 0 inside and without a box."""
    return F.relu(-box_maps[:, 2:].amin(1, keepdim=True))


def similarity(features: Tensor, weights: Tensor, is_foreground: Tensor, is_background: Tensor) -> Tensor:
    """How alike every place is to the clicked ones: (B, 4, h, w), foreground best and mean, background best and mean.

    features (B, C, h, w); weights (B, N, h, w), each click's, summing to 1.
    """
    batch, channels, height, width = features.shape
    flat = features.flatten(2)  # (B, C, hw)
    unit = flat / (flat.square().sum(1, keepdim=True) + 1e-4).sqrt()
    clicked = torch.matmul(weights.flatten(2), unit.transpose(1, 2))  # (B, N, C)
    alike = torch.matmul(clicked, unit).unflatten(2, (height, width))  # (B, N, h, w)
    maps = []
    for counts in (is_foreground, is_background):
        maps.append(strongest(alike + 1, counts))
        maps.append(
            (alike * counts[:, :, None, None]).sum(1, keepdim=True)
            / counts.sum(1).clamp_min(1)[:, None, None, None]
        )
    return torch.cat(maps, 1)


def pooled(features: Tensor, weights: Tensor) -> Tensor:
    """features (B, C, h, w), weights (B, 1, h, w), not negative -> (B, C): the weighted mean, near 0 without weight."""
    total = (features * weights).sum((2, 3))
    return total / (weights.sum((2, 3)) + 0.05)
