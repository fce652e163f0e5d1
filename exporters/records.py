"""One dataset as frozen records: what a format writes and what its reader gives back.

Records hold plain values only, so that a file can be made from anything that can fill them in. They come image by
image, each image with its annotations, so that neither side holds more than one image.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any, TypedDict

SPLITS = ("train", "val", "test")


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
class AnnotationRecord:
    """One instance.

    Attributes:
        id: >= 1 and unique in the dataset (pycocotools' evaluation takes 0 for "unmatched"); the lasting id is `uuid`.
        category_id: a `CategoryRecord.id`.
        segmentation: RLE of the image's size.
        area: pixels in the mask.
        bbox_xywh: the mask's box, [x, y, width, height] in image pixels.
        uuid: the annotation's own, lasting id, or "".
        author: user name, or "" where nobody is known.
        prompt: what the author told the model, in image pixels, as the API gives it; None for a mask without prompt.
        bundle_digest: of the model bundle that drew the mask, or "".
        name: what people call this one object, or "".
        time_spent_s, clicks: what it took a person to make the mask; None where nobody counted.
        is_box: only the box was known to the file; the mask is the rectangle. Readers alone say so.
    """

    id: int
    category_id: int
    segmentation: Rle
    area: int
    bbox_xywh: tuple[float, float, float, float]
    uuid: str = ""
    predicted_iou: float | None = None
    stability_score: float | None = None
    author: str = ""
    prompt: Mapping[str, Any] | None = None
    bundle_digest: str = ""
    name: str = ""
    created_at: dt.datetime | None = None
    is_box: bool = False
    time_spent_s: float | None = None
    clicks: int | None = None


@dataclass(frozen=True)
class ImageRecord:
    """One image.

    Attributes:
        id: >= 1, unique in the dataset.
        file_name: as a person knows it; formats make it unique and safe to unpack (`exporters.file_names`).
        width, height: of the upright pixels, in pixels.
        annotations: can be gone through as often as wanted; may be read only when somebody does.
        digest: sha256 of the pixels, or "".
        created_at: when it came in.
        open: opens the file's bytes for reading; needed only where files are put into the export, and None from a
            reader whose files have no such picture.
        split: the part of the dataset that it belongs to, one of `SPLITS`, or "".
    """

    id: int
    file_name: str
    width: int
    height: int
    annotations: Iterable[AnnotationRecord] = ()
    digest: str = ""
    created_at: dt.datetime | None = None
    open: Callable[[], IO[bytes]] | None = None
    split: str = ""


@dataclass(frozen=True)
class LicenceRecord:
    id: int
    name: str
    url: str = ""


@dataclass(frozen=True)
class DatasetRecord:
    """One dataset.

    Attributes:
        images: can be gone through as often as wanted, and may read from a database each time, so that two passes may
            differ by what somebody saved in between.
        image_count, annotation_count: how many there are, for progress only.
    """

    name: str
    categories: tuple[CategoryRecord, ...]
    images: Iterable[ImageRecord]
    image_count: int = 0
    annotation_count: int = 0
    description: str = ""
    created_at: dt.datetime | None = None
    licences: tuple[LicenceRecord, ...] = ()
