"""Querysets -> exporters.records.

Reads in batches: with a cursor left open, SQLite would refuse to write the export's progress.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import PurePosixPath
from typing import BinaryIO

from annotator.datasets import selection as selections
from annotator.datasets.errors import PictureMissing
from annotator.datasets.selection import EVERYTHING, ExportedCategories, Selection
from annotator.datasets.splitting import Splitter
from annotator.files import stored
from annotator.models import Annotation, Image, Overlap, Project
from annotator.models.annotation import AnnotationQuerySet
from annotator.models.image import ImageQuerySet
from exporters.overlaps import without_overlaps
from exporters.records import AnnotationRecord, DatasetRecord, ImageRecord

BATCH_IMAGES = 200


def build(project: Project, selection: Selection = EVERYTHING) -> DatasetRecord:
    """A project, or what is selected of it, as one dataset."""
    images = selections.images_in(project, selection)
    annotations = selections.annotations_in(project, selection)
    categories = selections.categories_in(project, selection)
    return DatasetRecord(
        name=project.name,
        description=project.description,
        categories=categories.records,
        images=_ImageRecords(
            images,
            annotations,
            categories,
            project.overlap,
            Splitter(images, annotations, selection.split),
        ),
        image_count=images.count(),
        annotation_count=annotations.filter(image__in=images).count(),
    )


def stored_name(image: Image) -> str:
    """Folder and name as uploaded, with the extension of what is stored: `scan.tif` was turned into a PNG."""
    return str(PurePosixPath(image.folder) / name_as_stored(image.name, str(image.file)))


def open_picture(image: Image) -> BinaryIO:
    """The stored picture, for reading. Raises PictureMissing."""
    try:
        return stored.open_file(image.file)
    except FileNotFoundError as error:
        raise PictureMissing(image) from error


def name_as_stored(name: str, file: str) -> str:
    """A name with the extension of a file."""
    suffix = PurePosixPath(file).suffix
    # Former versions let names in that are made of dots; those are folders'.
    return str(PurePosixPath(name).with_suffix(suffix)) if name.strip(". /") else f"image{suffix}"


@dataclass(frozen=True)
class _ImageRecords:
    """The images of one project in its order; each pass reads the tables anew."""

    images: ImageQuerySet
    annotations: AnnotationQuerySet
    categories: ExportedCategories
    overlap: str
    splitter: Splitter

    def __iter__(self) -> Iterator[ImageRecord]:
        numbers = count(1)  # formats want integers; the lasting id is the uuid
        images = list(self.images[:BATCH_IMAGES])
        while images:
            batch = _Batch(images, self.annotations, self.categories, numbers, self.overlap)
            for image in images:
                part = self.splitter.part_of(image)
                yield _image_record(image, _AnnotationRecords(batch, image.pk), part)
            images = list(self.images.following(images[-1])[:BATCH_IMAGES])


class _Batch:
    """The annotations of some images, read when the first of them is wanted: a pass may want the images alone."""

    def __init__(
        self,
        images: list[Image],
        annotations: AnnotationQuerySet,
        categories: ExportedCategories,
        numbers: Iterator[int],
        overlap: str,
    ) -> None:
        self._images, self._annotations, self._categories = images, annotations, categories
        self._numbers, self._overlap = numbers, overlap

    @cached_property
    def annotations(self) -> dict[int, list[AnnotationRecord]]:
        """By image id, each image's in the order in which they were made; numbered on from the batch before."""
        rows: dict[int, list[Annotation]] = {image.pk: [] for image in self._images}
        wanted = self._annotations.filter(image__in=self._images).select_related("author")
        id_of = self._categories.id_of
        for annotation in wanted.order_by("created_at", "id"):
            # A category that came in meanwhile is not in the file.
            if annotation.category_id in id_of:
                rows[annotation.image_id].append(annotation)
        return {
            image_id: self._settled(
                [_annotation_record(row, next(self._numbers), id_of[row.category_id]) for row in annotations]
            )
            for image_id, annotations in rows.items()
        }

    def _settled(self, records: list[AnnotationRecord]) -> list[AnnotationRecord]:
        if self._overlap == Overlap.NEWEST:
            return without_overlaps(records, "newest")
        return without_overlaps(records, "oldest") if self._overlap == Overlap.OLDEST else records


@dataclass(frozen=True)
class _AnnotationRecords:
    """Those of one image."""

    batch: _Batch
    image_id: int

    def __iter__(self) -> Iterator[AnnotationRecord]:
        return iter(self.batch.annotations[self.image_id])


def _image_record(image: Image, annotations: _AnnotationRecords, split: str) -> ImageRecord:
    return ImageRecord(
        id=image.pk,
        file_name=stored_name(image),
        width=image.width,
        height=image.height,
        annotations=annotations,
        digest=image.digest,
        created_at=image.created_at,
        open=lambda: open_picture(image),
        split=split,
    )


def _annotation_record(annotation: Annotation, number: int, category_id: int) -> AnnotationRecord:
    return AnnotationRecord(
        id=number,
        category_id=category_id,
        segmentation=annotation.segmentation,
        area=annotation.area,
        bbox_xywh=tuple(annotation.bbox_xywh),
        uuid=str(annotation.pk),
        predicted_iou=annotation.predicted_iou,
        stability_score=annotation.stability_score,
        author=annotation.author.get_username() if annotation.author else "",
        prompt=annotation.prompt,
        bundle_digest=annotation.bundle_digest,
        name=annotation.name,
        created_at=annotation.created_at,
        time_spent_s=annotation.time_spent_s,
        clicks=annotation.clicks,
    )
