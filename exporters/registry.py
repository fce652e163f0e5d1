"""The formats a dataset can be written in. A new one is one line here, one file, one test, one paragraph of docs."""

from __future__ import annotations

from exporters.coco import CocoExporter
from exporters.errors import UnknownFormat
from exporters.options import ExportOptions

EXPORTERS = {
    CocoExporter.name: CocoExporter,
}


def make_exporter(format_name: str, options: ExportOptions | None = None) -> CocoExporter:
    """The exporter for one format.

    Raises:
        UnknownFormat: no exporter has this name; the message lists those there are.
    """
    try:
        exporter = EXPORTERS[format_name]
    except KeyError:
        known = ", ".join(sorted(EXPORTERS))
        raise UnknownFormat(f"there is no export format {format_name!r}; there are: {known}") from None
    return exporter(options)
