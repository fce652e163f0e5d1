"""Small objects in large pictures: how much better are their masks with an embedding of a region than of the whole?

    python benchmarks/zoom_to_refine.py [BUNDLE] [DATASET] [--limit N] [--pictures N] [--threads N] [--json FILE]

A large picture is a sheet of photographs at their own resolution, so that the masks people drew on them stay exact. The
same prompts (one click, a box, a box with a click) are decoded twice: with the embedding of the whole picture, and with
that of the region for a view in which the object fills about half of the stage, as the workbench chooses it
(`segmentation.regions.region_of_view`). Masks are compared at the picture's full size.

Boundary IoU: of the mask and the target only the pixels within d of their own contour count. Source: Cheng, Girshick,
Dollár, Berg, Kirillov: Boundary IoU, CVPR 2021, arXiv 2103.16562, equation 2. There d is 2 % of the picture's diagonal,
which in a large picture is more than a small object is wide; here it is 2 % of the diagonal of the object's box, and at
least 2 pixels.

BUNDLE: a bundle's name or folder (default pocket). DATASET: a folder of training shards, of which the validation split
is used, or a COCO folder, of which everything is; default: the variable MASKWRIGHT_QUALITY_DATASET. Without either,
blobs cut out of one of scikit-image's photographs lie on others: their masks are exact too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs by its path too

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.interactive_quality import DATASET_VARIABLE, Clicker, iou_of, tight_box
from segmentation import masks
from segmentation.bundle import BundleError
from segmentation.predictor import Predictor, load_predictor
from segmentation.prompts import candidate_order
from segmentation.regions import Region, region_of_view
from segmentation.training.data.dataset import read_dataset
from segmentation.training.data.samples import WHOLE_OBJECT_KINDS, NoTrainingData

TILE = 512  # pixels
SHEET_TILES = (6, 8)  # rows, columns: 3072 x 4096 pixels, 12.6 megapixels
OBJECT_SIDE = (32, 330)  # pixels of the longer side
ROOM = 0.4  # beside an object that is zoomed to, of its longer side; as the workbench does
BOUNDARY_SHARE = 0.02  # of the diagonal of the object's box
MIN_BOUNDARY_PX = 2
SIZES = [(0, 64), (64, 128), (128, 10_000)]  # pixels of an object's longer side, reported apart


@dataclass
class Target:
    """An object: its mask (h, w) in the part of the sheet that begins at (y, x)."""

    x: int
    y: int
    mask: NDArray[np.bool_]


@dataclass
class Measured:
    """One object: name of the prompt -> (IoU, boundary IoU), of the whole picture's embedding and of the region's."""

    side: int
    region: Region
    whole: dict[str, tuple[float, float]]
    refined: dict[str, tuple[float, float]]
    region_s: float


def boundary_iou(mask: NDArray[np.bool_], target: NDArray[np.bool_], distance_px: int) -> float:
    """IoU of what of both (H, W) lies within `distance_px` of their own contours; two empty ones have 0."""
    return iou_of(_rim(mask, distance_px), _rim(target, distance_px))


def _rim(mask: NDArray[np.bool_], distance_px: int) -> NDArray[np.bool_]:
    padded = np.pad(mask, 1).astype(np.uint8)  # the picture's border is a contour too
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=distance_px)[1:-1, 1:-1]
    return mask & (eroded == 0)


def sheets(dataset: str | None, count: int) -> Iterator[tuple[NDArray[np.uint8], list[Target]]]:
    """Large pictures (H, W, 3) with the objects on them, the same ones every time."""
    tiles = _drawn_tiles() if dataset is None else _photographs(dataset)
    rows, columns = SHEET_TILES
    for _ in range(count):
        pixels = np.zeros((rows * TILE, columns * TILE, 3), np.uint8)
        targets = []
        for cell in range(rows * columns):
            tile = next(tiles, None)
            if tile is None:
                break
            y, x = (cell // columns) * TILE, (cell % columns) * TILE
            pixels[y : y + TILE, x : x + TILE] = tile[0]
            targets += [Target(x, y, mask) for mask in tile[1]]
        if targets:
            yield pixels, targets


def _photographs(dataset: str) -> Iterator[tuple[NDArray[np.uint8], list[NDArray[np.bool_]]]]:
    """Photographs, each with its largest small object; what is missing to a tile is mirrored."""
    split = "val" if any(Path(dataset).glob("*.tar")) else None
    samples, _ = read_dataset(dataset, split)
    order = np.random.default_rng(0).permutation(len(samples))
    for sample in (samples[i] for i in order):
        height, width = sample.pixels.shape[:2]
        if max(height, width) > TILE:
            continue
        margins = (TILE - height) // 2, (TILE - width) // 2
        edges = margins[0], TILE - height - margins[0], margins[1], TILE - width - margins[1]
        for index, kind in enumerate(sample.kinds):
            mask = sample.mask(index)
            x0, y0, x1, y1 = tight_box(mask) if mask.any() else (0, 0, 0, 0)
            if kind in WHOLE_OBJECT_KINDS and OBJECT_SIDE[0] <= max(x1 - x0, y1 - y0) <= OBJECT_SIDE[1]:
                framed = cv2.copyMakeBorder(sample.pixels, *edges, cv2.BORDER_REFLECT_101)
                yield framed, [np.pad(mask, (edges[:2], edges[2:]))]
                break


def _drawn_tiles() -> Iterator[tuple[NDArray[np.uint8], list[NDArray[np.bool_]]]]:
    """Blobs of one photograph on another."""
    from skimage import data

    photographs = [
        data.astronaut(),
        data.coffee(),
        data.chelsea(),
        data.rocket(),
        data.immunohistochemistry(),
    ]
    tiles = [cv2.resize(photograph, (TILE, TILE), interpolation=cv2.INTER_AREA) for photograph in photographs]
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:TILE, :TILE].astype(np.float32)
    while True:
        ground, filling = (tiles[k] for k in rng.choice(len(tiles), 2, replace=False))
        middle, radius = rng.uniform(180, 332, 2), rng.uniform(16, 120)
        angle = np.arctan2(y - middle[1], x - middle[0])
        lobes = sum(rng.uniform(-0.12, 0.12) * np.cos(k * angle + rng.uniform(0, 6.28)) for k in range(2, 7))
        inside = radius * (1 + lobes) - np.hypot(x - middle[0], y - middle[1])  # pixels to the contour
        alpha = np.clip(inside + 0.5, 0, 1)[..., None]
        moved = np.roll(filling, tuple(int(n) for n in rng.integers(0, TILE, 2)), axis=(0, 1))
        yield (alpha * moved + (1 - alpha) * ground).astype(np.uint8), [inside > 0]


def measure(
    predictor: Predictor,
    pixels: NDArray[np.uint8],
    whole: dict[str, NDArray[np.float32]],
    targets: list[Target],
) -> Iterator[Measured]:
    """Both ways for each object of a sheet; `whole` is the sheet's embedding."""
    image_hw = pixels.shape[:2]
    for target in targets:
        x0, y0, x1, y1 = tight_box(target.mask) + np.array([target.x, target.y] * 2)
        side = max(x1 - x0, y1 - y0)
        margin = ROOM * side
        region = region_of_view((x0 - margin, y0 - margin, x1 + margin, y1 + margin), image_hw)
        if region is None:
            continue
        start_s = time.perf_counter()
        refined = predictor.encoder.encode(pixels[region.slices], dtype=np.float32)
        region_s = time.perf_counter() - start_s
        ways = []
        for embedding, part in ((whole, None), (refined, region)):
            predictor.set_embedding(embedding, image_hw, region=part)
            ways.append(_scores(predictor, target, (x0, y0, x1, y1)))
        yield Measured(int(side), region, ways[0], ways[1], region_s)


def _scores(
    predictor: Predictor, target: Target, box: tuple[float, float, float, float]
) -> dict[str, tuple[float, float]]:
    click = Clicker(target.mask).next_click(np.zeros_like(target.mask))
    if click is None:
        raise ValueError("the target is empty")
    point = {"point_coords": [[click[0] + target.x, click[1] + target.y]], "point_labels": [1]}
    prompts = {"click": point, "box": {"box": box}, "box and click": point | {"box": box}}
    distance = max(MIN_BOUNDARY_PX, round(BOUNDARY_SHARE * float(np.hypot(box[2] - box[0], box[3] - box[1]))))
    frame = predictor.present_frame()
    scores = {}
    for name, prompt in prompts.items():
        logits, rated = predictor.predict_raw(**prompt)
        count = 1 if name != "box" else 0
        best = candidate_order(rated, predictor.manifest.outputs, count, has_box=name != "click")[0]
        mask = masks.postprocess(logits[best : best + 1], frame)[0] > predictor.manifest.mask_threshold
        full = np.zeros(frame.image_hw, bool)
        height, width = target.mask.shape
        full[target.y : target.y + height, target.x : target.x + width] = target.mask
        both = mask | full
        rows, columns = np.flatnonzero(both.any(1)), np.flatnonzero(both.any(0))
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        scores[name] = iou_of(mask[part], full[part]), boundary_iou(mask[part], full[part], distance)
    return scores


def summarise(rows: list[Measured]) -> dict[str, dict[str, float]]:
    """Means over objects, by prompt."""
    summary = {}
    for prompt in rows[0].whole:
        whole, refined = ([getattr(row, way)[prompt] for row in rows] for way in ("whole", "refined"))
        better = [after[1] > before[1] for before, after in zip(whole, refined, strict=True)]
        summary[prompt] = {
            "iou": _mean(score[0] for score in whole),
            "iou_refined": _mean(score[0] for score in refined),
            "boundary_iou": _mean(score[1] for score in whole),
            "boundary_iou_refined": _mean(score[1] for score in refined),
            "share_better": _mean(better),
        }
    return summary


def _mean(values) -> float:
    return round(statistics.fmean(values), 4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundle", nargs="?", default="pocket")
    parser.add_argument("dataset", nargs="?", default=os.environ.get(DATASET_VARIABLE))
    parser.add_argument("--pictures", type=int, default=1, help="large pictures (default 1)")
    parser.add_argument("--limit", type=int, help="objects in all")
    parser.add_argument("--threads", type=int, default=2, help="of the image encoder (default 2)")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()

    import torch

    torch.set_num_threads(arguments.threads)
    rows: list[Measured] = []
    try:
        predictor = load_predictor(arguments.bundle, device="cpu")
        for pixels, targets in sheets(arguments.dataset, arguments.pictures):
            left = None if arguments.limit is None else arguments.limit - len(rows)
            whole = predictor.encoder.encode(pixels, dtype=np.float32)
            rows += measure(predictor, pixels, whole, targets[:left])
    except (BundleError, NoTrainingData) as error:
        print(error, file=sys.stderr)
        return 1
    if not rows:
        print("No small object was found.", file=sys.stderr)
        return 1

    source = arguments.dataset or "blobs on scikit-image's photographs"
    megapixels = SHEET_TILES[0] * SHEET_TILES[1] * TILE * TILE / 1e6
    print(f"{arguments.bundle} on {source}: {len(rows)} objects in pictures of {megapixels:.1f} megapixels")
    report = {"objects": len(rows), "all": summarise(rows)}
    groups = [("all", rows)]
    for low, high in SIZES:
        part = [row for row in rows if low <= row.side < high]
        if part:
            groups.append((f"{low} to {high} px" if high < 10_000 else f"{low} px and more", part))
    titles = (
        ("objects", 16),
        ("prompt", 14),
        ("n", 4),
        ("IoU", 8),
        ("refined", 8),
        ("boundary", 9),
        ("refined", 8),
    )
    print(*(title.rjust(width) for title, width in titles), "   better")
    for name, part in groups:
        report[name] = summarise(part)
        for prompt, figures in report[name].items():
            print(
                f"{name:>16} {prompt:>14} {len(part):>4} {figures['iou']:8.3f} {figures['iou_refined']:8.3f} "
                f"{figures['boundary_iou']:9.3f} {figures['boundary_iou_refined']:8.3f} {figures['share_better']:8.0%}"
            )
    report["seconds_per_region"] = round(statistics.median(row.region_s for row in rows), 3)
    print(f"a region's embedding: {report['seconds_per_region']} s (median, {arguments.threads} threads)")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
