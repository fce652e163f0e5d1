"""Zips of images: refused as a whole where they are not what a person would pack, then read entry by entry."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from django.conf import settings

from annotator.media.errors import DamagedImage, FileTooLarge, ZipRefused
from annotator.site.environment import MEBIBYTE
from annotator.site.full_disk import means_full
from annotator.site.storage import StorageAway

ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
ARCHIVE_SIGNATURES = (*ZIP_SIGNATURES, b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\xfd7zXZ", b"BZh")
SIGNATURE_BYTES = 8
ZIP_ENCRYPTED_FLAG = 0x1
SYMLINK_MODE, FILE_TYPE_MASK = 0o120000, 0o170000
# What `zipfile` raises for one entry that it cannot unpack, in a zip that it could open.
ENTRY_FAULTS = (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class ZipEntry:
    """One file of an open zip. `name` is its path in the zip."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        return self.info.filename

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The entry for reading. The faults that reading meets inside the block count as the entry's.

        Raises:
            FileTooLarge: the zip announces more than MAX_IMAGE_BYTES.
            DamagedImage: the entry cannot be unpacked.
        """
        if self.info.file_size > settings.MAX_IMAGE_BYTES:
            raise FileTooLarge(f"The file is larger than {settings.MAX_IMAGE_BYTES // MEBIBYTE} MiB.")
        try:
            with self.archive.open(self.info) as stream:
                yield stream
        except (*ENTRY_FAULTS, ValueError) as error:
            if isinstance(error, StorageAway) or means_full(error):
                raise  # of whoever keeps the entry's content, not of the zip
            raise DamagedImage(f"This entry of the zip cannot be unpacked: {error}.") from error


def is_zip(file: IO[bytes]) -> bool:
    """Whether a seekable file begins as a zip does; it is at its start afterwards."""
    file.seek(0)
    head = file.read(SIGNATURE_BYTES)
    file.seek(0)
    return head.startswith(ZIP_SIGNATURES)


def read_zip(file: IO[bytes]) -> Iterator[ZipEntry]:
    """The entries that may be images. All entries are looked at before the first one is given.

    Raises:
        FileTooLarge: the zip is larger than MAX_ZIP_BYTES.
        ZipRefused: it is damaged, empty, too full, encrypted, or made to do harm.
    """
    if file.seek(0, io.SEEK_END) > settings.MAX_ZIP_BYTES:
        raise FileTooLarge(f"The zip is larger than {settings.MAX_ZIP_BYTES // MEBIBYTE} MiB.")
    try:
        with zipfile.ZipFile(file) as archive:
            entries = list(_checked_entries(archive))
            if not entries:
                raise ZipRefused("The zip holds no files.")
            yield from (ZipEntry(archive, entry) for entry in entries)
    except UnicodeDecodeError as error:
        raise ZipRefused(
            "The zip has an entry whose name is not the UTF-8 that it says it is: pack it anew."
        ) from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, EOFError) as error:
        raise ZipRefused(f"The zip is damaged or cut off: {error}.") from error


def _checked_entries(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """The entries worth reading. Refuses the whole archive for anything a well-meaning zip of images never has."""
    entries = archive.infolist()
    if len(entries) > settings.MAX_ZIP_ENTRIES:
        raise ZipRefused(f"The zip has {len(entries)} entries; at most {settings.MAX_ZIP_ENTRIES} are taken.")
    unpacked_bytes = sum(entry.file_size for entry in entries)
    packed_bytes = sum(entry.compress_size for entry in entries)
    if unpacked_bytes > settings.MAX_ZIP_UNCOMPRESSED_BYTES:
        limit_mib = settings.MAX_ZIP_UNCOMPRESSED_BYTES // MEBIBYTE
        raise ZipRefused(f"The zip unpacks to {unpacked_bytes} bytes; at most {limit_mib} MiB are taken.")
    if unpacked_bytes > settings.MAX_ZIP_RATIO * max(packed_bytes, 1) and unpacked_bytes > MEBIBYTE:
        raise ZipRefused("The zip unpacks to far more than images do: it looks like a decompression bomb.")
    for entry in entries:
        _refuse_tricks(entry)
    for entry in entries:
        if entry.filename.endswith("/") or _is_junk(entry.filename):
            continue
        try:
            with archive.open(entry) as stream:
                head = stream.read(SIGNATURE_BYTES)
        except ENTRY_FAULTS:
            head = b""  # reported by name when it is read
        if head.startswith(ARCHIVE_SIGNATURES):
            raise ZipRefused(f"The zip holds another archive ({entry.filename}); unpack that one first.")
        yield entry


def _refuse_tricks(entry: zipfile.ZipInfo) -> None:
    # zipfile cuts names at a NUL byte; the original spelling shows what was meant.
    original = entry.orig_filename.replace("\\", "/")
    parts = PurePosixPath(original).parts
    if original.startswith("/") or ".." in parts or "\0" in original or (parts and parts[0].endswith(":")):
        raise ZipRefused(f"The zip has an entry whose path leads elsewhere: {entry.filename!r}.")
    if (entry.external_attr >> 16) & FILE_TYPE_MASK == SYMLINK_MODE:
        raise ZipRefused(f"The zip has a symbolic link: {entry.filename!r}.")
    if entry.flag_bits & ZIP_ENCRYPTED_FLAG:
        raise ZipRefused("The zip is encrypted; upload it without a password.")


def _is_junk(filename: str) -> bool:
    """What file managers put beside images, and what has no name; skipped without a word."""
    parts = PurePosixPath(filename.replace("\\", "/")).parts
    return (
        not parts
        or any(part == "__MACOSX" or part.startswith(".") for part in parts)
        or parts[-1].lower()
        in {
            "thumbs.db",
            "desktop.ini",
        }
    )
