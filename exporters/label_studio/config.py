"""Label Studio's labelling interface: which labels there are, in which colours."""

from __future__ import annotations

from collections.abc import Iterable
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from exporters.errors import UnreadableFile
from exporters.records import CategoryRecord
from exporters.source import Source, read_text

NAME = "label_config.xml"
FROM_NAME, TO_NAME = "label", "image"  # a region names the two tags that made it


def text_of(tag: str, categories: Iterable[CategoryRecord]) -> str:
    """The document, with `tag` BrushLabels or PolygonLabels."""
    lines = [
        "<View>",
        f'  <Image name="{TO_NAME}" value="$image" zoom="true"/>',
        f'  <{tag} name="{FROM_NAME}" toName="{TO_NAME}">',
        *(f"    <Label{_attributes(category)}/>" for category in categories),
        f"  </{tag}>",
        "</View>",
        "",
    ]
    return "\n".join(lines)


def labels_in(source: Source) -> list[tuple[str, str]]:
    """Name and colour of the labels of the interface that lies beside the tasks; none where it is no XML."""
    found: list[tuple[str, str]] = []

    def start(tag: str, values: dict[str, str]) -> None:
        if tag == "Label" and values.get("value"):
            found.append((values["value"], values.get("background", "")))

    def refuse(*_: object) -> None:
        raise UnreadableFile("a document type: entities can make a small file endless")

    for name in source.names:
        if name.rpartition("/")[2] == NAME:
            parser = expat.ParserCreate()
            parser.StartElementHandler = start
            parser.StartDoctypeDeclHandler = refuse
            try:
                parser.Parse(read_text(source, name).encode("utf-8"), True)
            except (expat.ExpatError, UnreadableFile, LookupError):
                found.clear()
    return found


def _attributes(category: CategoryRecord) -> str:
    color = f" background={quoteattr(category.color)}" if category.color else ""
    return f" value={quoteattr(category.name)}{color}"
