"""Querysets -> exporters.records.

Reads in batches: with a cursor left open, SQLite would refuse to write the export's progress.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import chain
from pathlib import PurePosixPath
from typing import BinaryIO

from django.core.files.storage import default_storage

from annotator.models import Annotation, Image, Project
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord, Rle

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
        images=lambda: map(_image_record, chain.from_iterable(_batches(images))),
        annotations=lambda: _annotation_records(images),
        image_count=images.count(),
        annotation_count=annotations.count(),
    )


def stored_name(image: Image) -> str:
    """The uploaded name with the extension of what is stored: `scan.tif` was turned into a PNG."""
    return str(PurePosixPath(image.name).with_suffix(PurePosixPath(image.file.name).suffix))


def _batches(images) -> Iterator[list[Image]]:
    """The images of one project in its order."""
    batch = list(images[:BATCH_IMAGES])
    while batch:
        yield batch
        batch = list(images.following(batch[-1])[:BATCH_IMAGES])


def _image_record(image: Image) -> ImageRecord:
    return ImageRecord(
        id=image.pk,
        file_name=stored_name(image),
        width=image.width,
        height=image.height,
        digest=image.digest,
        created_at=image.created_at,
        open=_opener(image.file.name),
    )


def _opener(name: str) -> Callable[[], BinaryIO]:
    return lambda: default_storage.open(name, "rb")


def _annotation_records(images) -> Iterator[AnnotationRecord]:
    number = 0  # COCO wants integers; the lasting id is the uuid
    for batch in _batches(images):
        rows = Annotation.objects.live().filter(image__in=batch).select_related("category")
        for annotation in rows.order_by("image", "created_at", "id"):
            number += 1
            yield AnnotationRecord(
                id=number,
                image_id=annotation.image_id,
                category_id=annotation.category.coco_id,
                segmentation=Rle(**annotation.segmentation),
                area=annotation.area,
                bbox_xywh=tuple(annotation.bbox_xywh),
                uuid=str(annotation.pk),
                predicted_iou=annotation.predicted_iou,
                stability_score=annotation.stability_score,
            )
