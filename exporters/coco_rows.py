"""Rows that COCO's documents of instances and of panoptic segments share."""

from __future__ import annotations

from typing import Any

from exporters.records import ImageRecord


def image_row(image: ImageRecord, file_name: str) -> dict[str, Any]:
    """An entry of the list `images`."""
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
