"""What a format is: the row of the table in `exporters.registry`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, NamedTuple, Protocol

from exporters.errors import InvalidOption, UnknownFormat
from exporters.geometry import Geometry
from exporters.options import INCLUDE_IMAGES, Option, Options, counts
from exporters.reading import Reader, Recogniser
from exporters.records import DatasetRecord
from exporters.steps import Progress

# A request and a stored row hold these beside the format's own options.
RESERVED = {"format", "states", "selection", "version"}


class FileType(NamedTuple):
    media_type: str
    extension: str  # with its dot


ZIP = FileType("application/zip", ".zip")


class Writer(Protocol):
    def __call__(
        self, dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None
    ) -> None:
        """Writes one file.

        Args:
            dataset: each image and its annotations may be gone through several times.
            stream: open for writing bytes, need not be seekable. What was written before an error is half a file:
                write to a temporary name and rename.
            options: as `Format.options_from` gives them.
            progress: called after every step.

        Raises:
            ExportError: a record would make the file wrong.
        """


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        title: as a person knows the format.
        media_type, extension: of the file without pictures; `file_type` knows both cases.
        options: what can be chosen.
        losses: one sentence for everything that the format cannot hold.
        geometry: what the format keeps of a mask with the chosen options. What an export loses is measured by it.
        write: makes a file; None where the format is only read.
        read: gives the records back; None where files cannot be read.
        recognises: whether files look like this format; None where they cannot be read.
    """

    title: str
    media_type: str
    extension: str
    options: tuple[Option, ...]
    losses: tuple[str, ...]
    write: Writer | None = None
    read: Reader | None = None
    recognises: Recogniser | None = None
    geometry: Callable[[Options], Geometry] = lambda _options: Geometry.RLE

    def __post_init__(self) -> None:
        names = [option.name for option in self.options]
        if len({*names, *RESERVED}) != len(names) + len(RESERVED):
            raise ValueError(f"{self.title}: options {names} must differ from each other and from {RESERVED}")

    def options_from(self, given: Mapping[str, object]) -> Options:
        """Checked options, complete with defaults.

        Raises:
            InvalidOption: the format has no such option, or the option no such value.
        """
        known = [option.name for option in self.options]
        for name in given:
            if name not in known:
                raise InvalidOption(
                    f"{self.title} has no option {name!r:.100}; its options: {', '.join(known) or 'none'}",
                    name,
                )
        return {option.name: option.check(given.get(option.name, option.default)) for option in self.options}

    def file_type(self, options: Options) -> FileType:
        """What the file is. With pictures it is a zip, whatever the format."""
        if options.get(INCLUDE_IMAGES.name):
            return ZIP
        return FileType(self.media_type, self.extension)

    def is_zip(self, options: Options) -> bool:
        return self.file_type(options).media_type == ZIP.media_type

    @property
    def writer(self) -> Writer:
        """Makes a file.

        Raises:
            UnknownFormat: the format is only read.
        """
        if self.write is None:
            raise UnknownFormat(f"{self.title} can only be imported; choose another format to export")
        return self.write

    def describe(self, options: Options) -> str:
        """The choices in words: "masks as RLE, with pictures"."""
        said = (option for option in self.options if counts(option, options))
        return ", ".join(filter(None, (option.phrase_of(options[option.name]) for option in said)))
