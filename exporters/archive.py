"""A zip written as a stream: documents are deflated, pictures stay as they are."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

COPY_BYTES = 1024 * 1024


class Archive:
    """One zip, entry by entry; a context manager. `stream` is open for writing bytes and need not be seekable."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(stream, "w", allowZip64=True)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()

    @contextmanager
    def document(self, name: str, *, deflated: bool = True) -> Iterator[IO[bytes]]:
        """A stream to write one entry to."""
        with self._entry(name, zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as entry:
            yield entry

    def copy(self, name: str, source: IO[bytes]) -> None:
        """Stores one file as it is, since pictures are compressed already; closes it."""
        with source, self._entry(name, zipfile.ZIP_STORED) as entry:
            shutil.copyfileobj(source, entry, COPY_BYTES)

    def _entry(self, name: str, compression: int) -> IO[bytes]:
        header = zipfile.ZipInfo(name)  # without a time: the same dataset gives the same bytes
        header.compress_type = compression
        header.external_attr = 0o644 << 16
        # The size is not known beforehand, and a zip entry of more than 2 GiB must say so at its start.
        return self._zip.open(header, "w", force_zip64=True)
