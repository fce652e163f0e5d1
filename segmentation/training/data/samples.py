"""Training images: one picture with the masks that people drew on it, from shards or from a COCO folder.

Pictures are kept decoded in memory, masks as RLE: three thousand pictures of 512 pixels are 1.7 GB.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from segmentation import rle
from segmentation.errors import SegmentationError

# How often each source is drawn. Sampling by image would let one data set with many small pictures rule the model.
SOURCE_WEIGHTS = {
    "coco": 4.0, "bsds500": 3.0, "ccp": 2.0, "pennfudan": 1.0, "camvid": 1.0, "facades": 1.0, "endangered_animals": 1.5,
    "feral_cats": 0.7, "pets": 1.0, "kitchen_items": 2.0, "dsb2018": 0.8, "em_membrane": 0.3,
    "synthetic_pages": 0.5, "synthetic_shapes": 0.7,
}  # fmt: skip
DEFAULT_SOURCE_WEIGHT = 0.5
WHOLE_OBJECT_KINDS = frozenset({"instance"})
MIN_SIDE = 8  # pixels of the longer side; a crop of anything smaller can come out with no pixel at all


@dataclass
class Sample:
    """One picture: pixels (H, W, 3) uint8 RGB, its masks as RLE of the same size, each mask's kind and its category.

    `labels` is empty where nobody says what the masks are of.
    """

    source: str
    name: str
    pixels: NDArray[np.uint8]
    masks: list[dict]
    kinds: list[str]
    labels: list[str] = field(default_factory=list)

    def mask(self, index: int) -> NDArray[np.bool_]:
        return rle.decode(self.masks[index])


@dataclass
class ReadReport:
    """What was left out, by reason, so that a bad data set is known before the first hour of training is over."""

    images: int = 0
    masks: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    coco_file: str = ""  # the one that was read
    not_read: list[str] = field(default_factory=list)  # what else in the folder could have been meant

    def __str__(self) -> str:
        file = f" of {self.coco_file}" if self.coco_file else ""
        reasons = (
            ", ".join(f"{count} x {reason}" for reason, count in sorted(self.skipped.items())) or "nothing"
        )
        text = f"{self.images} images, {self.masks} masks{file}; skipped: {reasons}"
        if self.not_read:
            text += f"; not read: {', '.join(self.not_read)} (to read another COCO file, give its own path)"
        return text


class NoTrainingData(SegmentationError, ValueError):
    """The folder holds neither shards nor a COCO file, one of them is damaged, or nothing in it can be used."""


class Unusable(ValueError):
    """One picture or mask that is left out; the text is the reason that `ReadReport` counts."""


def read_pixels(file: Path | BinaryIO) -> NDArray[np.uint8]:
    """A picture, upright: (H, W, 3) uint8 RGB.

    Raises:
        Unusable: it cannot be read, or is too small to train on.
    """
    try:
        with Image.open(file) as image:
            pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception:
        # Pillow raises what damaged bytes lead to: OSError, SyntaxError, struct.error, ValueError ...
        raise Unusable("image file unreadable") from None
    if max(pixels.shape[:2]) < MIN_SIDE:
        raise Unusable(f"image under {MIN_SIDE} pixels")
    return pixels
