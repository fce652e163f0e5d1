"""XML documents of one image, read without what XML can do beyond saying things."""

from __future__ import annotations

from xml.etree import ElementTree

from exporters.errors import UnreadableFile
from exporters.source import Source, read_text
from exporters.xml_text import sayable

MAX_CHARACTERS = 16_000_000


def parsed(source: Source, name: str) -> ElementTree.Element:
    """The root of a small document.

    Raises:
        UnreadableFile: no XML, with the line; or it declares types or entities, which can stand for gigabytes of
            text and for other files.
    """
    text = read_text(source, name)
    if len(text) > MAX_CHARACTERS:
        raise UnreadableFile(f"{name}: longer than {MAX_CHARACTERS / 1e6:g} MB, too long for one image")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UnreadableFile(f"{name}: it declares a document type or entities; take the declaration out")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        line, column = error.position
        told = str(error).partition(":")[0]
        raise UnreadableFile(
            f"{name} line {line}, column {column + 1}: the file is not XML: {told}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"{name}: the file is not XML: {error}") from None


def text_in(element: ElementTree.Element, path: str) -> str:
    """The text at a path below an element, "" where there is none."""
    found = element.find(path)
    return (found.text or "").strip() if found is not None else ""


def escaped(text: object) -> str:
    """As the text of an element; characters that XML cannot say become U+FFFD."""
    return (
        sayable(str(text))
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\r", "&#13;")
    )
