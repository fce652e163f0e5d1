"""Small training data: coloured shapes on noise, with their masks."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from segmentation import rle
from segmentation.training.data.samples import Sample


def shapes(count: int = 4, height: int = 72, width: int = 96) -> list[Sample]:
    """Pictures with a bright disc and a dark rectangle on grey noise; two masks each."""
    samples = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:height, :width]
        radius = rng.uniform(10, 18)
        disc = (x - rng.uniform(20, 40)) ** 2 + (y - rng.uniform(25, 45)) ** 2 < radius**2
        left, top = int(rng.integers(55, 65)), int(rng.integers(8, 30))
        square = np.zeros_like(disc)
        square[top : top + 30, left : left + 25] = True
        pixels = rng.normal(120, 15, (height, width, 3))
        pixels[disc] = (230, 210, 60)
        pixels[square] = (20, 40, 140)
        masks = [rle.encode(disc), rle.encode(square)]
        picture = np.clip(pixels, 0, 255).astype(np.uint8)
        samples.append(Sample("coco", f"{seed}.png", picture, masks, ["instance"] * 2))
    return samples


def write_coco(folder: Path, images: list[dict], annotations: list[dict]) -> None:
    """`instances.json` and a grey PNG for every image of it, of the size it says (`real_size` overrides)."""
    for image in images:
        size = image.pop("real_size", (image["width"], image["height"]))
        if size is not None:
            Image.new("RGB", size, (90, 90, 90)).save(folder / image["file_name"])
    (folder / "instances.json").write_text(json.dumps({"images": images, "annotations": annotations}))
