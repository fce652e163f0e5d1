"""What an exporter is given: one dataset as frozen records, the long lists as iterators.

Records hold plain values only, so that a file can be made from anything that can fill them in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO, TypedDict


class Rle(TypedDict):
    """COCO's compressed run lengths: `size` is [height, width], `counts` runs down the columns, background first."""

    size: list[int]
    counts: str


@dataclass(frozen=True)
class CategoryRecord:
    """One class. `id` is its COCO id (>= 1), not a database key."""

    id: int
    name: str
    supercategory: str = ""
    color: str = ""


@dataclass(frozen=True)
class ImageRecord:
    """One picture.

    Attributes:
        id: >= 1, unique in the dataset.
        file_name: as a person knows it; exporters make it unique and safe to unpack (`exporters.file_names`).
        width, height: of the upright pixels, in pixels.
        digest: sha256 of the pixels, or "".
        created_at: when it came in.
        open: opens the file's bytes for reading; needed only where files are put into the export.
    """

    id: int
    file_name: str
    width: int
    height: int
    digest: str = ""
    created_at: dt.datetime | None = None
    open: Callable[[], BinaryIO] | None = None


@dataclass(frozen=True)
class AnnotationRecord:
    """One instance.

    Attributes:
        id: >= 1 and unique in the file; pycocotools' evaluation takes 0 for "unmatched".
        image_id: an `ImageRecord.id`.
        category_id: a `CategoryRecord.id`.
        segmentation: RLE of the image's size.
        area: pixels in the mask.
        bbox_xywh: the mask's box, [x, y, width, height] in image pixels.
        uuid: the annotation's own, lasting id.
    """

    id: int
    image_id: int
    category_id: int
    segmentation: Rle
    area: int
    bbox_xywh: tuple[float, float, float, float]
    uuid: str = ""
    predicted_iou: float | None = None
    stability_score: float | None = None


@dataclass(frozen=True)
class LicenceRecord:
    id: int
    name: str
    url: str = ""


@dataclass(frozen=True)
class DatasetRecord:
    """One dataset. `images` and `annotations` are called for a fresh iterator each time and may read from a database.

    Attributes:
        image_count, annotation_count: how many the iterators give, for progress only.
    """

    name: str
    categories: tuple[CategoryRecord, ...]
    images: Callable[[], Iterable[ImageRecord]]
    annotations: Callable[[], Iterable[AnnotationRecord]]
    image_count: int = 0
    annotation_count: int = 0
    description: str = ""
    created_at: dt.datetime | None = None
    licences: tuple[LicenceRecord, ...] = ()
