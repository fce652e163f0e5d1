"""A zip written as a stream: documents first, then the pictures as they are."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO

COPY_BYTES = 1024 * 1024


def write_archive(
    stream: BinaryIO,
    documents: Mapping[str, Callable[[BinaryIO], None]],
    files: Iterable[tuple[str, Callable[[], BinaryIO]]],
    after_file: Callable[[], None],
) -> None:
    """Writes one zip.

    Args:
        stream: open for writing bytes; need not be seekable.
        documents: name in the archive -> function that writes the document to the stream it is given; deflated.
        files: (name in the archive, function that opens the file); stored, since pictures are compressed already.
        after_file: called after each of `files`.
    """
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for name, write in documents.items():
            # The size is not known beforehand, and a zip entry of more than 2 GiB must say so at its start.
            header = zipfile.ZipInfo(name)  # without a time: the same dataset gives the same bytes
            header.compress_type = zipfile.ZIP_DEFLATED
            header.external_attr = 0o644 << 16
            with archive.open(header, "w", force_zip64=True) as entry:
                write(entry)
        for name, open_file in files:
            header = zipfile.ZipInfo(name)
            header.compress_type = zipfile.ZIP_STORED
            header.external_attr = 0o644 << 16
            with open_file() as source, archive.open(header, "w", force_zip64=True) as entry:
                shutil.copyfileobj(source, entry, COPY_BYTES)
            after_file()
