"""Reads COCO's panoptic files, as this program, COCO and Datumaro write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from exporters import fields, label_map
from exporters.errors import UnreadableFile
from exporters.json_stream import entries
from exporters.merged_documents import MergedCategories, MergedIds
from exporters.reading import ReadReport
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord, LicenceRecord, Rle
from exporters.row_store import Row, RowStore
from exporters.source import ZIP_FAULTS, Pictures, Source, faults_of
from exporters.splits import split_in

HEAD_BYTES = 64 * 1024
# COCO's own documents list all images before the first segment, but their name says what they are.
STEM = "panoptic"
SIGNS = (re.compile(rb'"segments_info"\s*:'), re.compile(rb'"isthing"\s*:'))
PICTURE_FAULTS = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    SyntaxError,
    UnreadableFile,
    *ZIP_FAULTS,
)


def recognises(source: Source) -> bool:
    """Whether a .json file is named or begins as a panoptic one."""
    try:
        return bool(_document_names(source))
    except (UnreadableFile, KeyError, *ZIP_FAULTS):
        return False


def read(source: Source, report: ReadReport) -> DatasetRecord:
    """The records of all panoptic documents, see `exporters.reading.Reader`.

    Crowds are refused, since no record can say that a mask stands for many. Pixels of a number that no segment has are
    reported. Images and categories keep their ids, but where two documents use one for different things.

    Raises:
        UnreadableFile: there is no panoptic document, or one is damaged.
    """
    names = _document_names(source)
    if not names:
        raise UnreadableFile("there is no .json file with panoptic segments")
    categories = MergedCategories()
    documents = [_document(source, name, categories, report) for name in names]
    info = documents[0].info
    name, description = fields.text(info, "dataset"), fields.text(info, "description")
    return DatasetRecord(
        name=name,
        description="" if description == name else description,
        created_at=fields.time(info.get("date_created")),
        licences=tuple(documents[0].licences),
        categories=categories.all(),
        images=_Images(documents, source, report),
        image_count=sum(len(document.images) for document in documents),
        annotation_count=sum(document.segments for document in documents),
    )


def _document_names(source: Source) -> list[str]:
    return [name for name in source.names if name.lower().endswith(".json") and _is_panoptic(source, name)]


def _is_panoptic(source: Source, name: str) -> bool:
    with faults_of(name), source.open(name) as stream:
        head = stream.read(HEAD_BYTES)
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    named = PurePosixPath(name).name.lower().startswith(STEM) and b'"images"' in head
    return named or all(sign.search(head) for sign in SIGNS)


@dataclass
class _Document:
    """One document, its long lists on the disk."""

    name: str
    images: RowStore
    annotations: RowStore
    categories: dict[int, CategoryRecord] = field(default_factory=dict)  # by the id in the document
    licences: list[LicenceRecord] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    segments: int = 0


def _document(source: Source, name: str, categories: MergedCategories, report: ReadReport) -> _Document:
    document = _Document(
        name, RowStore(f"{name}: images", report), RowStore(f"{name}: annotations", report, has_ids=False)
    )
    listed = []
    for key, row, value in entries(source, name):
        if key == "info" and isinstance(value, dict):
            document.info = value
        elif row is None:
            if key == "annotations" and not isinstance(value, list):
                raise UnreadableFile(f"{name}: 'annotations' is no list")
        elif key == "categories":
            listed.append(value)
        elif key == "licenses" and isinstance(value, dict) and fields.is_whole(value.get("id")):
            document.licences.append(
                LicenceRecord(value["id"], fields.text(value, "name"), fields.text(value, "url"))
            )
        elif key in ("images", "annotations"):
            place = f"{name}: {key}[{row}]"
            try:
                if key == "images":
                    _keep_image(document, row, value)
                else:
                    _keep_annotation(document, row, value)
            except fields.Refused as error:
                report.refuse(place, error.code, str(error))
    document.images.complete()
    document.annotations.complete()
    _take_categories(document, listed, categories, report)
    for owner in [owner for owner in document.annotations.owners() if not document.images.has(owner)]:
        for place in document.annotations.places_of(owner):
            report.refuse(place, "image_unknown", f"image {owner} is not listed")
        document.annotations.drop(owner)
    return document


def _keep_image(document: _Document, row: int, values: Any) -> None:
    row_id = values.get("id") if isinstance(values, dict) else None
    if not fields.is_id(row_id):
        raise fields.Refused("id_missing", f"id is {row_id!r:.100}; it must be a whole number")
    if not fields.text(values, "file_name"):
        raise fields.Refused("file_name_missing", f"file_name is {values.get('file_name')!r:.100}")
    fields.image_hw(values.get("height"), values.get("width"))
    document.images.add(row, row_id, row_id, values)


def _keep_annotation(document: _Document, row: int, values: Any) -> None:
    image_id = values.get("image_id") if isinstance(values, dict) else None
    if not fields.is_id(image_id):
        raise fields.Refused("image_unknown", f"image {image_id!r:.100} is not listed")
    if not fields.text(values, "file_name"):
        raise fields.Refused("file_name_missing", f"file_name is {values.get('file_name')!r:.100}")
    if not isinstance(values.get("segments_info"), list):
        raise fields.Refused("segments_missing", "segments_info is no list")
    document.annotations.add(row, row, image_id, values)
    document.segments += len(values["segments_info"])


def _take_categories(
    document: _Document, listed: list[Any], categories: MergedCategories, report: ReadReport
) -> None:
    for index, values in enumerate(listed):
        row_id = values.get("id") if isinstance(values, dict) else None
        place = f"{document.name}: categories[{index}]"
        if not fields.is_id(row_id):
            report.refuse(place, "id_missing", f"id is {row_id!r:.100}; it must be a whole number")
        elif row_id in document.categories:
            report.refuse(place, "id_twice", f"id {row_id} comes twice")
        elif not fields.text(values, "name"):
            report.refuse(place, "name_missing", f"name is {values.get('name')!r:.100}")
        else:
            document.categories[row_id] = categories.add(
                row_id, values["name"], fields.text(values, "supercategory"), fields.text(values, "color")
            )


class _Images:
    """The images of all documents with their annotations, made anew each time."""

    def __init__(self, documents: list[_Document], source: Source, report: ReadReport) -> None:
        self._documents, self._source, self._report = documents, source, report
        self._pictures = Pictures(source)
        # "annotations/panoptic_val/" holds the PNGs of annotations/panoptic_val.json.
        self._map_folders = [
            str(PurePosixPath(document.name).with_suffix("")) + "/" for document in documents
        ]

    def __iter__(self) -> Iterator[ImageRecord]:
        ids, number = MergedIds(), 0
        for document, folder in zip(self._documents, self._map_folders, strict=True):
            split = split_in(_part_of(folder).rstrip("0123456789"))  # train2017
            for row in document.images:
                annotations = []
                for segment in self._annotations_of(document, folder, row):
                    number += 1
                    annotations.append(segment(number))
                yield ImageRecord(
                    id=ids.claim(row.id),
                    file_name=row.values["file_name"],
                    width=row.values["width"],
                    height=row.values["height"],
                    annotations=tuple(annotations),
                    digest=fields.text(row.values, "digest"),
                    created_at=fields.time(row.values.get("date_captured")),
                    open=self._opener(folder, row.values["file_name"]),
                    split=split,
                )

    def _annotations_of(
        self, document: _Document, folder: str, image: Row
    ) -> Iterator[Callable[[int], AnnotationRecord]]:
        """What makes each annotation of one image, when it is given its number."""
        hw = (image.values["height"], image.values["width"])
        for row in document.annotations.of(image.id):
            try:
                masks = dict(label_map.masks_in(self._labels(folder, row.values["file_name"], hw)))
            except fields.Refused as error:
                self._report.refuse(row.place, error.code, str(error))
                continue
            masks.pop(0, None)
            for index, values in enumerate(row.values["segments_info"]):
                place = f"{row.place}: segments_info[{index}]"
                try:
                    yield self._annotation(document, values, masks)
                except fields.FAULTS as error:
                    self._report.refuse(place, error.code, str(error))
            if masks:
                self._report.refuse(
                    row.place,
                    "segment_unlisted",
                    f"segments_info lists no {', '.join(map(str, list(masks)[:5]))}, but the PNG has "
                    f"{'them' if len(masks) > 1 else 'it'}",
                )

    def _annotation(
        self, document: _Document, values: Any, masks: dict[int, Rle]
    ) -> Callable[[int], AnnotationRecord]:
        segment_id = values.get("id") if isinstance(values, dict) else None
        if not fields.is_whole(segment_id):
            raise fields.Refused("id_missing", f"id is {segment_id!r:.100}; it must be a whole number")
        segmentation = masks.pop(segment_id, None)
        category_id = values.get("category_id")
        if not fields.is_id(category_id) or category_id not in document.categories:
            raise fields.Refused("category_unknown", f"category {category_id!r:.100} is not listed")
        if values.get("iscrowd"):
            raise fields.Refused(
                "crowd_region", "a region that stands for many cannot be kept as one instance"
            )
        if segmentation is None:
            raise fields.Refused("mask_empty", f"the PNG has no pixel of segment {segment_id}")
        attributes = values.get("attributes")
        make = partial(
            fields.annotation,
            category_id=document.categories[category_id].id,
            segmentation=segmentation,
            values=attributes if isinstance(attributes, dict) else {},
        )
        make(1)  # what is wrong shows before a number is used up
        return make

    def _labels(self, folder: str, file_name: str, hw: tuple[int, int]) -> NDArray[Any]:
        """Of each pixel the number of its segment, (H, W)."""
        name = self._pictures.find(f"{folder}{file_name}")
        # Some unpack panoptic_val/ beside annotations/; a picture of the same name elsewhere is not meant.
        if name is None or f"/{PurePosixPath(folder).name}/" not in f"/{name}":
            raise fields.Refused("png_missing", f"there is no {folder}{file_name}")
        try:
            with self._source.open(name) as stream, Image.open(stream) as picture:
                if picture.size != (hw[1], hw[0]):
                    raise fields.Refused(
                        "mask_size_mismatch",
                        f"{name} is {picture.size[0]} x {picture.size[1]}, the image {hw[1]} x {hw[0]}",
                    )
                # One channel is the number itself, as panopticapi has it.
                one_channel = picture.mode in ("L", "P", "I", "I;16")
                pixels = np.asarray(picture if one_channel else picture.convert("RGB"))
        except PICTURE_FAULTS as error:
            raise fields.Refused("png_unreadable", f"{name} is no PNG of segments: {error}") from None
        if one_channel:
            return pixels
        red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
        return red + 256 * green + 256**2 * blue

    def _opener(self, folder: str, file_name: str) -> Callable[[], IO[bytes]] | None:
        part = _part_of(folder)
        for wanted in (f"images/{part}/{file_name}", f"images/{file_name}", file_name):
            name = self._pictures.find(wanted)
            if name and not name.startswith(tuple(self._map_folders)):
                return partial(self._source.open, name)
        return None


def _part_of(folder: str) -> str:
    """ "val" of "annotations/panoptic_val/"."""
    return PurePosixPath(folder).name.removeprefix(f"{STEM}_")
