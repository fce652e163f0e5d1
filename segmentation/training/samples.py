"""Training images: one picture with the masks that people drew on it, from shards or from a COCO folder.

Pictures are kept decoded in memory, masks as RLE: three thousand pictures of 512 pixels are 1.7 GB.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

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
MIN_SIDE = 8  # pixels of the longer side; a crop of anything smaller can come out with no pixel at all
SHARD_INDEX = "masks.json.gz"


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


class NoTrainingData(ValueError):
    """The folder holds neither shards nor a COCO file, one of them is damaged, or nothing in it can be used."""


class Unusable(ValueError):
    """One picture or mask that is left out; the text is the reason that `ReadReport` counts."""


def read_dataset(
    folder: Path | str, split: str | None = None, sources: Sequence[str] | None = None
) -> tuple[list[Sample], ReadReport]:
    """Reads a folder of shards (`*.tar`) or a COCO folder (`*.json` beside its pictures), in a fixed order.

    A folder with an `instances*.json` is a COCO folder, whatever `*.tar` lies in it. Of several COCO files one is read;
    the report names it and the others. A large COCO folder says on stderr how far it is.

    Args:
        folder: where it lies, or one COCO file.
        split: "train", "val" or None for both. Shards name it in each record; of a COCO folder about every 20th
            picture is validation, chosen by its file name (`coco_reader.in_split`).
        sources: shard names to read; None or none reads all.

    Returns:
        The samples, at least one, and what was left out of this split.

    Raises:
        NoTrainingData: nothing usable in this split, a shard that is damaged or foreign, a file that is not COCO's, or
            a name in `sources` that no shard has. The message says which, and what was skipped.
    """
    # It needs the classes above.
    from segmentation.training.coco_reader import coco_files, read_coco

    folder = Path(folder)
    if not folder.exists():
        raise NoTrainingData(f"there is no folder {folder}")
    report = ReadReport()
    shards = sorted(folder.glob("*.tar"))
    files = coco_files(folder)
    if files and not is_sharded(folder):
        if sources:
            raise NoTrainingData(
                f"{folder} is a COCO folder and has no shards (*.tar) called {', '.join(sources)}: leave --sources out"
            )
        report.coco_file = files[0].name
        report.not_read = [file.name for file in files[1:]] + [shard.name for shard in shards]
        reader = read_coco(folder, files[0], split, report)
    elif shards:
        reader = _read_shards(_chosen(shards, sources), split, report)
    else:
        raise NoTrainingData(f"{folder} has neither *.tar shards nor a COCO *.json file")
    samples = []
    for sample in reader:
        report.images += 1
        report.masks += len(sample.masks)
        samples.append(sample)
    if not samples:
        part = f" in the {split} split" if split else ""
        raise NoTrainingData(f"{folder}: no picture with a mask is left{part} ({report})")
    return samples, report


def is_sharded(folder: Path) -> bool:
    """Whether `read_dataset` reads it as shards, whose pictures have their split from the start."""
    from segmentation.training.coco_reader import coco_files

    # A *.tar beside COCO's file may be anything, such as the archive that the pictures came in.
    files = coco_files(folder)
    return any(folder.glob("*.tar")) and not (files and files[0].name.startswith("instances"))


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


def _chosen(shards: list[Path], sources: Sequence[str] | None) -> list[Path]:
    known = [path.stem for path in shards]
    unknown = [source for source in sources or () if source not in known]
    if unknown:
        raise NoTrainingData(
            f"--sources: no shard is called {', '.join(unknown)}; {shards[0].parent} has {', '.join(known)}"
        )
    return [path for path in shards if not sources or path.stem in sources]


def _read_shards(shards: list[Path], split: str | None, report: ReadReport) -> Iterator[Sample]:
    for path in shards:
        try:
            with tarfile.open(path, "r:") as archive:
                members = iter(archive)
                records = _shard_records(archive, next(members, None), path)
                for member in members:
                    record = records.pop(member.name, None)
                    if record is None or (split and record.get("split") != split):
                        continue
                    try:
                        yield _shard_sample(path.stem, record, archive.extractfile(member).read(), report)
                    except Unusable as reason:
                        report.skipped[str(reason)] += 1
        except (tarfile.TarError, OSError, EOFError) as error:
            raise NoTrainingData(
                f"{path} is not a shard, or is damaged or cut off ({error}): copy it again, or move it away"
            ) from None
        if records:  # tarfile takes an end between two files for the end of the archive
            raise NoTrainingData(f"{path} is cut off, {len(records)} pictures are missing: copy it again")


def _shard_records(archive: tarfile.TarFile, first: tarfile.TarInfo | None, path: Path) -> dict[str, dict]:
    """The records of a shard by the name of their picture, from its first file."""
    if first is None or not first.isfile() or Path(first.name).name != SHARD_INDEX:
        raise NoTrainingData(
            f"{path} is not a shard: its first file is not {SHARD_INDEX}. Move it away, or name shards with --sources"
        )
    content = archive.extractfile(first).read()
    try:
        rows = json.loads(gzip.decompress(content))["images"]
        return {row["file"]: row | {"masks": list(row["masks"])} for row in rows}
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise NoTrainingData(
            f"{path}: its {SHARD_INDEX} is damaged ({error}): copy the shard again"
        ) from None


def _shard_sample(source: str, record: dict, content: bytes, report: ReadReport) -> Sample:
    pixels = read_pixels(io.BytesIO(content))
    hw = pixels.shape[:2]
    masks, kinds, labels = [], [], []
    for mask in record["masks"]:
        try:
            runs = mask["rle"]
            encoded = runs if isinstance(runs, dict) else {"size": list(hw), "counts": runs}
            is_empty = not rle.runs(encoded, hw)[1::2].any()
            kind = mask["kind"]
        except (rle.RleError, KeyError, TypeError):
            report.skipped["malformed segmentation"] += 1
            continue
        if is_empty:
            report.skipped["empty mask"] += 1
            continue
        masks.append(encoded)
        kinds.append(kind)
        labels.append(str(mask.get("label", "")))
    if not masks:
        raise Unusable("image without masks")
    return Sample(source, f"{source}/{record['file']}", pixels, masks, kinds, labels)
