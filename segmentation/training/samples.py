"""Training images: one picture with the masks that people drew on it, from shards or from a COCO folder.

Pictures are kept decoded in memory, masks as RLE: three thousand pictures of 512 pixels are 1.7 GB.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from segmentation import rle

# How often each source is drawn. Sampling by image would let one data set with many small pictures rule the model.
SOURCE_WEIGHTS = {
    "coco": 4.0, "bsds500": 3.0, "ccp": 2.0, "pennfudan": 1.0, "camvid": 1.0, "facades": 1.0, "endangered_animals": 1.5,
    "feral_cats": 0.7, "pets": 1.0, "kitchen_items": 2.0, "dsb2018": 0.8, "em_membrane": 0.3,
    "synthetic_pages": 0.5, "synthetic_shapes": 0.7,
}  # fmt: skip
DEFAULT_SOURCE_WEIGHT = 0.5
WHOLE_OBJECT_KINDS = frozenset({"instance"})
MAX_SIDE = 640  # pixels; larger pictures are reduced once, when they are read


@dataclass
class Sample:
    """One picture: pixels (H, W, 3) uint8 RGB, its masks as RLE of the same size, and each mask's kind."""

    source: str
    name: str
    pixels: NDArray[np.uint8]
    masks: list[dict]
    kinds: list[str]

    def mask(self, index: int) -> NDArray[np.bool_]:
        return rle.decode(self.masks[index])


@dataclass
class ReadReport:
    """What was left out, by reason, so that a bad data set is known before the first hour of training is over."""

    images: int = 0
    masks: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        reasons = (
            ", ".join(f"{count} x {reason}" for reason, count in sorted(self.skipped.items())) or "nothing"
        )
        return f"{self.images} images, {self.masks} masks; skipped: {reasons}"


class NoTrainingData(ValueError):
    """The folder holds neither shards nor a COCO file, or nothing in it can be used."""


def read_dataset(
    folder: Path | str, split: str | None = None, sources: Sequence[str] | None = None
) -> tuple[list[Sample], ReadReport]:
    """Reads a folder of shards (`*.tar`) or a COCO folder (`*.json` beside its pictures), in a fixed order.

    Args:
        folder: where it lies.
        split: "train", "val" or None for both. Shards name it in each record; of a COCO folder every 20th picture (in
            the order of file names) is validation.
        sources: shard names to read; None reads all.

    Raises:
        NoTrainingData: nothing usable.
    """
    folder = Path(folder)
    report = ReadReport()
    shards = sorted(folder.glob("*.tar"))
    if shards:
        reader = _read_shards(shards, split, sources, report)
    else:
        files = sorted([*folder.glob("*.json"), *folder.glob("annotations/*.json")])
        # COCO's own folder has captions and keypoints beside instances_train2017.json.
        files.sort(key=lambda file: not file.name.startswith("instances"))
        if not files:
            raise NoTrainingData(f"{folder} has neither *.tar shards nor a COCO *.json file")
        reader = _read_coco(folder, files[0], split, report)
    samples = []
    for sample in reader:
        report.images += 1
        report.masks += len(sample.masks)
        samples.append(sample)
    if not samples:
        raise NoTrainingData(f"{folder}: no picture with a mask is left ({report})")
    return samples, report


def _read_shards(
    shards: list[Path], split: str | None, sources: Sequence[str] | None, report: ReadReport
) -> Iterator[Sample]:
    for path in shards:
        if sources and path.stem not in sources:
            continue
        with tarfile.open(path) as archive:
            records: dict[str, dict] = {}
            for member in archive:  # the index first, then the pictures
                content = archive.extractfile(member).read()
                if not records:
                    records = {
                        record["file"]: record for record in json.loads(gzip.decompress(content))["images"]
                    }
                    continue
                record = records[member.name]
                if split and record["split"] != split:
                    continue
                masks = [mask["rle"] for mask in record["masks"]]
                sizes = (record["height"], record["width"])
                found = [
                    (mask if isinstance(mask, dict) else {"size": list(sizes), "counts": mask})
                    for mask in masks
                ]
                yield Sample(
                    path.stem,
                    f"{path.stem}/{record['file']}",
                    np.asarray(Image.open(io.BytesIO(content)).convert("RGB")),
                    found,
                    [mask["kind"] for mask in record["masks"]],
                )


def _read_coco(folder: Path, file: Path, split: str | None, report: ReadReport) -> Iterator[Sample]:
    try:
        content = json.loads(file.read_bytes())
        by_image: dict[int, list[dict]] = {}
        for annotation in content["annotations"]:
            by_image.setdefault(annotation.get("image_id"), []).append(annotation)
        rows = sorted(content["images"], key=lambda row: row["file_name"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoTrainingData(
            f"{file} is not a COCO instances file: {type(error).__name__}: {error}"
        ) from None
    places = [folder, folder / "images", folder / file.stem.removeprefix("instances_")]
    for index, row in enumerate(rows):
        if split and (index % 20 == 0) != (split == "val"):
            continue
        path = next((p / row["file_name"] for p in places if (p / row["file_name"]).is_file()), None)
        if path is None:
            report.skipped["image file missing"] += 1
            continue
        try:
            pixels = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
        except (OSError, Image.DecompressionBombError):
            report.skipped["image file unreadable"] += 1
            continue
        if pixels.shape[:2] != (row.get("height"), row.get("width")):
            report.skipped["image size differs from the COCO file"] += 1
            continue
        masks = [
            mask
            for a in by_image.get(row.get("id"), [])
            if (mask := _coco_mask(a, pixels.shape[:2], report)) is not None
        ]
        if not masks:
            report.skipped["image without masks"] += 1
            continue
        scale = MAX_SIDE / max(pixels.shape[:2])
        if scale < 1:
            size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            masks = [
                cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0 for mask in masks
            ]
        yield Sample(
            file.stem,
            row["file_name"],
            pixels,
            [rle.encode(mask) for mask in masks],
            ["instance"] * len(masks),
        )


def _coco_mask(annotation: dict, hw: tuple[int, int], report: ReadReport) -> NDArray[np.bool_] | None:
    """One annotation's mask, or None with the reason counted."""
    from pycocotools import mask as coco_mask

    segmentation = annotation.get("segmentation")
    if annotation.get("iscrowd"):
        report.skipped["crowd region"] += 1
        return None
    try:
        if isinstance(segmentation, list):
            polygons = [polygon for polygon in segmentation if len(polygon) >= 6 and len(polygon) % 2 == 0]
            if not polygons:
                report.skipped["polygon with under three corners"] += 1
                return None
            mask = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, *hw))).astype(bool)
        elif isinstance(segmentation, dict) and isinstance(segmentation.get("counts"), list):
            if sum(segmentation["counts"]) != hw[0] * hw[1] or list(segmentation["size"]) != list(hw):
                report.skipped["mask of a wrong size"] += 1
                return None
            mask = rle.decode({**coco_mask.frPyObjects(segmentation, *hw), "size": list(hw)})
        else:
            rle.check(segmentation, hw)
            mask = rle.decode(segmentation)
    except (rle.RleError, ValueError, TypeError, KeyError):
        report.skipped["malformed segmentation"] += 1
        return None
    if not mask.any():
        report.skipped["empty mask"] += 1
        return None
    return mask
