"""Finds out what a folder of training pictures is, and reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segmentation.training.data.coco_reader import coco_files, read_coco
from segmentation.training.data.samples import NoTrainingData, ReadReport, Sample
from segmentation.training.data.shard_reader import chosen_shards, read_shards


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
    folder = Path(folder)
    if not folder.exists():
        raise NoTrainingData(f"there is no folder {folder}")
    report = ReadReport()
    has_shards, shards, files = _look(folder)
    if has_shards:
        reader = read_shards(chosen_shards(shards, sources), split, report)
    elif files:
        if sources:
            raise NoTrainingData(
                f"{folder} is a COCO folder and has no shards (*.tar) called {', '.join(sources)}: leave --sources out"
            )
        report.coco_file = files[0].name
        report.not_read = [file.name for file in files[1:]] + [shard.name for shard in shards]
        reader = read_coco(folder, files[0], split, report)
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
    return _look(folder)[0]


def _look(folder: Path) -> tuple[bool, list[Path], list[Path]]:
    """Whether it is read as shards, all `*.tar` in it, and the files that may be COCO's, best first."""
    shards, files = sorted(folder.glob("*.tar")), coco_files(folder)
    # A *.tar beside COCO's file may be anything, such as the archive that the pictures came in.
    return bool(shards) and not (files and files[0].name.startswith("instances")), shards, files
