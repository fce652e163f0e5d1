"""Writes COCO's panoptic files: one PNG an image, then the documents."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from exporters import fields, label_map
from exporters.archive import Archive
from exporters.coco_rows import image_row
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.geometry import Geometry
from exporters.options import INCLUDE_IMAGES, Options
from exporters.overlap_option import OVERLAP
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord
from exporters.row_lines import RowLines
from exporters.sound_records import SoundRecords
from exporters.steps import Progress, Steps
from exporters.streams import JsonWriter, finite
from segmentation import rle

OPTIONS = (OVERLAP, INCLUDE_IMAGES)
LOSSES = (
    "A pixel belongs to one mask: where masks overlap, the others lose it.",
    "A mask that others cover as a whole is left out.",
    "Colors of categories are not written.",
)
WITHOUT_SPLIT = "default"
MAX_SEGMENTS = 256**3 - 1
# Most of a label map is one number after the other: higher levels take twice as long for a few per cent.
COMPRESSION = 3


def geometry(_options: Options) -> Geometry:
    return Geometry.LABEL_MAP


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream` in one pass; the rows of the documents wait on the disk until all PNGs are written.

    Raises:
        InvalidRecord: as `SoundRecords`, or an image without a file where pictures are chosen.
    """
    steps = Steps(progress, dataset.image_count)
    records = SoundRecords(dataset)
    parts: dict[str, _Part] = {}
    pictures, maps = FileNames(), FileNames()
    with Archive(stream) as archive:
        for image in records.images():
            name = image.split or WITHOUT_SPLIT
            part = parts.setdefault(name, _Part())
            file_name = pictures.claim(image.file_name, image.id)
            map_name = maps.claim(str(PurePosixPath(file_name).with_suffix(".png")), image.id)
            part.images.add(image_row(image, file_name))
            annotations = list(records.annotations(image))
            labels = label_map.painted(annotations, (image.height, image.width), options)
            archive.copy(f"annotations/panoptic_{name}/{map_name}", _png(labels))
            part.annotations.add(
                {"image_id": image.id, "file_name": map_name, "segments_info": _segments(annotations, labels)}
            )
            if options[INCLUDE_IMAGES.name]:
                if image.open is None:
                    raise InvalidRecord(f"image {image.id} has no file to put into the export")
                archive.copy(f"images/{name}/{file_name}", image.open())
            steps.advance()
        for name, part in (parts or {WITHOUT_SPLIT: _Part()}).items():
            with archive.document(f"annotations/panoptic_{name}.json") as document:
                _write_document(dataset, part, document)
    steps.finish()


class _Part:
    """The rows of one document."""

    def __init__(self) -> None:
        self.images, self.annotations = RowLines(), RowLines()


def _write_document(dataset: DatasetRecord, part: _Part, document: IO[bytes]) -> None:
    writer = JsonWriter(document)
    info: dict[str, Any] = {"description": dataset.description or dataset.name, "dataset": dataset.name}
    if dataset.created_at:
        info |= {"year": dataset.created_at.year, "date_created": dataset.created_at.isoformat()}
    writer.value("info", info | {"version": "1.0", "generator": "Maskwright"})
    writer.rows("licenses", ({"id": row.id, "name": row.name, "url": row.url} for row in dataset.licences))
    writer.rows("categories", map(_category_row, dataset.categories))
    writer.rows("images", part.images)
    writer.rows("annotations", part.annotations)
    writer.finish()


def _category_row(category: CategoryRecord) -> dict[str, Any]:
    return {
        "id": category.id,
        "name": category.name,
        "supercategory": category.supercategory,
        "isthing": 1,
    }


def _png(labels: NDArray[np.int32]) -> IO[bytes]:
    """Of (H, W) numbers."""
    height, width = labels.shape
    if labels.max() > MAX_SEGMENTS:
        raise InvalidRecord(
            f"an image has more than {MAX_SEGMENTS} annotations, which no PNG of this kind can number"
        )
    # The lowest three bytes of each number are R, G and B.
    colors = np.ascontiguousarray(labels.astype("<u4")).view(np.uint8).reshape(height, width, 4)[..., :3]
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(colors)).save(stream, "PNG", compress_level=COMPRESSION)
    stream.seek(0)
    return stream


def _segments(annotations: list[AnnotationRecord], labels: NDArray[np.int32]) -> list[dict[str, Any]]:
    """Those of which a pixel is left."""
    rows = []
    for number, segmentation in label_map.masks_in(labels):
        if number == label_map.NOBODY:
            continue
        annotation = annotations[number - 1]
        area = rle.area(segmentation)
        origin = fields.origin(annotation)
        if area == annotation.area:
            origin |= {
                "predicted_iou": finite(annotation.predicted_iou),
                "stability_score": finite(annotation.stability_score),
            }
        else:
            # What is left of a mask is no longer what the model gave.
            origin.pop("prompt", None)
            origin.pop("bundle_digest", None)
        row = {
            "id": number,
            "category_id": annotation.category_id,
            "area": area,
            "bbox": rle.bbox_xywh(segmentation),
            "iscrowd": 0,
        }
        known = {key: value for key, value in origin.items() if value is not None}
        rows.append(row | {"attributes": known} if known else row)
    return rows
