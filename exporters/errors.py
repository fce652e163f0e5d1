"""What an exporter refuses, each with a code a program can test for."""

from __future__ import annotations


class ExportError(Exception):
    code = "export_failed"


class UnknownFormat(ExportError):
    code = "unknown_export_format"


class InvalidOption(ExportError):
    code = "invalid_export_option"


class InvalidRecord(ExportError):
    """A record would make the file wrong: an id twice, an unknown category, a mask of another size than its image."""

    code = "invalid_export_record"
