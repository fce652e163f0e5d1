"""The formats a dataset can be written in and read from. A new one is a folder, one row here and its tests.

The export page, the import page, the API, its schema and the commands build what they offer from the row.
"""

from __future__ import annotations

from exporters import (
    cityscapes,
    coco,
    coco_panoptic,
    csv,
    cvat,
    datumaro,
    hugging_face,
    label_studio,
    labelme,
    png_masks,
    sa1b,
    via,
    voc,
    yolo_boxes,
    yolo_seg,
)
from exporters.errors import UnknownFormat
from exporters.format import Format
from exporters.source import Source

# The first is offered first, and is what the command writes when no format is named.
FORMATS: dict[str, Format] = {
    "coco": coco.FORMAT,
    "yolo_seg": yolo_seg.FORMAT,
    "yolo_boxes": yolo_boxes.FORMAT,
    "voc": voc.FORMAT,
    "cvat": cvat.FORMAT,
    "label_studio": label_studio.FORMAT,
    "labelme": labelme.FORMAT,
    "png_masks": png_masks.FORMAT,
    "coco_panoptic": coco_panoptic.FORMAT,
    "cityscapes": cityscapes.FORMAT,
    "datumaro": datumaro.FORMAT,
    "hugging_face": hugging_face.FORMAT,
    "sa1b": sa1b.FORMAT,
    "via": via.FORMAT,
    "csv": csv.FORMAT,
}


def export_formats() -> dict[str, Format]:
    """Those that can be written."""
    return {name: row for name, row in FORMATS.items() if row.write}


def import_formats() -> dict[str, Format]:
    """Those that can be read."""
    return {name: row for name, row in FORMATS.items() if row.read}


def recognised(source: Source) -> str | None:
    """The name of the first format that the files look like."""
    rows = import_formats().items()
    return next((name for name, row in rows if row.recognises and row.recognises(source)), None)


def find_format(name: str) -> Format:
    """The format of that name.

    Raises:
        UnknownFormat: there is none; the message lists those there are.
    """
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        raise UnknownFormat(f"there is no export format {name!r:.100}; there are: {known}") from None
