"""Writes CVAT's XML as a stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from exporters import fields, mask_or_polygons
from exporters.archive import Archive
from exporters.cvat.attributes import ATTRIBUTES
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.named_categories import check_names_differ
from exporters.options import INCLUDE_IMAGES, Options
from exporters.polygons import rings_of
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.shapes import cropped, row_runs
from exporters.sound_records import SoundRecords
from exporters.steps import Progress, Steps
from exporters.streams import TextWriter, finite
from exporters.xml_text import sayable

DOCUMENT = "annotations.xml"
OPTIONS = (*mask_or_polygons.OPTIONS, INCLUDE_IMAGES)
LOSSES = (
    "Supercategories are not written.",
    "Where masks go out as polygons, holes are cut open or filled.",
)
NO_SPLIT = "default"  # CVAT's own word
COLOR = re.compile(r"#[0-9a-fA-F]{6}")

geometry = mask_or_polygons.geometry


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream` in memory that does not grow with the masks.

    The head says which splits there are, so the images are gone through once before; and once more for the files.

    Raises:
        InvalidRecord: as `SoundRecords`; two categories of one name; an image without the file that it should bring.
    """
    categories = [replace(category, name=sayable(category.name)) for category in dataset.categories]
    check_names_differ(categories)
    dataset = replace(dataset, categories=tuple(categories))
    passes = 2 if options["include_images"] else 1
    steps = Steps(progress, passes * dataset.image_count + dataset.annotation_count)
    splits = sorted({image.split for image in dataset.images})
    has_splits = any(splits)
    listed: dict[int, str] = {}
    with Archive(stream) as archive:
        with archive.document(DOCUMENT) as document:
            writer = TextWriter(document)
            writer.text('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
            writer.text(_meta(dataset, splits if has_splits else []))
            names = FileNames()
            records = SoundRecords(dataset)
            groups = count(1)
            for index, image in enumerate(records.images()):
                listed[image.id] = names.claim(image.file_name, image.id)
                writer.text(_image_tag(index, image, listed[image.id], has_splits))
                for annotation in records.annotations(image):
                    label = records.category_of(annotation).name
                    for shape in _shapes(annotation, label, groups, options):
                        writer.text(shape)
                    steps.advance()
                writer.text("  </image>\n")
                steps.advance()
            writer.text("</annotations>\n")
            writer.flush()
        if options["include_images"]:
            _copy_files(dataset, archive, listed, has_splits, steps)
    steps.finish()


def _copy_files(
    dataset: DatasetRecord, archive: Archive, listed: dict[int, str], has_splits: bool, steps: Steps
) -> None:
    for image in dataset.images:
        if image.id not in listed:
            continue  # came in after the document was written
        if image.open is None:
            raise InvalidRecord(f"image {image.id} has no file to put into the export")
        folder = f"images/{image.split or NO_SPLIT}" if has_splits else "images"
        archive.copy(f"{folder}/{listed[image.id]}", image.open())
        steps.advance()


def _meta(dataset: DatasetRecord, splits: list[str]) -> str:
    """A project's head where there are subsets, else a task's."""
    kind = "project" if splits else "task"
    lines = [
        "  <meta>",
        f"    <{kind}>",
        f"      <name>{_text(dataset.name)}</name>",
        f"      <size>{dataset.image_count}</size>",
        "      <mode>annotation</mode>",
        "      <labels>",
        *(line for category in dataset.categories for line in _label(category)),
        "      </labels>",
    ]
    if splits:
        lines += ["      <subsets>", *(f"        <subset>{split or NO_SPLIT}</subset>" for split in splits)]
        lines += ["      </subsets>"]
    lines += [f"    </{kind}>", "  </meta>", ""]
    return "\n".join(lines)


def _label(category: CategoryRecord) -> Iterator[str]:
    yield f"        <label>\n          <name>{_text(category.name)}</name>"
    if COLOR.fullmatch(category.color):
        yield f"          <color>{category.color}</color>"
    yield "          <type>any</type>\n          <attributes>"
    for name in ATTRIBUTES:
        yield (
            f"            <attribute><name>{name}</name><mutable>False</mutable><input_type>text</input_type>"
            "<default_value></default_value><values></values></attribute>"
        )
    yield "          </attributes>\n        </label>"


def _image_tag(index: int, image: ImageRecord, name: str, has_splits: bool) -> str:
    values = {"id": str(index), "name": name}
    if has_splits:
        values["subset"] = image.split or NO_SPLIT
    return f"  <image{_attributes(values | {'width': str(image.width), 'height': str(image.height)})}>\n"


def _shapes(
    annotation: AnnotationRecord, label: str, groups: Iterator[int], options: Options
) -> Iterator[str]:
    head = {"label": label, "source": "manual", "occluded": "0"}
    if mask_or_polygons.are_masks(options):
        mask, left, top = cropped(annotation.segmentation)
        height, width = mask.shape
        if mask.size:
            runs = ", ".join(map(str, row_runs(mask)))
            box = {"left": str(left), "top": str(top), "width": str(width), "height": str(height)}
            yield _shape("mask", head | {"rle": runs} | box | {"z_order": "0"}, annotation)
        return
    rings = rings_of(annotation.segmentation, options)
    group = {"group_id": str(next(groups))} if len(rings) > 1 else {}
    for ring in rings:
        points = ";".join(f"{_number(x)},{_number(y)}" for x, y in zip(ring[::2], ring[1::2], strict=True))
        yield _shape("polygon", head | {"points": points, "z_order": "0"} | group, annotation)


def _shape(tag: str, values: Mapping[str, str], annotation: AnnotationRecord) -> str:
    origin = {
        **fields.origin(annotation),
        "predicted_iou": finite(annotation.predicted_iou),
        "stability_score": finite(annotation.stability_score),
    }
    lines = [f"    <{tag}{_attributes(values)}>\n"]
    for name in ATTRIBUTES:
        value = origin.get(name)
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            lines.append(f'      <attribute name="{name}">{_text(text)}</attribute>\n')
    return "".join([*lines, f"    </{tag}>\n"])


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(sayable(value))}" for name, value in values.items())


def _text(text: str) -> str:
    return escape(sayable(text), {"\r": "&#13;"})
