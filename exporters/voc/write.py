"""Writes Pascal VOC's folders, image by image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import numpy as np

from exporters.archive import Archive
from exporters.colour_map import PALETTE, colour
from exporters.errors import InvalidRecord
from exporters.geometry import Geometry
from exporters.image_list import ImageList
from exporters.label_map import painted
from exporters.label_png import png
from exporters.options import INCLUDE_IMAGES, Choice, ChoiceOption, Options
from exporters.overlap_option import OVERLAP
from exporters.read_records import provenance_of
from exporters.records import SPLITS, AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.sound_records import SoundRecords
from exporters.stem_names import StemName, StemNames
from exporters.steps import Progress, Steps
from exporters.streams import TextWriter
from exporters.voc.classes import BACKGROUND, VOID
from exporters.xml_document import escaped

MOST = VOID - 1  # classes, and objects of one image: their numbers have 8 bits, 0 and 255 have a meaning

CONTENT = ChoiceOption(
    name="content",
    title="What to write",
    choices=(
        Choice("masks", "Boxes and masks", "", "boxes and masks"),
        Choice("boxes", "Boxes alone", "For detectors, and for images of more than 254 objects", "boxes"),
    ),
    default="masks",
)
OPTIONS = (CONTENT, OVERLAP, INCLUDE_IMAGES)
LOSSES = (
    "Each pixel belongs to one object: where masks overlap, one of them has the pixel.",
    "At most 254 categories, and 254 objects with masks in one image.",
    "Without a split, all images are listed in train.",
    "Folders in a picture's name become part of its file name; images.csv keeps what it was.",
    "Supercategories, colours and ids of categories are not written; colons in their names become underscores.",
)


def geometry(options: Options) -> Geometry:
    return Geometry.LABEL_MAP if options[CONTENT.name] == "masks" else Geometry.BOX


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`; one image's annotations are held at a time, and every picture's name.

    Raises:
        InvalidRecord: as `SoundRecords`, too many categories, or too many objects in an image.
    """
    records = SoundRecords(dataset)
    if len(records.categories) > MOST:
        raise InvalidRecord(
            f"there are {len(records.categories)} categories; Pascal VOC's numbers end at {MOST}"
        )
    classes = _classes(records.categories.values())
    numbers = {category_id: number for number, category_id in enumerate(classes, 1)}
    steps = Steps(progress, dataset.image_count + dataset.annotation_count)
    names, images = StemNames(), ImageList()
    stems: dict[str, list[str]] = {split: [] for split in SPLITS}
    with Archive(stream) as archive:
        _write_text(archive, "labelmap.txt", _label_map(classes.values()))
        for image in records.images():
            name = names.claim(image)
            stems[image.split or SPLITS[0]].append(name.stem)
            images.add(f"JPEGImages/{name.name}", image)
            annotations = list(records.annotations(image))
            _write_text(
                archive, f"Annotations/{name.stem}.xml", _xml(image, name, annotations, classes, options)
            )
            if options[CONTENT.name] == "masks":
                _write_masks(archive, name.stem, image, annotations, numbers, options)
            if options[INCLUDE_IMAGES.name]:
                if image.open is None:
                    raise InvalidRecord(f"image {image.id} has no file to put into the export")
                archive.copy(f"JPEGImages/{name.name}", image.open())
            for _ in [image, *annotations]:
                steps.advance()
        tasks = ("Main", "Segmentation") if options[CONTENT.name] == "masks" else ("Main",)
        for task in tasks:
            for split, own in stems.items():
                # Training code opens these two whether or not there is anything in them.
                if own or split != "test":
                    _write_text(archive, f"ImageSets/{task}/{split}.txt", (f"{stem}\n" for stem in own))
        images.write(archive)
    steps.finish()


def _classes(categories: Iterable[CategoryRecord]) -> dict[int, str]:
    """The name of each category's class, by id: names are all that the format has, so that no two are the same."""
    taken = {BACKGROUND}
    found = {}
    for category in categories:
        wanted = " ".join(escaped_for_table(category.name).split()) or f"class {category.id}"
        name = wanted if wanted not in taken else f"{wanted}-{category.id}"
        while name in taken:
            name += "-"
        taken.add(name)
        found[category.id] = name
    return found


def escaped_for_table(name: str) -> str:
    """labelmap.txt has one class a line, parts of it between colons, and remarks behind a hash."""
    name = "".join(character if character.isprintable() else " " for character in name)
    return name.replace(":", "_").lstrip("# ")


def _label_map(names: Iterable[str]) -> Iterator[str]:
    yield "# label:color_rgb:parts:actions\n"
    for number, name in enumerate([BACKGROUND, *names]):
        yield f"{name}:{','.join(map(str, colour(number)))}::\n"


def _write_text(archive: Archive, name: str, lines: Iterable[str]) -> None:
    with archive.document(name) as document:
        writer = TextWriter(document)
        for line in lines:
            writer.text(line)
        writer.flush()


def _write_masks(
    archive: Archive,
    stem: str,
    image: ImageRecord,
    annotations: Sequence[AnnotationRecord],
    numbers: dict[int, int],
    options: Options,
) -> None:
    if len(annotations) > MOST:
        raise InvalidRecord(
            f"image {image.id} ({image.file_name!r:.100}) has {len(annotations)} objects; Pascal VOC's numbers end at "
            f"{MOST}: write boxes alone, or choose another format"
        )
    owners = painted(annotations, (image.height, image.width), options).astype(np.uint8)
    class_of = np.array([0, *(numbers[annotation.category_id] for annotation in annotations)], np.uint8)
    archive.copy(f"SegmentationClass/{stem}.png", png(class_of[owners], PALETTE))
    archive.copy(f"SegmentationObject/{stem}.png", png(owners, PALETTE))


def _xml(
    image: ImageRecord,
    name: StemName,
    annotations: Iterable[AnnotationRecord],
    classes: dict[int, str],
    options: Options,
) -> Iterator[str]:
    yield (
        "<annotation>\n"
        "  <folder>JPEGImages</folder>\n"
        f"  <filename>{escaped(name.name)}</filename>\n"
        "  <source><database>Unknown</database></source>\n"
        f"  <size><width>{image.width}</width><height>{image.height}</height><depth>3</depth></size>\n"
        f"  <segmented>{int(options[CONTENT.name] == 'masks')}</segmented>\n"
    )
    for annotation in annotations:
        x, y, width, height = annotation.bbox_xywh
        if width <= 0 or height <= 0:
            raise InvalidRecord(f"annotation {annotation.uuid or annotation.id} has no pixel")
        # Pixels are counted from 1, and the last one is inside: VOC's own habit.
        yield (
            "  <object>\n"
            f"    <name>{escaped(classes[annotation.category_id])}</name>\n"
            "    <pose>Unspecified</pose>\n"
            "    <truncated>0</truncated>\n"
            "    <difficult>0</difficult>\n"
            f"    <bndbox><xmin>{x + 1:g}</xmin><ymin>{y + 1:g}</ymin>"
            f"<xmax>{x + width:g}</xmax><ymax>{y + height:g}</ymax></bndbox>\n"
        )
        known = provenance_of(annotation)
        if known:
            yield f"    <attributes>{''.join(_attribute(*each) for each in known.items())}</attributes>\n"
        yield "  </object>\n"
    yield "</annotation>\n"


def _attribute(name: str, value: Any) -> str:
    said = json.dumps(value) if isinstance(value, dict) else value
    return f"<attribute><name>{name}</name><value>{escaped(said)}</value></attribute>"
