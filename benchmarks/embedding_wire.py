"""What do float16 and int8 embeddings cost the masks?

    python benchmarks/embedding_wire.py [--prompts 20]

For SAM's decoder with seeded random weights (no trained ones are here) and a synthetic embedding, against float32; and
for `pocket`, trained, on three of scikit-image's photographs, against the float16 that is stored. Prompts of one to
five points.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs by its path too

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

from benchmarks.random_sam import INPUT_SIDE, RandomSam
from segmentation.embedding_file import as_int8, read_embedding, write_embedding
from segmentation.encoder import ImageEncoder
from segmentation.frames import ModelFrame
from segmentation.predictor import load_predictor
from segmentation.prompts import build_prompt_tensors

PHOTOS = ("coffee.png", "astronaut.png", "chelsea.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/embedding_wire.py", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--prompts", type=int, default=20, help="per image (default 20)")
    options = parser.parse_args()
    compare_sam(options.prompts)
    compare_pocket(options.prompts)


def compare_sam(prompts: int) -> None:
    sam = RandomSam(seed=4)
    exact = sam.image_embedding()
    content = write_embedding({"embedding": exact[0]}, "random", (INPUT_SIDE, INPUT_SIDE))
    started = time.perf_counter()
    small = as_int8(content)
    print(f"as_int8: {1000 * (time.perf_counter() - started):.0f} ms for SAM's {len(content) / 1e6:.2f} MB")
    frame = ModelFrame(INPUT_SIDE, INPUT_SIDE, INPUT_SIDE)
    for name, file in (("float16", content), ("int8", small)):
        embedding = read_embedding(file).tensors["embedding"].astype(np.float32)[None]
        rows = []
        for points, labels in random_prompts(prompts, (INPUT_SIDE, INPUT_SIDE)):
            tensors = build_prompt_tensors(frame, point_coords=points, point_labels=labels)
            expected, actual = (sam.decode(one, *tensors, None)[0][0] for one in (exact, embedding))
            rows += compare(expected, actual)
        report(f"SAM, random weights, {name}", len(file), rows)


def compare_pocket(prompts: int) -> None:
    encoder, predictor = ImageEncoder("pocket"), load_predictor("pocket")
    rows: list[tuple[float, float, float]] = []
    size = 0
    for photo in PHOTOS:
        pixels = np.asarray(Image.open(Path(skimage.__file__).parent / "data" / photo).convert("RGB"))
        hw = pixels.shape[:2]
        content = write_embedding(encoder.encode(pixels), "pocket", hw)
        small = as_int8(content)
        size = len(small)
        for points, labels in random_prompts(prompts, hw):
            answers = []
            for file in (content, small):
                predictor.set_embedding(read_embedding(file).tensors, hw)
                answers.append(predictor.predict_raw(point_coords=points, point_labels=labels))
            rows += compare(*(logits for logits, _ in answers))
    report("pocket, trained, int8 against float16", size, rows)


def random_prompts(count: int, image_hw: tuple[int, int]):
    random = np.random.default_rng(0)
    for k in range(count):
        points = random.uniform((0, 0), image_hw[::-1], (1 + k % 5, 2))
        yield points, np.where(np.arange(len(points)) % 3 == 2, 0, 1)


def compare(expected: NDArray, actual: NDArray) -> list[tuple[float, float, float]]:
    """Of each of the masks (4, h, w): largest logit difference, share of signs flipped, IoU."""
    rows = []
    for a, b in zip(
        expected.reshape(-1, *expected.shape[-2:]), actual.reshape(-1, *actual.shape[-2:]), strict=True
    ):
        union = np.sum((a > 0) | (b > 0))
        iou = np.sum((a > 0) & (b > 0)) / union if union else 1.0
        rows.append((float(np.abs(a - b).max()), float(np.mean((a > 0) != (b > 0))), float(iou)))
    return rows


def report(name: str, size: int, rows: list[tuple[float, float, float]]) -> None:
    largest, flipped, iou = np.array(rows).T
    print(
        f"{name}: {size / 1e6:.2f} MB; {len(rows)} masks: logits off by {largest.max():.2g} at most, "
        f"{100 * flipped.mean():.4f} % of signs flipped, IoU mean {iou.mean():.5f}, worst {iou.min():.4f}"
    )


if __name__ == "__main__":
    main()
