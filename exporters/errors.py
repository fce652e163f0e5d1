"""What a format refuses, each with a code a program can test for."""

from __future__ import annotations


class ExportError(Exception):
    """The class of every error of this package."""

    code = "export_failed"


class UnknownFormat(ExportError):
    code = "unknown_export_format"


class InvalidOption(ExportError):
    """An option the format does not have, or a value the option cannot have. `option` is the option's name."""

    code = "invalid_export_option"

    def __init__(self, message: str, option: str) -> None:
        super().__init__(message)
        self.option = option


class InvalidRecord(ExportError):
    """A record would make the file wrong: an id twice, an unknown category, a mask of another size than its image."""

    code = "invalid_export_record"


class UnreadableFile(ExportError):
    """Nothing of a file can be read: it is not of this format. What is wrong with one entry goes into the report."""

    code = "unreadable_dataset_file"
