"""What the table of formats says about an export: `exporters.registry` on this side of the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotator.datasets import selection as selections
from annotator.errors import InvalidValue
from annotator.models import Export
from exporters.errors import ExportError, InvalidOption
from exporters.format import RESERVED, Format
from exporters.options import Options
from exporters.registry import find_format

# Of an export whose format or options are known no more; its file is still there.
UNKNOWN_MEDIA_TYPE = "application/octet-stream"


def choose(name: str, options: Mapping[str, Any]) -> tuple[Format, Options]:
    """The format of that name, and `options` checked and complete.

    Raises:
        InvalidValue: no such format, option or value; its field is named.
    """
    try:
        format = find_format(name)
        return format, format.options_from(options)
    except ExportError as error:
        field = error.option if isinstance(error, InvalidOption) else "format"
        raise InvalidValue(f"{error}.", fields={field: [str(error)]}) from error


def chosen_by(export: Export) -> tuple[Format, Options]:
    """The format and the options of a row; raises as `choose`. What is reserved is no format's."""
    return choose(
        export.format, {name: value for name, value in export.options.items() if name not in RESERVED}
    )


def media_type(export: Export) -> str:
    """Of the file that was made."""
    try:
        format, options = chosen_by(export)
    except InvalidValue:
        return UNKNOWN_MEDIA_TYPE
    return format.file_type(options).media_type


def title(export: Export) -> str:
    """As a list shows the row: "COCO instances, masks as RLE, with pictures"."""
    try:
        format, options = chosen_by(export)
    except InvalidValue:
        return export.format
    return ", ".join(filter(None, [format.title, format.describe(options)]))


def selected(export: Export) -> str:
    """What the row holds of its project, in words: "images not started or done, masks of bob"."""
    try:
        selection = selections.of_row(export.options)
    except InvalidValue:  # of another version of this program
        return "a selection that is known no more"
    return selections.words(selection, export.options.get("version", ""))
