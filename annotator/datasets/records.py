"""Querysets -> exporters.records.

Reads in batches: with a cursor left open, SQLite would refuse to write the export's progress.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import PurePosixPath

from annotator.files import stored
from annotator.models import Annotation, Image, Overlap, Project
from annotator.models.image import ImageQuerySet
from exporters.overlaps import without_overlaps
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord

BATCH_IMAGES = 200


def build(project: Project, states: Collection[str] = ()) -> DatasetRecord:
    """A project as one dataset.

    Args:
        states: only images in one of these states; empty: all of them.
    """
    images = Image.objects.filter(project=project)
    if states:
        images = images.filter(state__in=list(states))
    annotations = Annotation.objects.live().filter(image__in=images)
    return DatasetRecord(
        name=project.name,
        description=project.description,
        categories=tuple(
            CategoryRecord(
                id=category.coco_id,
                name=category.name,
                supercategory=category.supercategory,
                color=category.color,
            )
            for category in project.categories.order_by("coco_id")
        ),
        images=_ImageRecords(images, project.overlap),
        image_count=images.count(),
        annotation_count=annotations.count(),
    )


def stored_name(image: Image) -> str:
    """The uploaded name with the extension of what is stored: `scan.tif` was turned into a PNG."""
    return str(PurePosixPath(image.name).with_suffix(PurePosixPath(str(image.file)).suffix))


@dataclass(frozen=True)
class _ImageRecords:
    """The images of one project in its order; each pass reads the tables anew."""

    images: ImageQuerySet
    overlap: str

    def __iter__(self) -> Iterator[ImageRecord]:
        numbers = count(1)  # formats want integers; the lasting id is the uuid
        images = list(self.images[:BATCH_IMAGES])
        while images:
            batch = _Batch(images, numbers, self.overlap)
            for image in images:
                yield _image_record(image, _AnnotationRecords(batch, image.pk))
            images = list(self.images.following(images[-1])[:BATCH_IMAGES])


class _Batch:
    """The annotations of some images, read when the first of them is wanted: a pass may want the images alone."""

    def __init__(self, images: list[Image], numbers: Iterator[int], overlap: str) -> None:
        self._images, self._numbers, self._overlap = images, numbers, overlap

    @cached_property
    def annotations(self) -> dict[int, list[AnnotationRecord]]:
        """By image id, each image's in the order in which they were made; numbered on from the batch before."""
        rows: dict[int, list[Annotation]] = {image.pk: [] for image in self._images}
        live = Annotation.objects.live().filter(image__in=self._images).select_related("category", "author")
        for annotation in live.order_by("created_at", "id"):
            rows[annotation.image_id].append(annotation)
        return {
            image_id: self._settled([_annotation_record(row, next(self._numbers)) for row in annotations])
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


def _image_record(image: Image, annotations: _AnnotationRecords) -> ImageRecord:
    return ImageRecord(
        id=image.pk,
        file_name=stored_name(image),
        width=image.width,
        height=image.height,
        annotations=annotations,
        digest=image.digest,
        created_at=image.created_at,
        open=lambda: stored.open_file(image.file),
    )


def _annotation_record(annotation: Annotation, number: int) -> AnnotationRecord:
    return AnnotationRecord(
        id=number,
        category_id=annotation.category.coco_id,
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
    )
