"""Goes through CVAT's XML image by image, in memory that does not grow with the document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from exporters.errors import UnreadableFile
from exporters.source import Source, faults_of

ROOT = "annotations"
BLOCK_BYTES = 64 * 1024
# One image with its shapes: some 100,000 masks.
MAX_IMAGE_BYTES = 256_000_000
# Small elements take a hundred times their text in memory.
MAX_IMAGE_ELEMENTS = 1_000_000
# One tag with its values: the longest outline that is read has far fewer points.
MAX_TAG_BYTES = 32_000_000
MAX_DEPTH = 20


@dataclass(frozen=True)
class Label:
    name: str
    color: str


@dataclass(frozen=True)
class Shape:
    """One element of an image: its tag, the line it stands on, its XML attributes, and CVAT's attributes by name."""

    tag: str
    line: int
    values: dict[str, str]
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DocumentImage:
    line: int
    values: dict[str, str]
    shapes: list[Shape] = field(default_factory=list)


@dataclass(frozen=True)
class Track:
    """An object of a video."""

    line: int


Entry = Label | DocumentImage | Track


def entries(source: Source, name: str) -> Iterator[Entry]:
    """The labels, images and tracks of a document, in its order.

    Raises:
        UnreadableFile: no XML, another root, an image of more than MAX_IMAGE_BYTES, or a document type: CVAT writes
            none, and entities can make a small file endless.
    """
    handler = _Handler()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = handler.doctype
    parser.StartElementHandler = lambda tag, values: handler.start(tag, values, parser.CurrentLineNumber)
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    with faults_of(name), source.open(name) as stream:
        is_last = False
        unfinished = 0  # bytes since the last tag or text that was whole
        while not is_last:
            # expat goes through an unfinished tag from its beginning again with every block.
            block = stream.read(max(BLOCK_BYTES, unfinished))
            is_last = not block
            handler.held_bytes += len(block)
            before = handler.events
            try:
                parser.Parse(block, is_last)
            except expat.ExpatError as error:
                place = f"line {error.lineno}, column {error.offset + 1}"
                raise UnreadableFile(
                    f"{name}: {place}: the file is not XML: {expat.ErrorString(error.code)}"
                ) from None
            except (_Fault, LookupError) as error:  # LookupError: an encoding that Python does not know
                raise UnreadableFile(f"{name}: line {parser.CurrentLineNumber}: {error}") from None
            unfinished = unfinished + len(block) if handler.events == before else 0
            if unfinished > MAX_TAG_BYTES:
                raise UnreadableFile(
                    f"{name}: line {parser.CurrentLineNumber}: one tag is longer than {MAX_TAG_BYTES / 1e6:g} MB"
                )
            if handler.held_bytes > MAX_IMAGE_BYTES:
                raise UnreadableFile(
                    f"{name}: line {parser.CurrentLineNumber}: one image is longer than "
                    f"{MAX_IMAGE_BYTES / 1e6:g} MB of text"
                )
            yield from handler.taken()


class _Fault(Exception):
    pass


class _Handler:
    """What expat calls; keeps the open elements and what is complete."""

    def __init__(self) -> None:
        self.held_bytes = 0  # read since the last entry was complete
        self.events = 0
        self._elements = 0  # since the last entry was complete
        self._path: list[str] = []
        self._complete: list[Entry] = []
        self._image: DocumentImage | None = None
        self._label: dict[str, str] = {}
        self._attribute = ""
        self._text: list[str] = []

    def taken(self) -> list[Entry]:
        complete, self._complete = self._complete, []
        return complete

    def doctype(self, *_: Any) -> None:
        raise _Fault("the file has a document type; CVAT writes none. Take out the line with <!DOCTYPE")

    def start(self, tag: str, values: dict[str, str], line: int) -> None:
        if not self._path and tag != ROOT:
            raise _Fault(f"the file's root is <{tag[:100]}>; CVAT's is <{ROOT}>")
        self._count()
        self._path.append(tag)
        self._text = []
        depth = len(self._path)
        if depth == 2 and tag == "image":
            self._image = DocumentImage(line, values)
        elif depth == 2 and tag == "track":
            self._complete.append(Track(line))
        elif depth == 3 and self._image is not None:
            self._image.shapes.append(Shape(tag, line, values))
        elif depth == 4 and self._image is not None and tag == "attribute":
            self._attribute = values.get("name", "")
        elif tag == "label" and self._path[-2:] == ["labels", "label"]:
            self._label = {}

    def _count(self) -> None:
        self.events += 1
        self._elements += 1
        if self._elements > MAX_IMAGE_ELEMENTS:
            raise _Fault(f"one image has more than {MAX_IMAGE_ELEMENTS} elements")
        if len(self._path) == MAX_DEPTH:
            raise _Fault(f"elements are nested deeper than {MAX_DEPTH}; CVAT's are at most 6")

    def end(self, tag: str) -> None:
        self.events += 1
        depth = len(self._path)
        if depth == 2:
            if self._image is not None:
                self._complete.append(self._image)
            self._image = None
            self.held_bytes = self._elements = 0
        elif depth == 4 and self._image is not None and tag == "attribute":
            self._image.shapes[-1].attributes[self._attribute] = "".join(self._text)
        elif self._path[-3:] in (["labels", "label", "name"], ["labels", "label", "color"]):
            self._label[tag] = "".join(self._text)
        elif self._path[-2:] == ["labels", "label"]:
            self._complete.append(Label(self._label.get("name", ""), self._label.get("color", "")))
        self._path.pop()
        self._text = []

    def text(self, text: str) -> None:
        self.events += 1
        self._text.append(text)
