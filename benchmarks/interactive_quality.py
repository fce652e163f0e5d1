"""How good are a bundle's masks, click by click, and beside two classical methods?

    python benchmarks/interactive_quality.py [BUNDLE] [DATASET] [--limit N] [--json FILE]

The protocol of RITM (arXiv 2102.06583, section 4): the next click goes to the place deepest inside the largest error,
at most 20 clicks. The mask at one click is the candidate the model itself rates best, from the second click on the
single-mask output with the previous logits fed back. NoC@t is the mean number of clicks until the IoU reaches t; a mask
that never does counts 20 and is a failure. IoUs are taken at image size (larger pictures are first reduced to 640).
GrabCut gets the same box, flood fill the same first click.

BUNDLE: a bundle's name or folder (default pocket). DATASET: a folder of training shards, of which the validation split
is used, or a COCO folder, of which everything is; default: the variable MASKWRIGHT_QUALITY_DATASET.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs by its path too

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation import masks
from segmentation.bundle import BundleError
from segmentation.predictor import Predictor, load_predictor
from segmentation.prompts import candidate_order
from segmentation.quality import Quality, write_quality
from segmentation.training.data.dataset import is_sharded, read_dataset
from segmentation.training.data.samples import WHOLE_OBJECT_KINDS, NoTrainingData, Sample

DATASET_VARIABLE = "MASKWRIGHT_QUALITY_DATASET"
REPORTED_CLICKS = (1, 2, 3, 5, 10)
THRESHOLDS = (0.80, 0.85, 0.90)
MIN_AREA = 64  # pixels; of smaller masks the annotators' own error is most
FLOOD_TOLERANCE = 20  # per channel, 0..255, from the clicked colour
GRABCUT_ITERATIONS = 5
DOMAINS = {
    "coco": "everyday", "bsds500": "natural regions", "ccp": "people", "pennfudan": "people", "camvid": "streets",
    "facades": "buildings", "endangered_animals": "animals", "feral_cats": "animals", "pets": "animals",
    "kitchen_items": "things", "small_items": "things", "medical_waste": "things", "food": "food",
    "mushrooms": "plants", "dsb2018": "microscopy", "em_membrane": "microscopy",
}  # fmt: skip
# What a mask of mixed sources is of says more than where it is from.
MIXED_SOURCES = frozenset({"coco", "camvid", "facades"})
LABEL_DOMAINS = {
    **dict.fromkeys(["person", "pedestrian"], "people"),
    **dict.fromkeys(
        ["airplane", "bicycle", "bicyclist", "boat", "bus", "car", "motorcycle", "train", "truck"], "vehicles"
    ),
    **dict.fromkeys(
        ["bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"], "animals"
    ),
    **dict.fromkeys(
        [
            "apple",
            "banana",
            "broccoli",
            "cake",
            "carrot",
            "donut",
            "fruit",
            "hot dog",
            "orange",
            "pizza",
            "sandwich",
        ],
        "food",
    ),
    **dict.fromkeys(["grass-merged", "potted plant", "tree", "tree-merged", "vegetation"], "plants"),
    **dict.fromkeys(["building", "building-other-merged", "house"], "buildings"),
}


@dataclass
class Measured:
    """One mask: IoU after each click (held once the mask is perfect), and the rest that is measured on it."""

    source: str
    is_whole_object: bool
    area: int
    label: str
    click_ious: list[float]
    oracle: float
    single: float
    box: float
    grabcut: float
    flood: float
    # (predicted, real) of every candidate at one click, and of every mask that was shown
    candidate_pairs: list[tuple[float, float]] = field(default_factory=list)
    shown_pairs: list[tuple[float, float]] = field(default_factory=list)

    @property
    def domain(self) -> str:
        """What kind of picture or thing; empty for data sets that this file does not know."""
        by_label = LABEL_DOMAINS.get(self.label) if self.source in MIXED_SOURCES else None
        return by_label or DOMAINS.get(self.source, "")

    def iou_after(self, clicks: int) -> float:
        return self.click_ious[min(clicks, len(self.click_ious)) - 1]

    def clicks_to(self, threshold: float, max_clicks: int) -> tuple[int, bool]:
        """(clicks needed, whether it was reached within max_clicks)."""
        for count, iou in enumerate(self.click_ious[:max_clicks], 1):
            if iou >= threshold:
                return count, True
        return max_clicks, False


class Clicker:
    """Says where to click next on one target, never twice at the same pixel.

    Source: RITM, isegm/inference/clicker.py.
    """

    def __init__(self, target: NDArray[np.bool_]) -> None:
        self._target = target
        self._is_free = np.ones_like(target)

    def next_click(self, mask: NDArray[np.bool_]) -> tuple[int, int, int] | None:
        """(x, y, label) for a mask (H, W): label 1 where it misses, 0 where it is too much; None where nothing is."""
        depths = []
        for wrong in (self._target & ~mask, mask & ~self._target):
            # The picture's border counts as outside, hence the frame of one pixel.
            depth = cv2.distanceTransform(np.pad(wrong, 1).astype(np.uint8), cv2.DIST_L2, 0)[1:-1, 1:-1]
            depths.append(depth * self._is_free)
        missed, too_much = depths
        label = int(missed.max() > too_much.max())
        depth = missed if label else too_much
        if depth.max() == 0:
            return None
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        self._is_free[y, x] = False
        return int(x), int(y), label


def iou_of(mask: NDArray[np.bool_], target: NDArray[np.bool_]) -> float:
    """Intersection over union; two empty masks have 0."""
    union = np.count_nonzero(mask | target)
    return np.count_nonzero(mask & target) / union if union else 0.0


def measure(
    predictor: Predictor,
    pixels: NDArray[np.uint8],
    target: NDArray[np.bool_],
    max_clicks: int,
    source: str = "",
    is_whole_object: bool = True,
    label: str = "",
) -> Measured:
    """Measures everything on one target (H, W) of the picture that `predictor` holds."""
    threshold = predictor.manifest.mask_threshold

    def shown(low_res_logits: NDArray[np.float32]) -> NDArray[np.bool_]:
        return masks.postprocess(low_res_logits, predictor.frame) > threshold

    clicker = Clicker(target)
    first = clicker.next_click(np.zeros_like(target))
    if first is None:
        raise ValueError("the target is empty")
    x, y, _ = first
    points, labels = [[x, y]], [1]
    logits, rated = predictor.predict_raw(np.array(points), np.array(labels))
    outputs = shown(logits)
    real = [iou_of(mask, target) for mask in outputs]
    roles = predictor.manifest.outputs
    best = candidate_order(rated, roles, point_count=1)[0]
    candidates = list(roles.candidates)
    result = Measured(
        source, is_whole_object, int(target.sum()), label, [real[best]], max(real[k] for k in candidates),
        real[candidate_order(rated, roles, point_count=2)[0]], 0.0, 0.0, 0.0,
        [(float(rated[k]), real[k]) for k in candidates], [(float(rated[best]), real[best])],
    )  # fmt: skip
    mask, previous = outputs[best], logits[best : best + 1]
    while len(result.click_ious) < max_clicks:
        # Past the last reported count only NoC is still open, and only until its highest threshold is reached.
        if len(result.click_ious) >= REPORTED_CLICKS[-1] and max(result.click_ious) >= THRESHOLDS[-1]:
            break
        click = clicker.next_click(mask)
        if click is None:
            break
        points.append([click[0], click[1]])
        labels.append(click[2])
        logits, rated = predictor.predict_raw(np.array(points), np.array(labels), mask_input=previous)
        answer = candidate_order(rated, roles, point_count=2)[0]
        previous = logits[[answer]]
        mask = shown(previous)[0]
        iou = iou_of(mask, target)
        result.click_ious.append(iou)
        result.shown_pairs.append((float(rated[answer]), iou))

    box_xyxy = tight_box(target)
    logits, rated = predictor.predict_raw(box=box_xyxy)
    answer = candidate_order(rated, roles, point_count=0, has_box=True)[0]
    result.box = iou_of(shown(logits[[answer]])[0], target)
    result.grabcut = iou_of(grabcut(pixels, box_xyxy), target)
    result.flood = iou_of(flood(pixels, x, y), target)
    return result


def tight_box(target: NDArray[np.bool_]) -> NDArray[np.float64]:
    """box_xyxy in image pixels; the right and bottom edges are those of the last pixels."""
    rows, columns = np.flatnonzero(target.any(1)), np.flatnonzero(target.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def grabcut(pixels: NDArray[np.uint8], box_xyxy: NDArray[np.float64]) -> NDArray[np.bool_]:
    """OpenCV's GrabCut from a box; the box itself where GrabCut cannot work (nothing is left outside it)."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = (int(edge) for edge in box_xyxy)
    boxed = np.zeros((height, width), bool)
    boxed[y0:y1, x0:x1] = True
    if boxed.all():
        return boxed
    labels = np.zeros((height, width), np.uint8)
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(
            np.ascontiguousarray(pixels[..., ::-1]), labels, (x0, y0, x1 - x0, y1 - y0),
            np.zeros((1, 65)), np.zeros((1, 65)), GRABCUT_ITERATIONS, cv2.GC_INIT_WITH_RECT,
        )  # fmt: skip
    except cv2.error:
        return boxed
    found = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return found if found.any() else boxed


def flood(pixels: NDArray[np.uint8], x: int, y: int) -> NDArray[np.bool_]:
    """Everything joined to the click whose colour, slightly smoothed, is within FLOOD_TOLERANCE of the clicked one."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), 1.0)
    filled = np.zeros((pixels.shape[0] + 2, pixels.shape[1] + 2), np.uint8)
    flags = 8 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    cv2.floodFill(smooth, filled, (x, y), 0, (FLOOD_TOLERANCE,) * 3, (FLOOD_TOLERANCE,) * 3, flags)
    return filled[1:-1, 1:-1].astype(bool)


def summarise(rows: list[Measured], max_clicks: int) -> dict[str, Any]:
    """The figures of some masks, each the mean over them."""
    figures: dict[str, Any] = {"masks": len(rows)}
    for count in REPORTED_CLICKS:
        figures[f"iou@{count}"] = mean(row.iou_after(count) for row in rows)
    figures["single@1"] = mean(row.single for row in rows)
    figures["oracle@1"] = mean(row.oracle for row in rows)
    figures["box"] = mean(row.box for row in rows)
    figures["grabcut"] = mean(row.grabcut for row in rows)
    figures["flood"] = mean(row.flood for row in rows)
    for threshold in THRESHOLDS:
        needed = [row.clicks_to(threshold, max_clicks) for row in rows]
        figures[f"noc@{threshold * 100:.0f}"] = mean(count for count, _ in needed)
        figures[f"failures@{threshold * 100:.0f}"] = sum(not reached for _, reached in needed)
    figures["correlation_candidates"] = correlation([pair for row in rows for pair in row.candidate_pairs])
    figures["correlation_shown"] = correlation([pair for row in rows for pair in row.shown_pairs])
    return figures


def mean(values: Iterable[float]) -> float:
    return round(float(np.mean(list(values))), 4)


def correlation(pairs: list[tuple[float, float]]) -> float | None:
    """Pearson's, of (predicted, real) pairs; None where one side does not vary."""
    table = np.array(pairs)
    if len(table) < 2 or (table.std(0) < 1e-9).any():
        return None
    return round(float(np.corrcoef(table.T)[0, 1]), 4)


def groups(rows: list[Measured]) -> dict[str, list[Measured]]:
    """What is reported apart: all, whole objects, regions and parts, then every domain and source.

    Of a data set whose domains are not known, every category instead.
    """
    parts = {
        "all": rows,
        "whole objects": [row for row in rows if row.is_whole_object],
        "regions, parts": [row for row in rows if not row.is_whole_object],
    }
    for title, key in (
        ("domain", lambda row: row.domain),
        ("category", lambda row: "" if row.domain else row.label),
        ("source", lambda row: row.source),
    ):
        for name in sorted({key(row) for row in rows} - {""}):
            parts[f"{title}: {name}"] = [row for row in rows if key(row) == name]
    return {name: part for name, part in parts.items() if part}


def pick_targets(samples: list[Sample], per_image: int, limit: int | None) -> list[tuple[int, list[int]]]:
    """(sample index, mask indices) to measure: the same ones every time, spread over the pictures."""
    rng = np.random.default_rng(0)
    chosen = [
        sorted(
            int(i) for i in rng.choice(len(sample.masks), min(per_image, len(sample.masks)), replace=False)
        )
        for sample in samples
    ]
    order = list(range(len(samples)))
    if limit is not None:
        # Every k-th picture, so that a quick run sees all sources too.
        order = [
            int(i) for i in np.unique(np.linspace(0, len(samples) - 1, min(limit, len(samples))).round())
        ]
        per = max(1, limit // len(order))
        chosen = [indices[:per] for indices in chosen]
    return [(index, chosen[index]) for index in order]


@dataclass
class Picture:
    """One picture's results: its masks' rows, how many were too small, and how long `set_image` took."""

    rows: list[Measured]
    too_small: int
    set_image_s: float


def measure_picture(
    predictor: Predictor, sample: Sample, mask_indices: list[int], max_clicks: int
) -> Picture:
    """Measures the chosen masks of one picture."""
    start = time.perf_counter()
    predictor.set_image(sample.pixels)
    result = Picture([], 0, time.perf_counter() - start)
    for index in mask_indices:
        target = sample.mask(index)
        if target.sum() < MIN_AREA:
            result.too_small += 1
            continue
        is_whole = sample.kinds[index] in WHOLE_OBJECT_KINDS
        label = sample.labels[index] if sample.labels else ""
        row = measure(predictor, sample.pixels, target, max_clicks, sample.source, is_whole, label)
        result.rows.append(row)
    return result


def run(
    predictor: Predictor,
    samples: list[Sample],
    per_image: int = 4,
    limit: int | None = None,
    max_clicks: int = 20,
    processes: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Measured], dict[str, float]]:
    """Measures a data set; the rows, in the data set's order, and the times taken (seconds).

    With several processes each loads the bundle itself and computes with one thread.
    """
    targets = pick_targets(samples, per_image, limit)
    jobs = [(samples[index], mask_indices, max_clicks) for index, mask_indices in targets]
    pictures: list[Picture] = []
    with contextlib.ExitStack() as stack:
        if processes > 1:
            # Not forked: torch's threads do not survive that.
            context = multiprocessing.get_context("spawn")
            pool = stack.enter_context(context.Pool(processes, _start_worker, (predictor.bundle.directory,)))
            results = pool.imap(_work, jobs)
        else:
            results = (measure_picture(predictor, *job) for job in jobs)
        for picture in results:
            pictures.append(picture)
            progress(len(pictures), len(jobs))
    rows = [row for picture in pictures for row in picture.rows]
    return rows, {
        "median_set_image_s": round(float(np.median([picture.set_image_s for picture in pictures])), 4),
        "masks_too_small": sum(picture.too_small for picture in pictures),
    }


_predictor: Predictor | None = None  # of a pool's worker


def _start_worker(bundle: Path) -> None:
    global _predictor
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _predictor = load_predictor(bundle)


def _work(job: tuple[Sample, list[int], int]) -> Picture:
    assert _predictor is not None
    return measure_picture(_predictor, *job)


COLUMNS = (
    ("masks", "masks", "d"), ("iou@1", "1", ".3f"), ("oracle@1", "best/3", ".3f"), ("single@1", "single", ".3f"),
    ("iou@2", "2", ".3f"), ("iou@3", "3", ".3f"), ("iou@5", "5", ".3f"), ("iou@10", "10", ".3f"), ("box", "box", ".3f"),
    ("grabcut", "GrabCut", ".3f"), ("flood", "flood", ".3f"), ("noc@80", "NoC80", ".2f"), ("failures@80", "fail", "d"),
    ("noc@85", "NoC85", ".2f"), ("failures@85", "fail", "d"), ("noc@90", "NoC90", ".2f"), ("failures@90", "fail", "d"),
)  # fmt: skip


def table(summary: dict[str, dict[str, Any]]) -> str:
    """The summary as aligned text, in markdown."""
    head = ["", *(title for _, title, _ in COLUMNS)]
    body = [
        [name, *(format(figures[key], spec) for key, _, spec in COLUMNS)] for name, figures in summary.items()
    ]
    widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *body]
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    )


def at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return value


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/interactive_quality.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", nargs="?", default="pocket", help="name or folder (default pocket)")
    parser.add_argument("dataset", nargs="?", default=os.environ.get(DATASET_VARIABLE), help="folder")
    parser.add_argument("--limit", type=at_least_one, help="about so many masks in all, for a quick run")
    parser.add_argument(
        "--per-image",
        type=at_least_one,
        default=4,
        help="masks of each picture, drawn once and for all (default 4)",
    )
    parser.add_argument("--clicks", type=at_least_one, default=20, help="at most (default 20)")
    parser.add_argument(
        "--split", choices=("val", "train", "all"), help="default: val of shards, all of a COCO folder"
    )
    parser.add_argument("--sources", nargs="*", help="only these shards")
    parser.add_argument(
        "--processes", type=at_least_one, default=1, help="with one thread each (default 1, all threads)"
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep the figures of first prompts beside the bundle's manifest: the workbench's hint follows them",
    )
    options = parser.parse_args(arguments)
    if options.dataset is None:
        # Not an error: `make bench` runs every benchmark, and pictures with masks are not part of the repository.
        print(f"interactive_quality: nothing measured; give a DATASET folder or set {DATASET_VARIABLE}")
        return 0
    dataset = Path(options.dataset)
    split = options.split or ("val" if is_sharded(dataset) else "all")
    try:
        samples, report = read_dataset(dataset, None if split == "all" else split, options.sources)
    except NoTrainingData as error:
        parser.error(str(error))
    print(f"{dataset}, {split}: {report}", file=sys.stderr)
    try:
        predictor = load_predictor(options.bundle)
    except BundleError as error:
        parser.error(str(error))
    start = time.perf_counter()

    def progress(done: int, total: int) -> None:
        left_s = (time.perf_counter() - start) / done * (total - done)
        end = "\n" if done == total or not sys.stderr.isatty() else ""
        if end == "" or done == total or done % 10 == 0:
            print(
                f"\r{done}/{total} pictures, {left_s / 60:.1f} minutes left ",
                end=end,
                file=sys.stderr,
                flush=True,
            )

    rows, times = run(
        predictor, samples, options.per_image, options.limit, options.clicks, options.processes, progress
    )
    if not rows:
        parser.error("no mask was large enough to be measured")
    summary = {name: summarise(part, options.clicks) for name, part in groups(rows).items()}
    manifest = predictor.manifest
    print(
        f"\nbundle {manifest.name} {manifest.digest[:12]}, input side {manifest.input_side}, "
        f"{split} split, {len(rows)} masks\n"
    )
    print(table(summary))
    total = summary["all"]
    by_source = [figures for name, figures in summary.items() if name.startswith("source: ")]
    equal = {
        key: mean(f[key] for f in by_source)
        for key in ("iou@1", "oracle@1", "iou@3", "iou@5", "iou@10", "box", "grabcut")
    }
    print("\nevery source weighted alike: " + ", ".join(f"{key} {value:.3f}" for key, value in equal.items()))
    print(
        "correlation of predicted with real IoU: "
        f"candidates at one click {total['correlation_candidates']}, all masks shown {total['correlation_shown']}"
    )
    print(
        f"set_image: median {times['median_set_image_s']:.3f} s; "
        f"masks under {MIN_AREA} pixels left out: {times['masks_too_small']}"
    )
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "bundle": manifest.name, "digest": manifest.digest, "dataset": str(dataset), "split": split,
                    "clicks": options.clicks, "per_image": options.per_image, "limit": options.limit, **times,
                    "groups": summary, "sources_alike": equal,
                },
                indent=2,
            ) + "\n"
        )  # fmt: skip
    if options.keep:
        write_quality(
            predictor.bundle.directory,
            Quality(round(total["iou@1"], 3), round(total["box"], 3), total["masks"]),
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
