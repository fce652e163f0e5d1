"""Writes masks as PNG pictures, image by image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from exporters.archive import Archive
from exporters.category_table import write_categories
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.geometry import Geometry
from exporters.image_list import ImageList
from exporters.label_map import painted
from exporters.label_png import png
from exporters.options import INCLUDE_IMAGES, Choice, ChoiceOption, Options
from exporters.overlap_option import OVERLAP
from exporters.read_records import provenance_of
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.sound_records import SoundRecords
from exporters.stem_names import StemNames
from exporters.steps import Progress, Steps
from exporters.streams import dumps
from segmentation import rle

KIND = ChoiceOption(
    name="kind",
    title="Pixels say",
    choices=(
        Choice(
            "semantic",
            "Which category",
            "One picture an image, of 8 or 16 bits",
            "one picture of categories an image",
        ),
        Choice(
            "instance", "Which object", "One picture an image, of 16 bits", "one picture of objects an image"
        ),
        Choice(
            "objects",
            "Whether it is this object",
            "One picture an object; nothing is lost",
            "one picture an object",
        ),
    ),
    default="instance",
)
OPTIONS = (KIND, OVERLAP, INCLUDE_IMAGES)
LOSSES = (
    "Where masks overlap, one of them has the pixel, and one that others hide wholly is left out; not so with one "
    "picture an object.",
    "Pictures of categories do not tell objects of one category apart, and do not say who drew them.",
    "Folders in a picture's name become part of its file name; images.csv keeps what it was.",
)
MAX_NUMBER = 65_535


def geometry(options: Options) -> Geometry:
    return Geometry.RLE if options[KIND.name] == "objects" else Geometry.LABEL_MAP


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`; one image's annotations are held at a time, and every picture's name.

    Raises:
        InvalidRecord: as `SoundRecords`, or numbers that 16 bits do not hold.
    """
    records = SoundRecords(dataset)
    highest = max(records.categories, default=0)
    if options[KIND.name] == "semantic" and highest > MAX_NUMBER:
        raise InvalidRecord(f"category {highest} is more than the {MAX_NUMBER} that a pixel can say")
    kind = {"semantic": _semantic, "instance": _instance, "objects": _objects}[options[KIND.name]]
    depth = np.uint8 if highest < 256 else np.uint16
    steps = Steps(progress, dataset.image_count + dataset.annotation_count)
    names, images = StemNames(), ImageList()
    with Archive(stream) as archive:
        write_categories(archive, records.categories.values())
        for image in records.images():
            name = names.claim(image)
            part = f"{image.split}/" if image.split else ""
            images.add(f"images/{part}{name.name}", image)
            annotations = list(records.annotations(image))
            for entry, content in kind(
                f"masks/{part}{name.stem}", image, annotations, records, options, depth
            ):
                if isinstance(content, str):
                    with archive.document(entry) as document:
                        document.write(content.encode("utf-8"))
                else:
                    archive.copy(entry, png(content))
            if options[INCLUDE_IMAGES.name]:
                if image.open is None:
                    raise InvalidRecord(f"image {image.id} has no file to put into the export")
                archive.copy(f"images/{part}{name.name}", image.open())
            for _ in [image, *annotations]:
                steps.advance()
        images.write(archive)
    steps.finish()


Entries = Iterator[tuple[str, str | NDArray[Any]]]  # each file's name, and its text or pixels


def _semantic(
    path: str,
    image: ImageRecord,
    annotations: Sequence[AnnotationRecord],
    _records: SoundRecords,
    options: Options,
    depth: type,
) -> Entries:
    owners = painted(annotations, (image.height, image.width), options)
    category_of: NDArray[Any] = np.array([0, *(annotation.category_id for annotation in annotations)], depth)
    yield f"{path}.png", category_of[owners]


def _instance(
    path: str,
    image: ImageRecord,
    annotations: Sequence[AnnotationRecord],
    records: SoundRecords,
    options: Options,
    _depth: type,
) -> Entries:
    if len(annotations) > MAX_NUMBER:
        raise InvalidRecord(
            f"image {image.id} ({image.file_name!r:.100}) has {len(annotations)} objects, more than 16 bits can count"
        )
    owners = painted(annotations, (image.height, image.width), options)
    yield f"{path}.png", owners.astype(np.uint16)
    seen = np.bincount(owners.ravel(), minlength=len(annotations) + 1)
    yield (
        f"{path}.json",
        _document(
            image,
            (
                {"value": value, **_row(annotation, records)}
                for value, annotation in enumerate(annotations, 1)
                if seen[value]
            ),
        ),
    )


def _objects(
    path: str,
    image: ImageRecord,
    annotations: Sequence[AnnotationRecord],
    records: SoundRecords,
    _options: Options,
    _depth: type,
) -> Entries:
    rows = []
    for number, annotation in enumerate(annotations, 1):
        name = f"{number:03d}_{_file_part(records.category_of(annotation))}.png"
        rows.append({"file": name, **_row(annotation, records)})
        yield f"{path}/{name}", rle.decode(annotation.segmentation).astype(np.uint8) * 255
    yield f"{path}/objects.json", _document(image, iter(rows))


def _row(annotation: AnnotationRecord, records: SoundRecords) -> dict[str, Any]:
    category = records.category_of(annotation)
    return {"category_id": category.id, "category": category.name, **provenance_of(annotation)}


def _document(image: ImageRecord, rows: Iterator[dict[str, Any]]) -> str:
    head = f'{{"width": {image.width}, "height": {image.height}, "instances": ['
    lines = ",\n".join(map(dumps, rows))
    return f"{head}\n{lines}\n]}}\n" if lines else f"{head}]}}\n"


def _file_part(category: CategoryRecord) -> str:
    """The category's name as the part of a file name."""
    safe = FileNames().claim(category.name.replace("/", "_").replace("\\", "_"), category.id)
    return PurePosixPath(safe).name[:60]
