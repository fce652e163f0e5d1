"""COCO's instances file, written as a stream.

Format: https://cocodataset.org/#format-data. Beyond it, each annotation carries `uuid`, `predicted_iou` and
`stability_score`, each category `color`, each image `digest` where known; readers skip keys they do not know.

What stands in `segmentation`:
    rle      compressed RLE. pycocotools gives back the mask bit for bit.
    polygon  a list of outlines [x, y, x, y, ...]. COCO's polygons hold no holes: they come back filled.
    both     compressed RLE in `segmentation`, as for rle, and the outlines beside it in `polygons`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from exporters.archive import write_archive
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.options import ExportOptions
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from segmentation import rle

# Records are gathered to blocks of about this size before they are written: one write per record is slow in a zip.
BLOCK_CHARACTERS = 64 * 1024

Progress = Callable[[int, int], None]


class CocoExporter:
    """Writes one dataset as JSON, or with the pictures as a zip of `annotations/instances.json` and `images/`."""

    name = "coco"
    title = "COCO instances"

    def __init__(self, options: ExportOptions | None = None) -> None:
        self.options = options or ExportOptions()

    @property
    def extension(self) -> str:
        return ".zip" if self.options.include_images else ".json"

    @property
    def media_type(self) -> str:
        return "application/zip" if self.options.include_images else "application/json"

    def write(self, dataset: DatasetRecord, stream: BinaryIO, progress: Progress | None = None) -> None:
        """Writes `dataset` to `stream` in memory that does not grow with the masks.

        Args:
            dataset: its image and annotation iterators are each read once, the images twice where files are included.
            stream: open for writing bytes. What was written before an error is half a file: write to a temporary
                name and rename.
            progress: called as (done, total) after every record and every file; an exception it raises stops the
                export, which is how one is cancelled.

        Raises:
            InvalidRecord: an id twice, a category that is not in the dataset, a mask of another size than its image.
        """
        if not self.options.include_images:
            total = dataset.image_count + dataset.annotation_count
            steps = _Steps(progress, total)
            self._write_instances(dataset, stream, steps, {})
            steps.finish()
            return
        total = 2 * dataset.image_count + dataset.annotation_count
        steps = _Steps(progress, total)
        listed: dict[int, str] = {}
        write_archive(
            stream,
            documents={
                "annotations/instances.json": lambda out: self._write_instances(dataset, out, steps, listed)
            },
            files=self._image_files(dataset, listed),
            after_file=steps.advance,
        )
        steps.finish()

    def _write_instances(
        self, dataset: DatasetRecord, stream: BinaryIO, steps: _Steps, listed: dict[int, str]
    ) -> None:
        """Writes the document and notes in `listed` the name of every image in it, by id."""
        sizes: dict[int, tuple[int, int]] = {}  # image id -> (height, width); some 200 bytes per image
        categories = {category.id for category in dataset.categories}
        if len(categories) != len(dataset.categories):
            raise InvalidRecord("two categories have the same COCO id; ids must differ within a project")

        def images() -> Iterator[dict[str, Any]]:
            names = FileNames()
            for image in dataset.images():
                if image.id in sizes:
                    raise InvalidRecord(f"image id {image.id} comes twice")
                sizes[image.id] = (image.height, image.width)
                listed[image.id] = names.claim(image.file_name, image.id)
                yield _image_row(image, listed[image.id])
                steps.advance()

        def annotations() -> Iterator[dict[str, Any]]:
            seen: set[int] = set()
            for annotation in dataset.annotations():
                # Somebody may upload and annotate while the file is being written: only what is listed counts.
                if annotation.image_id in sizes:
                    if annotation.id in seen or annotation.id < 1:
                        raise InvalidRecord(f"annotation id {annotation.id} comes twice or is below 1")
                    if annotation.category_id not in categories:
                        raise InvalidRecord(
                            f"annotation {annotation.uuid or annotation.id} has category {annotation.category_id}, "
                            "which is not in the dataset"
                        )
                    seen.add(annotation.id)
                    yield self._annotation_row(annotation, sizes[annotation.image_id])
                steps.advance()

        writer = _Writer(stream)
        writer.text('{\n"info": ' + _dumps(_info(dataset)))
        writer.rows(
            "licenses", ({"id": row.id, "name": row.name, "url": row.url} for row in dataset.licences)
        )
        writer.rows("categories", (_category_row(category) for category in dataset.categories))
        writer.rows("images", images())
        writer.rows("annotations", annotations())
        writer.text("\n}\n")
        writer.flush()

    def _annotation_row(self, annotation: AnnotationRecord, image_hw: tuple[int, int]) -> dict[str, Any]:
        if tuple(annotation.segmentation["size"]) != image_hw:
            raise InvalidRecord(
                f"annotation {annotation.uuid or annotation.id}: its mask is {annotation.segmentation['size']} "
                f"(height, width), its image {list(image_hw)}"
            )
        row: dict[str, Any] = {
            "id": annotation.id,
            "image_id": annotation.image_id,
            "category_id": annotation.category_id,
            "iscrowd": 0,
            "area": annotation.area,
            "bbox": list(annotation.bbox_xywh),
        }
        encoded = {"size": list(image_hw), "counts": annotation.segmentation["counts"]}
        if self.options.segmentation == "rle":
            row["segmentation"] = encoded
        else:
            polygons = rle.to_polygons(rle.decode(annotation.segmentation))
            if self.options.segmentation == "both":
                row["segmentation"] = encoded
                row["polygons"] = polygons
            else:
                row["segmentation"] = polygons
        if annotation.uuid:
            row["uuid"] = annotation.uuid
        row["predicted_iou"] = _finite(annotation.predicted_iou)
        row["stability_score"] = _finite(annotation.stability_score)
        return row

    def _image_files(
        self, dataset: DatasetRecord, listed: dict[int, str]
    ) -> Iterator[tuple[str, Callable[[], BinaryIO]]]:
        for image in dataset.images():
            if image.id not in listed:
                continue  # uploaded while the document was being written
            if image.open is None:
                raise InvalidRecord(f"image {image.id} has no file to put into the export")
            yield f"images/{listed[image.id]}", image.open


class _Steps:
    """Counts what is done; `progress` may be None."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def advance(self) -> None:
        self._done += 1
        if self._progress:
            # Rows that came in meanwhile must not show 101 %.
            self._progress(min(self._done, self._total), self._total)

    def finish(self) -> None:
        if self._progress:
            self._progress(self._total, self._total)


class _Writer:
    """Puts rows into a JSON document one at a time, one row per line, so that the file can be read and compared."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._block: list[str] = []
        self._characters = 0

    def text(self, text: str) -> None:
        self._block.append(text)
        self._characters += len(text)
        if self._characters >= BLOCK_CHARACTERS:
            self.flush()

    def rows(self, key: str, rows: Iterable[dict[str, Any]]) -> None:
        self.text(f',\n"{key}": [')
        separator = "\n"
        for row in rows:
            self.text(separator + _dumps(row))
            separator = ",\n"
        self.text("\n]")

    def flush(self) -> None:
        self._stream.write("".join(self._block).encode("utf-8"))
        self._block.clear()
        self._characters = 0


def _dumps(row: dict[str, Any]) -> str:
    # NaN is no JSON: better no file than one that only Python reads. A name cut in the middle of a surrogate pair
    # cannot be written as UTF-8; the escaped form can.
    text = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(row, ensure_ascii=True, allow_nan=False, separators=(", ", ": "))
    return text


def _info(dataset: DatasetRecord) -> dict[str, Any]:
    created = dataset.created_at or dt.datetime.now(dt.UTC)
    return {
        "description": dataset.description or dataset.name,
        "version": "1.0",
        "year": created.year,
        "contributor": "",
        "url": "",
        "date_created": created.isoformat(),
        "dataset": dataset.name,
        "generator": "Maskwright",
    }


def _category_row(category: CategoryRecord) -> dict[str, Any]:
    row = {"id": category.id, "name": category.name, "supercategory": category.supercategory}
    return row | {"color": category.color} if category.color else row


def _image_row(image: ImageRecord, file_name: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": image.id,
        "file_name": file_name,
        "width": image.width,
        "height": image.height,
    }
    if image.created_at:
        row["date_captured"] = image.created_at.isoformat()
    if image.digest:
        row["digest"] = image.digest
    return row


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
