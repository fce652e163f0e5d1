"""A COCO folder as training samples: whatever is wrong with a row, a picture or a mask is counted and left out.

Format: https://cocodataset.org/#format-data. Project exports (`exporters.coco`) are such folders too.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from segmentation import rle
from segmentation.training.data.resize import resized
from segmentation.training.data.samples import NoTrainingData, ReadReport, Sample, Unusable, read_pixels

MAX_SIDE = 640  # pixels; larger pictures are reduced once, when they are read
BYTES_PER_PICTURE = 0.8e6  # decoded, at most MAX_SIDE: the mean of COCO's
VALIDATION_SHARE = 1 / 20
PROGRESS_EVERY_S = 10.0

Id = int | float | str  # COCO's are whole numbers; other tools write 1.0 or "1"


def coco_files(folder: Path) -> list[Path]:
    """The files that may be the instances file of `folder` (or `folder` itself, if it is a file), best first."""
    if folder.is_file():
        return [folder]
    files = [
        file
        for pattern in ("*.json", "annotations/*.json")
        for file in folder.glob(pattern)
        if file.is_file()
    ]
    # COCO's own folder has captions and keypoints beside instances_train2017.json.
    instances = [file for file in files if file.name.startswith("instances")]
    return sorted(instances or files, key=lambda file: ("train" not in file.name, file))


def in_split(names: list[str], split: str) -> set[str]:
    """Which of the pictures called `names` are in "train" or "val".

    A picture's place follows from its name alone, so that pictures which are added later move no other: a model that
    is fine-tuned again has never seen its validation pictures. Only in a set so small that no name falls into the
    validation share does the name nearest to it go there; a single picture is for training.
    """
    places = {name: zlib.crc32(name.encode(errors="surrogatepass")) for name in names}
    if not places:
        return set()
    limit = max(VALIDATION_SHARE * 2**32, min(places.values()))
    validation = {name for name, place in places.items() if place <= limit and place < max(places.values())}
    return validation if split == "val" else places.keys() - validation


def read_coco(folder: Path, file: Path, split: str | None, report: ReadReport) -> Iterator[Sample]:
    """The samples of one COCO file, in the order of their file names.

    Args:
        folder: the COCO folder, or `file` itself. Pictures are looked for beside the file, in the folder, in its
            `images/` and in the folder the file is named after (`train2017/` for `instances_train2017.json`).
        file: the instances file.
        split: as for `dataset.read_dataset`.
        report: what is left out is counted in it.

    Raises:
        NoTrainingData: `file` cannot be read, or is no JSON object with lists `images` and `annotations`.
    """
    if folder.is_file():
        folder = file.parent.parent if file.parent.name == "annotations" else file.parent
    places = [folder, folder / "images", folder / file.stem.removeprefix("instances_"), file.parent]
    rows, by_image, categories = _usable_rows(file, report)
    if split:
        chosen = in_split([row["file_name"] for row in rows], split)
        rows = [row for row in rows if row["file_name"] in chosen]
    _warn_of_memory(len(rows), file)
    said_at = time.monotonic()
    for done, row in enumerate(rows):
        if time.monotonic() - said_at > PROGRESS_EVERY_S:
            print(f"{file.name}: {done} of {len(rows)} pictures read", file=sys.stderr, flush=True)
            said_at = time.monotonic()
        try:
            yield _sample(file.stem, row, places, by_image.get(row["id"], []), categories, report)
        except Unusable as reason:
            report.skipped[str(reason)] += 1


def _usable_rows(file: Path, report: ReadReport) -> tuple[list[dict], dict[Id, list[dict]], dict[Id, str]]:
    """The rows of `images` in the order of their file names, those of `annotations` by the id of their image, and the
    names of `categories` by their id.
    """
    try:
        content = json.loads(file.read_bytes())
        images, annotations = content["images"], content["annotations"]
        if not isinstance(images, list) or not isinstance(annotations, list):
            raise TypeError("images and annotations must be lists")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoTrainingData(
            f"{file} is not a COCO instances file ({type(error).__name__}: {error}); "
            "if another file is, give its own path"
        ) from None
    rows: dict[Id, dict] = {}
    for row in images:
        if not (
            isinstance(row, dict) and isinstance(row.get("id"), Id) and isinstance(row.get("file_name"), str)
        ):
            report.skipped["image row without id or file_name"] += 1
        elif row["id"] in rows:
            report.skipped["image id twice"] += 1
        elif Path(row["file_name"]).is_absolute() or ".." in Path(row["file_name"]).parts:
            report.skipped["image outside the folder"] += 1
        else:
            rows[row["id"]] = row
    by_image: dict[Id, list[dict]] = {}
    for annotation in annotations:
        if not (isinstance(annotation, dict) and isinstance(annotation.get("image_id"), Id)):
            report.skipped["annotation row without image_id"] += 1
        elif annotation["image_id"] not in rows:
            report.skipped["annotation of an image that is not listed"] += 1
        else:
            by_image.setdefault(annotation["image_id"], []).append(annotation)
    listed = content.get("categories")
    names = {
        row["id"]: str(row.get("name", ""))
        for row in (listed if isinstance(listed, list) else [])
        if isinstance(row, dict) and isinstance(row.get("id"), Id)
    }
    return sorted(rows.values(), key=lambda row: row["file_name"]), by_image, names


def _warn_of_memory(pictures: int, file: Path) -> None:
    try:
        # All the machine has: what is free at the moment leaves out the file cache, which gives way.
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return
    needed = pictures * BYTES_PER_PICTURE
    if needed > memory:
        print(
            f"warning: {file.name}: {pictures} pictures take about {needed / 1e9:.0f} GB of memory, this machine has "
            f"{memory / 1e9:.0f} GB; take a smaller COCO file",
            file=sys.stderr,
            flush=True,
        )


def _sample(
    source: str,
    row: dict,
    places: list[Path],
    annotations: list[dict],
    categories: dict[Id, str],
    report: ReadReport,
) -> Sample:
    name = row["file_name"]
    try:
        path = next((place / name for place in places if (place / name).is_file()), None)
    except OSError:  # a name that is too long for the file system
        path = None
    if path is None:
        raise Unusable("image file missing")
    pixels = read_pixels(path)
    height, width = hw = pixels.shape[:2]
    if (height, width) != (row.get("height"), row.get("width")):
        raise Unusable("image size differs from the COCO file")
    scale = min(1, MAX_SIDE / max(hw))
    size = (max(1, round(hw[1] * scale)), max(1, round(hw[0] * scale)))  # width, height
    if scale < 1:
        pixels = resized(pixels, size, cv2.INTER_AREA)
    masks, labels = [], []
    for annotation in annotations:
        try:
            masks.append(rle.encode(_mask(annotation, hw, size)))
        except Unusable as reason:
            report.skipped[str(reason)] += 1
            continue
        category = annotation.get("category_id")
        labels.append(categories.get(category, "") if isinstance(category, Id) else "")
    if not masks:
        raise Unusable("image without masks")
    return Sample(source, name, pixels, masks, ["instance"] * len(masks), labels)


def _mask(annotation: dict, hw: tuple[int, int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """One annotation's mask of an image of `hw`, reduced to `size` (width, height); it has at least one pixel."""
    segmentation = annotation.get("segmentation")
    if annotation.get("iscrowd"):
        raise Unusable("crowd region")
    if segmentation is None:
        raise Unusable("annotation without segmentation")
    try:
        if isinstance(segmentation, list):
            mask = _from_polygons(segmentation, hw)
        elif isinstance(segmentation, dict) and isinstance(segmentation.get("counts"), list):
            mask = _from_runs(segmentation, hw)
        else:
            rle.check(segmentation, hw)
            mask = rle.decode(segmentation)
    except Unusable:
        raise
    except rle.RleSizeMismatch:
        raise Unusable("mask of a wrong size") from None
    except Exception:
        # numpy and pycocotools raise what the numbers lead to: OverflowError, TypeError ...
        raise Unusable("malformed segmentation") from None
    if not mask.any():
        raise Unusable("empty mask")
    if size != (hw[1], hw[0]):
        mask = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
        if not mask.any():
            raise Unusable(f"mask too small once the image is reduced to {MAX_SIDE} pixels")
    return mask


def _from_polygons(polygons: list, hw: tuple[int, int]) -> NDArray[np.bool_]:
    # pycocotools draws whatever it gets: numbers that are not finite, or far out, hang it or end the process.
    # Outlines that run a little past the border are common; a whole picture past it is generous.
    width_height = np.array([hw[1], hw[0]])
    outlines = []
    for polygon in polygons:
        outline = np.asarray(polygon, float).reshape(-1, 2)  # x, y; raises for an odd length
        is_near = (outline >= -width_height) & (outline <= 2 * width_height)  # False for NaN
        if not is_near.all():
            raise Unusable("malformed segmentation")
        if len(outline) >= 3:
            outlines.append(outline.ravel().tolist())
    if not outlines:
        raise Unusable("polygon with under three corners" if polygons else "empty mask")
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(outlines, *hw))).astype(bool)


def _from_runs(segmentation: dict, hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Of COCO's uncompressed RLE: runs down the columns, background first."""
    if list(segmentation["size"]) != list(hw):
        raise Unusable("mask of a wrong size")
    counts = np.asarray(segmentation["counts"])
    pixels = hw[0] * hw[1]
    is_sound = (
        counts.dtype.kind in "iu" and ((counts >= 0) & (counts <= pixels)).all() and counts.sum() == pixels
    )
    if not is_sound:
        raise Unusable("malformed segmentation")
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(hw[::-1]).T
