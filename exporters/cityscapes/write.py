"""Writes Cityscapes' folders, image by image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from exporters.archive import Archive
from exporters.category_table import write_categories
from exporters.cityscapes.labels import NOBODY, UNTRAINED, Label, are_own, labels_for
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.geometry import Geometry
from exporters.image_list import ImageList
from exporters.label_map import painted
from exporters.label_png import png
from exporters.options import INCLUDE_IMAGES, Options
from exporters.overlap_option import OVERLAP
from exporters.polygons import HOLES, TOLERANCE, rings_of
from exporters.read_records import provenance_of
from exporters.records import SPLITS, AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.sound_records import SoundRecords
from exporters.stem_names import StemNames
from exporters.steps import Progress, Steps
from exporters.streams import TextWriter, dumps

PICTURE_ENDING = "_leftImg8bit"
OF_ONE_LABEL = 1000  # numbers in instanceIds
MOST_LABELS = 64  # of the next one's thousand numbers 16 bits hold but half
OPTIONS = (OVERLAP, HOLES, TOLERANCE, INCLUDE_IMAGES)
LOSSES = (
    "Each pixel belongs to one object: where masks overlap, one of them has the pixel, and one that others hide wholly "
    "stands in the polygons alone.",
    "Of Cityscapes' own categories those without instances (road, sky, ...) come as one region an image.",
    "With one category that is not Cityscapes' own, all get numbers from 1 on, for training too.",
    "At most 64 categories of one's own, and 1000 objects of one category in an image.",
    "Without a split, all images are written to train.",
    "Folders in a picture's name become part of its file name; images.csv keeps what it was.",
)


def geometry(_options: Options) -> Geometry:
    return Geometry.LABEL_MAP


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`; one image's annotations are held at a time, and every picture's name.

    Raises:
        InvalidRecord: as `SoundRecords`, or more categories or objects than the numbers hold.
    """
    records = SoundRecords(dataset)
    labels = labels_for(records.categories.values())
    if len(labels) > MOST_LABELS:
        raise InvalidRecord(f"there are {len(labels)} categories; Cityscapes' instanceIds hold {MOST_LABELS}")
    steps = Steps(progress, dataset.image_count + dataset.annotation_count)
    names, images = StemNames(), ImageList()
    with Archive(stream) as archive:
        if not are_own(records.categories.values()):
            _write_labels(archive, records, labels)
        for image in records.images():
            city, renamed = _city_and_name(image)
            name = names.claim(renamed)
            split = image.split or SPLITS[0]
            picture = f"leftImg8bit/{split}/{city}/{name.stem}{PICTURE_ENDING}{name.extension}"
            images.add(picture, image)
            annotations = list(records.annotations(image))
            of_each = [labels[annotation.category_id] for annotation in annotations]
            _write_image(
                archive, f"gtFine/{split}/{city}/{name.stem}_gtFine", image, annotations, of_each, options
            )
            if options[INCLUDE_IMAGES.name]:
                if image.open is None:
                    raise InvalidRecord(f"image {image.id} has no file to put into the export")
                archive.copy(picture, image.open())
            for _ in [image, *annotations]:
                steps.advance()
        images.write(archive)
    steps.finish()


def _city_and_name(image: ImageRecord) -> tuple[str, ImageRecord]:
    """The folder that stands for a city, and the image with the name that stands before Cityscapes' endings."""
    path = PurePosixPath(FileNames().claim(image.file_name, image.id))
    stem = path.stem.removesuffix(PICTURE_ENDING)
    is_own = stem != path.stem and stem.count("_") >= 2  # <city>_<sequence>_<frame>
    city = stem.partition("_")[0] if is_own else path.parts[0] if len(path.parts) > 1 else "all"
    if not is_own:
        return city, replace(image, file_name=path.with_name(f"{stem}{path.suffix}").as_posix())
    return city, replace(image, file_name=f"{stem}{path.suffix}")


def _write_labels(archive: Archive, records: SoundRecords, labels: dict[int, Label]) -> None:
    """categories.json with the names as they are, and label_colors.txt, where a name is one word."""
    numbered = (
        replace(category, id=labels[category_id].id) for category_id, category in records.categories.items()
    )
    write_categories(archive, numbered)
    with archive.document("label_colors.txt") as document:
        writer = TextWriter(document)
        writer.text("0 0 0 unlabeled\n")
        taken = {"unlabeled"}
        for category_id, label in labels.items():
            name = _one_word(records.categories[category_id])
            name = name if name not in taken else f"{name}-{label.id}"
            taken.add(name)
            writer.text(f"{' '.join(map(str, label.colour))} {name}\n")
        writer.flush()


def _one_word(category: CategoryRecord) -> str:
    name = "".join(
        letter if letter.isprintable() and not letter.isspace() else "_" for letter in category.name
    )
    return name or f"category_{category.id}"


def _write_image(
    archive: Archive,
    path: str,
    image: ImageRecord,
    annotations: Sequence[AnnotationRecord],
    labels: Sequence[Label],
    options: Options,
) -> None:
    owners = painted(annotations, (image.height, image.width), options)
    instances = _instance_numbers(image, labels)
    with archive.document(f"{path}_polygons.json") as document:
        writer = TextWriter(document)
        for text in _polygons(image, annotations, labels, instances, options):
            writer.text(text)
        writer.flush()
    of_owner: dict[str, list[Any]] = {
        "labelIds": [NOBODY, *(label.id for label in labels)],
        "labelTrainIds": [UNTRAINED, *(label.train_id for label in labels)],
        "color": [(0, 0, 0), *(label.colour for label in labels)],
    }
    for ending, values in of_owner.items():
        table: NDArray[Any] = np.array(values, np.uint8)
        archive.copy(f"{path}_{ending}.png", png(table[owners]))
    archive.copy(f"{path}_instanceIds.png", png(np.array([NOBODY, *instances], np.uint16)[owners]))


def _instance_numbers(image: ImageRecord, labels: Sequence[Label]) -> list[int]:
    """What instanceIds has for each object: the label, or 1000 times it and the object's number from 0 on."""
    counts: dict[int, int] = {}
    numbers = []
    for label in labels:
        number = counts.get(label.id, 0)
        counts[label.id] = number + 1
        if label.has_instances and number >= OF_ONE_LABEL:
            raise InvalidRecord(
                f"image {image.id} ({image.file_name!r:.100}) has more than {OF_ONE_LABEL} objects of the category "
                f"{label.name!r:.100}, which is all that Cityscapes' instanceIds hold"
            )
        numbers.append(label.id * OF_ONE_LABEL + number if label.has_instances else label.id)
    return numbers


def _polygons(
    image: ImageRecord,
    annotations: Sequence[AnnotationRecord],
    labels: Sequence[Label],
    instances: Sequence[int],
    options: Options,
) -> Iterator[str]:
    """The document of one image. Readers paint its objects one over the other, so they come in that order."""
    yield f'{{"imgHeight": {image.height}, "imgWidth": {image.width}, "objects": ['
    order = list(range(len(annotations)))
    if options[OVERLAP.name] == "earlier":
        order.reverse()
    elif options[OVERLAP.name] == "smaller":
        order.sort(key=lambda index: -annotations[index].area)
    separator = "\n"
    for index in order:
        known = {"instance": instances[index], **provenance_of(annotations[index])}
        for ring in rings_of(annotations[index].segmentation, options):
            values = [int(value) if value.is_integer() else round(value, 3) for value in ring]
            corners = list(zip(values[::2], values[1::2], strict=True))
            yield separator + dumps({"label": labels[index].name, "polygon": corners, **known})
            separator = ",\n"
    yield "\n]}\n"
