"""VIA's files, whichever of its three kinds, as images with their regions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from exporters import json_document
from exporters.errors import UnreadableFile
from exporters.source import Source, read_text

CSV_COLUMNS = ("filename", "region_shape_attributes", "region_attributes")


@dataclass
class ViaImage:
    """One image. `regions` are pairs of where a region stands, "regions[3]" or "line 4", and what is said of it."""

    file_name: Any
    file_attributes: Any
    regions: list[tuple[str, Any]] = field(default_factory=list)


@dataclass
class ViaDocument:
    """One file; `attributes` is what the project says of its region attributes, by their names."""

    images: list[ViaImage]
    attributes: dict[str, Any]


def load(source: Source, name: str) -> ViaDocument:
    """One file.

    Raises:
        UnreadableFile: longer than `source.MAX_TEXT_BYTES`, damaged, or not of VIA.
    """
    return _table(source, name) if name.lower().endswith(".csv") else _json(source, name)


def _json(source: Source, name: str) -> ViaDocument:
    content = json_document.load(source, name)
    if not isinstance(content, dict):
        raise UnreadableFile(f"{name}: no file of VIA: it holds no JSON object")
    metadata = content.get("_via_img_metadata", content)
    rows = list(metadata.values()) if isinstance(metadata, dict) else []
    if "_via_img_metadata" not in content and not any(_is_image(row) for row in rows):
        raise UnreadableFile(f"{name}: no file of VIA: no image with filename and regions")
    attributes = content.get("_via_attributes")
    of_regions = attributes.get("region") if isinstance(attributes, dict) else None
    images = []
    for row in rows:
        values = row if isinstance(row, dict) else {}
        regions = values.get("regions")
        if isinstance(regions, dict):  # VIA 1 numbers them
            regions = list(regions.values())
        placed = [
            (f"regions[{index}]", region)
            for index, region in enumerate(regions if isinstance(regions, list) else [])
        ]
        images.append(ViaImage(values.get("filename"), values.get("file_attributes"), placed))
    return ViaDocument(images, of_regions if isinstance(of_regions, dict) else {})


def _is_image(row: Any) -> bool:
    return isinstance(row, dict) and "filename" in row and "regions" in row


def _table(source: Source, name: str) -> ViaDocument:
    images: dict[str, ViaImage] = {}
    for line, row in _rows(source, name):
        image = images.setdefault(
            row["filename"], ViaImage(row["filename"], _object(row.get("file_attributes")))
        )
        shape, attributes = _object(row["region_shape_attributes"]), _object(row["region_attributes"])
        if shape != {}:  # an image without regions has one row too
            image.regions.append(
                (f"line {line}", {"shape_attributes": shape, "region_attributes": attributes})
            )
    return ViaDocument(list(images.values()), {})


def _rows(source: Source, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(read_text(source, name), newline=""))
    try:
        head = [column.lstrip("#").strip() for column in next(reader, [])]  # VIA 1 begins with #filename
        if not set(CSV_COLUMNS) <= set(head):
            raise UnreadableFile(f"{name}: no table of VIA: line 1 lacks one of {', '.join(CSV_COLUMNS)}")
        for row in reader:
            if row:
                yield reader.line_num, dict.fromkeys(head, "") | dict(zip(head, row, strict=False))
    except csv.Error as error:
        raise UnreadableFile(f"{name}: line {reader.line_num}: the table cannot be read: {error}") from None


def _object(text: str | None) -> Any:
    """What a cell says, or the text where it is no JSON."""
    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError):
        return text
