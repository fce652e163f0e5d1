"""Which annotations of a file are new to an image, and under which ids and columns they come in.

The same file twice changes nothing: an annotation is known by the uuid that the file gives it, or by its category and
mask on the image. One without a uuid of its own gets an id made from these, so that even a deleted one is known again.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from annotator.annotations.errors import InvalidPrompt
from annotator.annotations.prompt import check_prompt
from annotator.models import Annotation, Bundle, Image, Import
from annotator.models.annotation import LONGEST_NAME
from annotator.site.plain_text import one_line, sayable
from exporters.records import AnnotationRecord
from segmentation import rle

# COCO's counts say every number in the fewest characters, but a reader takes a last one that changes nothing: bits of 0
# above a number that is positive, of 1 above one that is negative.
NEEDLESS_CHARACTER = re.compile("[P-_]0|[`-o]O")

NAMESPACE = uuid.UUID("6f6a2d52-5c0b-4a2e-9d0e-0d0f3a4be7a1")

Key = tuple[int | str, str]  # a category, as `sort_out` has it, and `mask_text`


@dataclass
class Sorted:
    """The annotations of one image of a file.

    Attributes:
        new: (id, category's primary key, record) of those that are to come in.
        here: those that the image has already.
        repeated: those that the file has twice.
        differing: those of `here` that the file gives another mask or category than the image has; not where somebody
            deleted them.
    """

    new: list[tuple[uuid.UUID, int | str, AnnotationRecord]] = field(default_factory=list)
    here: list[AnnotationRecord] = field(default_factory=list)
    repeated: list[AnnotationRecord] = field(default_factory=list)
    differing: list[AnnotationRecord] = field(default_factory=list)


def sort_out(
    image_id: int | None, records: Iterable[AnnotationRecord], categories: Mapping[int, int | str]
) -> Sorted:
    """Tells new annotations from those that are here.

    Args:
        image_id: None: an image that is new itself; ids are then the file's or random, for a look ahead only.
        categories: the file's category id -> a category's primary key, or a word that stands for a new one; annotations
            of other categories are left out.
    """
    keyed = [
        (record, (categories[record.category_id], mask_text(record.segmentation)))
        for record in records
        if record.category_id in categories
    ]
    here = _Here(image_id, {record.uuid for record, _ in keyed if record.uuid})
    # Other programs copy an object with the id that it came with: whose mask is in the file as it is here is the first.
    firsts = {record.uuid for record, key in keyed if record.uuid and here.has(here.id_of(record, key), key)}
    sorted_out = Sorted()
    seen: set[Key] = set()
    given: set[uuid.UUID] = set()
    for record, key in keyed:
        annotation_id = here.id_of(record, key)
        if annotation_id in given or (record.uuid in firsts and not here.has(annotation_id, key)):
            annotation_id = here.own_id(f"{record.uuid}/{key[0]}/{mask_digest(record)}")
        if annotation_id in here.ids or key in here.keys:
            sorted_out.here.append(record)
            if key not in here.keys and annotation_id in here.live_ids:
                sorted_out.differing.append(record)
        elif key in seen:
            sorted_out.repeated.append(record)
        else:
            seen.add(key)
            given.add(annotation_id)
            sorted_out.new.append((annotation_id, key[0], record))
    return sorted_out


class _Here:
    """What an image has, deleted annotations too: who deleted one does not want it back.

    Args:
        uuids: those of the file.
    """

    def __init__(self, image_id: int | None, uuids: set[str]) -> None:
        self._image_id, self._uuids = image_id, uuids

    @cached_property
    def _rows(self) -> dict[uuid.UUID, tuple[Key, bool]]:
        """By id, category and mask, and whether it is live."""
        if self._image_id is None:
            return {}
        rows = Annotation.objects.filter(image=self._image_id)
        return {
            pk: ((category, mask_text(segmentation)), deleted_at is None)
            for pk, category, segmentation, deleted_at in rows.values_list(
                "pk", "category_id", "segmentation", "deleted_at"
            )
        }

    @property
    def ids(self) -> Collection[uuid.UUID]:
        return self._rows.keys()

    @cached_property
    def live_ids(self) -> set[uuid.UUID]:
        return {pk for pk, (_, is_live) in self._rows.items() if is_live}

    @cached_property
    def keys(self) -> set[Key]:
        return {key for key, _ in self._rows.values()}

    def has(self, annotation_id: uuid.UUID, key: Key) -> bool:
        """Whether the annotation of this id has this category and mask."""
        return annotation_id in self._rows and self._rows[annotation_id][0] == key

    @cached_property
    def _elsewhere(self) -> set[str]:
        """Ids of the file that annotations of other images have: the file was exported from another project here."""
        others = Annotation.objects.filter(pk__in=self._uuids).exclude(image=self._image_id)
        return {str(pk) for pk in others.values_list("pk", flat=True)} if self._uuids else set()

    def id_of(self, record: AnnotationRecord, key: Key) -> uuid.UUID:
        if record.uuid and record.uuid not in self._elsewhere:
            return uuid.UUID(record.uuid)
        return self.own_id(record.uuid or f"{key[0]}/{mask_digest(record)}")

    def own_id(self, name: str) -> uuid.UUID:
        """The id on this image of what has such a name; the same whenever it is asked for."""
        return uuid.uuid5(NAMESPACE, f"{self._image_id}/{name}")


def mask_text(segmentation: Mapping[str, Any]) -> str:
    """The same for the same pixels, and for no others.

    Args:
        segmentation: a checked RLE.
    """
    height, width = segmentation["size"]
    counts: str = segmentation["counts"]
    if NEEDLESS_CHARACTER.search(counts):
        counts = rle.from_runs(rle.runs(segmentation).tolist(), (height, width))["counts"]
    return f"{height} {width} {counts}"


def mask_digest(record: AnnotationRecord) -> str:
    """Of the pixels, however their RLE is written. Ids of annotations were made from it, so that it stays as it is."""
    borders = np.cumsum(rle.runs(record.segmentation))
    # The mask's own end is no border.
    return hashlib.sha256(borders[:-1].astype(np.int64).tobytes()).hexdigest()


class Columns:
    """What is written of an annotation of a file, as `saving.create_many` takes it."""

    def __init__(self, job: Import) -> None:
        self._job = job
        self._bundles = set(Bundle.objects.values_list("digest", flat=True))

    def of(self, image: Image, id: uuid.UUID, category: int, record: AnnotationRecord) -> dict[str, Any]:
        is_known_bundle = record.bundle_digest in self._bundles
        origin = {
            "import_id": self._job.pk,
            "file": self._job.name,
            "author": sayable(record.author),
            "created_at": record.created_at.isoformat() if record.created_at else "",
            "uuid": record.uuid if record.uuid != str(id) else "",
            "bundle_digest": "" if is_known_bundle else sayable(record.bundle_digest),
        }
        return {
            "id": id,
            "category": category,
            "segmentation": dict(record.segmentation),
            "prompt": _prompt(image, record),
            "predicted_iou": record.predicted_iou,
            "stability_score": record.stability_score,
            "bundle_digest": record.bundle_digest if is_known_bundle else "",
            "name": one_line(record.name, LONGEST_NAME),
            "to_check": self._job.to_check,
            "origin": {name: value for name, value in origin.items() if value},
        }


def _prompt(image: Image, record: AnnotationRecord) -> dict[str, Any] | None:
    """The file's, where it can be one here; of a box without a mask: the box, from which the workbench can go on."""
    if record.is_box:
        x, y, width, height = record.bbox_xywh
        return {"box": [x, y, x + width, y + height], "box_step": 0}
    if record.prompt is None:
        return None
    try:
        return check_prompt(image, dict(record.prompt))
    except InvalidPrompt:
        return None
