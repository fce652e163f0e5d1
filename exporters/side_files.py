"""Files that go into a zip beside a format's own: what the format does not hold, and where the masks come from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import IO, Any

from exporters.archive import Archive
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.streams import TextWriter, dumps, finite

REPORT = "export_report.json"
PROVENANCE = "provenance.jsonl"
NAMES = (REPORT, PROVENANCE)


def add(
    stream: IO[bytes],
    report: Mapping[str, Any],
    dataset: DatasetRecord,
    after_image: Callable[[], None] = lambda: None,
) -> None:
    """Adds the side files to a zip that is complete.

    Args:
        stream: the zip, open for reading and writing, seekable.
        report: what `export_report.json` says.
        dataset: what `provenance.jsonl` tells of, one line an annotation. No format has room for all of it: the effort
            that a mask took stands nowhere else.
        after_image: called after every image; an exception that it raises ends the work.
    """
    with Archive(stream, is_begun=True) as archive:
        with archive.document(REPORT) as document:
            document.write(json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False).encode() + b"\n")
        categories = {category.id: category for category in dataset.categories}
        with archive.document(PROVENANCE) as document:
            writer = TextWriter(document)
            for image in dataset.images:
                for annotation in image.annotations:
                    writer.text(dumps(provenance(image, annotation, categories)) + "\n")
                after_image()
            writer.flush()


def provenance(
    image: ImageRecord, annotation: AnnotationRecord, categories: Mapping[int, CategoryRecord]
) -> dict[str, Any]:
    """One line: which annotation it is, who made it of what, and with how much effort."""
    category = categories.get(annotation.category_id)
    return {
        "uuid": annotation.uuid,
        "id": annotation.id,
        "image": image.file_name,
        "image_digest": image.digest,
        "category": category.name if category else "",
        "name": annotation.name,
        "author": annotation.author,
        "created_at": annotation.created_at.isoformat() if annotation.created_at else None,
        "bundle_digest": annotation.bundle_digest,
        "predicted_iou": finite(annotation.predicted_iou),
        "stability_score": finite(annotation.stability_score),
        "time_spent_s": finite(annotation.time_spent_s),
        "clicks": annotation.clicks,
        "prompt": annotation.prompt,
    }
