"""Datasets with pictures, and files of a format read back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from exporters.reading import ReadReport
from exporters.records import CategoryRecord, DatasetRecord, ImageRecord
from exporters.registry import find_format
from exporters.source import source_of
from segmentation import rle
from tests.exporters.world import PERSON, annotation, dataset, image, masks

DOG = CategoryRecord(id=7, name="guide dog", color="#d55e00")
# Small, with holes, several parts, one-pixel lines and at every border, as chance has it.
MASKS = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(lambda mask: mask.any())


@st.composite
def masks_of_one_size(draw) -> list[np.ndarray]:
    size = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    return draw(st.lists(arrays(bool, size).filter(lambda mask: mask.any()), min_size=1, max_size=4))


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 60)).save(stream, kind)
    return stream.getvalue()


def two_splits() -> DatasetRecord:
    """Two categories, a picture with masks that do not overlap in train, one with a ring in val, and an empty one."""
    shapes = masks()
    file = picture(80, 60)
    opened = [
        replace(image(number, name), split=split, open=lambda: io.BytesIO(file))
        for number, name, split in ((1, "a/cat.png", "train"), (2, "b.png", "val"), (3, "empty.png", "train"))
    ]
    first = (
        replace(annotation(1, shapes["two pieces"]), name="Old tower", author="alice"),
        replace(annotation(2, shapes["last pixel"]), category_id=DOG.id),
    )
    second = (replace(annotation(3, shapes["ring"]), category_id=DOG.id),)
    records = dataset(first, opened)
    images = list(records.images)
    images[1] = replace(images[1], annotations=second)
    return replace(records, categories=(PERSON, DOG), images=tuple(images), annotation_count=3)


def of_masks(shapes: Sequence[np.ndarray]) -> DatasetRecord:
    """One picture, of the masks' size."""
    height, width = shapes[0].shape
    file = picture(width, height)
    one = replace(
        image(1, "photo.png"), width=width, height=height, split="train", open=lambda: io.BytesIO(file)
    )
    return dataset([annotation(number, mask) for number, mask in enumerate(shapes, 1)], [one])


def read_as(format_name: str, content: bytes) -> tuple[DatasetRecord, list[ImageRecord], ReadReport]:
    report = ReadReport()
    records = find_format(format_name).read(source_of(io.BytesIO(content), "dataset.zip"), report)
    return records, list(records.images), report


def recognises(format_name: str, content: bytes) -> bool:
    return find_format(format_name).recognises(source_of(io.BytesIO(content), "dataset.zip"))


def pixels(read_image: ImageRecord) -> list[np.ndarray]:
    return [rle.decode(each.segmentation) for each in read_image.annotations]


def zip_of(files: Mapping[str, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def zip_of_folder(folder: Path) -> bytes:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return zip_of({path.relative_to(folder).as_posix(): path.read_bytes() for path in files})


def files_in(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def unpacked(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Some bytes exchanged, and at times the end cut off."""
    changed = bytearray(content)
    for place in random.integers(0, max(len(content), 1), random.integers(1, 6)):
        if changed:
            changed[place % len(changed)] = random.integers(0, 256)
    if random.random() < 0.2:
        del changed[random.integers(0, len(changed) + 1) :]
    return bytes(changed)


def damaged_files(content: bytes, seed: int, times: int):
    """Zips of which one file each is damaged; the zip itself is sound."""
    random = np.random.default_rng(seed)
    files = files_in(content)
    names = sorted(files)
    for _ in range(times):
        name = names[random.integers(len(names))]
        yield zip_of(files | {name: damaged(files[name], random)})
