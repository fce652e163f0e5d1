"""Reads COCO's instances files, or a zip of them and their pictures, as this program and others write them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from exporters import fields
from exporters.coco.documents import Document, Ids, begins_as_instances, id_of, names_in, refuse_others, whole
from exporters.errors import UnreadableFile
from exporters.reading import ReadReport
from exporters.records import (
    SPLITS,
    AnnotationRecord,
    CategoryRecord,
    DatasetRecord,
    ImageRecord,
    LicenceRecord,
)
from exporters.row_store import Row, place_of
from exporters.source import Pictures, Source

# The masks of so many images are checked at a time: of small ones, some hundred.
CHARACTERS_TOGETHER = 64 * 1024
ROW_CHARACTERS = 100  # of an image or an annotation beside its mask


def recognises(source: Source) -> bool:
    """Whether the .json file that would be read first begins as an instances file does."""
    try:
        return begins_as_instances(source, names_in(source)[0])
    except UnreadableFile:
        return False


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of one file, or of one for each split (`documents.names_in`), see `exporters.reading.Reader`.

    `iscrowd` regions are refused, since no record can say that a mask stands for many; attributes and key points are
    left out and reported once each. Area and bbox are those of the mask, whatever the file says; where there is no
    segmentation, the mask is the box. Where an id of a list is 0, all ids of that list are one higher in the records,
    and those of a second file are raised above the first's. Categories of one name in several files are one. Roboflow's
    category 0, which stands for the others together, is left out.

    Raises:
        UnreadableFile: no JSON object with the lists `images` and `annotations`, or more than MAX_DOCUMENT_BYTES.
    """
    names, pictures = names_in(source), Pictures(source)
    refuse_others(source, names, report)
    documents = [Document(source, pictures, name, report, is_one_of_several=len(names) > 1) for name in names]
    info = documents[0].info
    name, description = fields.text(info, "dataset"), fields.text(info, "description")
    categories = _Categories()
    image_ids, annotation_ids = Ids(), Ids()
    parts = [
        _Images(
            document,
            categories.of(document, report),
            source,
            report,
            (image_ids.shift_of(document.images), annotation_ids.shift_of(document.annotations)),
        )
        for document in documents
    ]
    return DatasetRecord(
        name=name,
        description="" if description == name else description,
        created_at=fields.time(info.get("date_created")),
        licences=tuple(_licences(documents[0].licences)),
        categories=tuple(categories.records),
        images=_OneAfterTheOther(parts),
        image_count=sum(len(document.images) for document in documents),
        annotation_count=sum(len(document.annotations) for document in documents),
    )


class _OneAfterTheOther:
    def __init__(self, parts: list[_Images]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[ImageRecord]:
        for part in self._parts:
            yield from part


class _Images:
    """The images of one file with their annotations, made anew each time."""

    def __init__(
        self,
        document: Document,
        categories: dict[int, CategoryRecord],
        source: Source,
        report: ReadReport,
        shifts: tuple[int, int],
    ) -> None:
        self._document, self._categories = document, categories
        self._source, self._report = source, report
        self._image_shift, self._annotation_shift = shifts

    def __iter__(self) -> Iterator[ImageRecord]:
        batch: list[_Waiting] = []
        characters = 0
        for row in self._document.images:
            try:
                hw = self._document.hw_of(row.values)
            except fields.Refused as error:  # its file has changed
                self._report.refuse(row.place, error.code, str(error))
                continue
            waiting = _Waiting(row, hw, [*self._annotations_of(row.id, hw)])
            batch.append(waiting)
            characters += ROW_CHARACTERS + sum(map(_characters, waiting.annotations))
            if characters >= CHARACTERS_TOGETHER:
                yield from self._made(batch)
                batch, characters = [], 0
        yield from self._made(batch)

    def _made(self, batch: list[_Waiting]) -> Iterator[ImageRecord]:
        measured = iter(
            fields.measured_together(
                [annotation for image in batch for _, annotation in image.annotations],
                [image.hw for image in batch for _ in image.annotations],
            )
        )
        for row, (height, width), waiting in batch:
            annotations = []
            for place, _ in waiting:
                one = next(measured)
                if isinstance(one, AnnotationRecord):
                    annotations.append(one)
                else:
                    self._report.refuse(place, one.code, str(one))
            picture = self._document.picture_of(row.values)
            yield ImageRecord(
                id=row.id + self._image_shift,
                file_name=row.values["file_name"],
                height=height,
                width=width,
                annotations=tuple(annotations),
                digest=fields.text(row.values, "digest"),
                created_at=fields.time(row.values.get("date_captured")),
                open=partial(self._source.open, picture) if picture else None,
                split=split if (split := row.values.get("split")) in SPLITS else self._document.split,
            )

    def _annotations_of(self, image_id: int, hw: tuple[int, int]) -> Iterator[tuple[str, fields.Unmeasured]]:
        """Each with its place in the file."""
        for row in self._document.annotations.of(image_id):
            try:
                yield row.place, self._annotation(row, hw)
            except fields.FAULTS as error:
                self._report.refuse(row.place, error.code, str(error))

    def _annotation(self, row: Row, hw: tuple[int, int]) -> fields.Unmeasured:
        values = row.values
        category_id = whole(values.get("category_id"))
        if not fields.is_id(category_id) or category_id not in self._categories:
            raise fields.Refused("category_unknown", f"category {category_id!r:.100} is not listed")
        if values.get("iscrowd"):
            raise fields.Refused(
                "crowd_region", "a region that stands for many cannot be kept as one instance"
            )
        self._say_what_is_left_out(values)
        segmentation, is_box = _segmentation(values, hw)
        told = fields.told_origin(values)
        return fields.Unmeasured(
            row.id + self._annotation_shift,
            self._categories[category_id].id,
            segmentation,
            told | {"is_box": True} if is_box else told,
        )

    def _say_what_is_left_out(self, values: dict[str, Any]) -> None:
        """What an annotation has no room for is reported once each."""
        attributes = values.get("attributes")
        names = [name for name, value in attributes.items() if value] if isinstance(attributes, dict) else []
        for name in names:
            self._report.refuse(
                f"{self._document.told}attribute {name!r:.100}",
                "attribute",
                "annotations have no attributes of their own here",
            )
        if values.get("num_keypoints") or (values.get("keypoints") and "num_keypoints" not in values):
            self._report.refuse(
                f"{self._document.told}keypoints", "keypoints", "key points are not read; the masks are"
            )


class _Waiting(NamedTuple):
    """An image whose masks are not yet checked."""

    row: Row
    hw: tuple[int, int]
    annotations: list[tuple[str, fields.Unmeasured]]


def _characters(waiting: tuple[str, fields.Unmeasured]) -> int:
    """About the room that it takes."""
    segmentation = waiting[1].segmentation
    counts = segmentation.get("counts") if isinstance(segmentation, dict) else None
    return ROW_CHARACTERS + (len(counts) if isinstance(counts, str) else 0)


def _segmentation(values: dict[str, Any], hw: tuple[int, int]) -> tuple[Any, bool]:
    """The mask as `fields.drawn` gives it, and whether it is only the box: detectors' files have no other."""
    value = values.get("segmentation")
    if value in (None, [], [[]], "") and values.get("bbox") is not None:
        return fields.box_mask(values["bbox"], hw), True
    if isinstance(value, list) and value and isinstance(value[0], int | float):
        value = [value]  # VIA writes one outline without the list around it
    return fields.drawn(value, hw), False


class _Categories:
    """The categories of all documents together."""

    def __init__(self) -> None:
        self.records: list[CategoryRecord] = []

    def of(self, document: Document, report: ReadReport) -> dict[int, CategoryRecord]:
        """Those of one document by the id that it gives them; a name known from another document is that one."""
        own = _categories(document, report)
        if not self.records:
            self.records = list(own.values())
            return own
        by_name = {category.name: category for category in reversed(self.records)}
        taken = {category.id for category in self.records}
        found = {}
        for row_id, category in own.items():
            if category.name not in by_name:
                free = category.id if category.id not in taken else max(taken) + 1
                by_name[category.name] = replace(category, id=free)
                taken.add(free)
                self.records.append(by_name[category.name])
            found[row_id] = by_name[category.name]
        return found


def _categories(document: Document, report: ReadReport) -> dict[int, CategoryRecord]:
    """By the id that the file gives them."""
    found: dict[int, CategoryRecord] = {}
    seen: set[int] = set()
    for index, values in enumerate(document.categories):
        place = f"{document.told}categories[{index}]"
        try:
            row_id = id_of(values)
            if row_id in seen:
                raise fields.Refused("id_twice", f"id {row_id} comes twice")
            seen.add(row_id)
            place = place_of(f"{document.told}categories", index, row_id)
            name = fields.text(values, "name")
            if not name:
                raise fields.Refused("name_missing", f"name is {values.get('name')!r:.100}")
            found[row_id] = CategoryRecord(
                row_id, name, fields.text(values, "supercategory"), fields.text(values, "color")
            )
        except fields.Refused as error:
            report.refuse(place, error.code, str(error))
    if 0 in found and 0 not in document.used and _stands_for_others(found[0], found):
        del found[0]
        seen.remove(0)
    if 0 in seen:
        return {row_id: replace(category, id=row_id + 1) for row_id, category in found.items()}
    return found


def _stands_for_others(category: CategoryRecord, found: dict[int, CategoryRecord]) -> bool:
    return any(other.supercategory == category.name for other in found.values() if other is not category)


def _licences(entries: list[Any]) -> Iterator[LicenceRecord]:
    for values in entries:
        if isinstance(values, dict) and fields.is_whole(values.get("id")):
            yield LicenceRecord(values["id"], fields.text(values, "name"), fields.text(values, "url"))
