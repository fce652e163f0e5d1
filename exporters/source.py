"""The files that a dataset is read from: a zip, a folder, or one file by itself.

Every reader gets a `Source`, so that it need not know which of the three a person brought.
"""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, Protocol

from exporters import side_files
from exporters.errors import UnreadableFile

MAX_FILES = 5_000_000
# A text file of a format is read as a whole only up to here; larger ones are read as a stream.
MAX_TEXT_BYTES = 64_000_000
PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# Files that systems put beside the ones a person means, and those that our own exports have beside a format's.
LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", *side_files.NAMES)
# Damaged, cut short, encrypted, or packed in a way that Python does not know.
ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


ENCRYPTED = 0x1  # of a zip entry's flags
ZIP_BEGINNING = b"PK\x03\x04"
DOCUMENTS = (".json", ".jsonl", ".names", ".parquet", ".txt", ".xml", ".yaml", ".yml")
DOCUMENTS_TRIED = 20


class Source(Protocol):
    """Files by their names: relative paths with forward slashes, none of which leads out of the dataset."""

    @property
    def names(self) -> list[str]:
        """In alphabetical order."""

    def size(self, name: str) -> int:
        """Bytes, unpacked.

        Raises:
            KeyError: there is no such file.
        """

    def open(self, name: str) -> IO[bytes]:
        """The file for reading, from its beginning. Several may be open at once.

        Raises:
            KeyError: there is no such file.
            UnreadableFile: it is damaged or encrypted; reading on may raise what `ZIP_FAULTS` lists.
        """


class ZipSource:
    """A zip archive.

    Args:
        stream: seekable; stays open as long as the source is used.

    Raises:
        UnreadableFile: no zip, a damaged one, too many files, or a name that leads out of the dataset.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(stream)
            entries = self._zip.infolist()
        except ZIP_FAULTS as error:
            raise UnreadableFile(f"the zip cannot be unpacked: {error}") from None
        if len(entries) > MAX_FILES:
            raise UnreadableFile(f"the zip holds {len(entries)} files; at most {MAX_FILES} are read")
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            is_folder = entry.filename.endswith("/") or entry.filename in ("", ".")
            if is_folder or stat.S_ISLNK(entry.external_attr >> 16) or _is_litter(entry.filename):
                continue
            name = checked_name(entry.filename)
            if name in self._entries:
                raise UnreadableFile(f"the zip holds {name!r:.200} twice; pack it anew")
            self._entries[name] = entry

    @property
    def names(self) -> list[str]:
        return sorted(self._entries)

    def size(self, name: str) -> int:
        return self._entries[name].file_size

    def open(self, name: str) -> IO[bytes]:
        entry = self._entries[name]
        if entry.flag_bits & ENCRYPTED:
            raise UnreadableFile(f"{name}: the file is encrypted; pack it without a password")
        try:
            return self._zip.open(entry)
        except ZIP_FAULTS as error:
            raise UnreadableFile(f"{name}: the file cannot be unpacked: {error}") from None


class FolderSource:
    """A folder on this machine. Links that lead out of it are not followed.

    Raises:
        UnreadableFile: there is no such folder, or it holds too many files.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder.resolve()
        if not self._root.is_dir():
            raise UnreadableFile(f"{folder} is not a folder")
        self._names = {}
        for path in self._root.rglob("*"):
            name = path.relative_to(self._root).as_posix()
            if not _is_litter(name) and path.is_file() and path.resolve().is_relative_to(self._root):
                self._names[name] = path
            if len(self._names) > MAX_FILES:
                raise UnreadableFile(f"{folder} holds more than {MAX_FILES} files")

    @property
    def names(self) -> list[str]:
        return sorted(self._names)

    def size(self, name: str) -> int:
        return self._names[name].stat().st_size

    def open(self, name: str) -> IO[bytes]:
        try:
            return self._names[name].open("rb")
        except OSError as error:
            raise UnreadableFile(f"{name}: the file cannot be read: {error.strerror}") from None


class FileSource:
    """One file by itself, as an upload is. `stream` is seekable, and shared by all who open it."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, PurePosixPath(name.replace("\\", "/")).name or "file"
        self._size = stream.seek(0, 2)

    @property
    def names(self) -> list[str]:
        return [self._name]

    def size(self, name: str) -> int:
        self._known(name)
        return self._size

    def open(self, name: str) -> IO[bytes]:
        self._known(name)
        self._stream.seek(0)
        return _Lent(self._stream)  # type: ignore[return-value]

    def _known(self, name: str) -> None:
        if name != self._name:
            raise KeyError(name)


class _Lent:
    """A stream that its borrower cannot close."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def __enter__(self) -> _Lent:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        pass


def source_of(stream: IO[bytes], name: str) -> Source:
    """A zip's files, or the one file.

    Args:
        stream: seekable; stays open as long as the source is used.
        name: as the person's own disk has it.

    Raises:
        UnreadableFile: a zip that cannot be read.
    """
    is_zip = zipfile.is_zipfile(stream)
    stream.seek(0)
    if not is_zip and stream.read(len(ZIP_BEGINNING)) == ZIP_BEGINNING:
        raise UnreadableFile(f"{name}: the zip is damaged or cut off; pack and send it anew")
    stream.seek(0)
    return ZipSource(stream) if is_zip else FileSource(stream, name)


def why_unreadable(source: Source) -> str:
    """What is wrong with files that no format knows: there are none, or one of the first documents cannot be unpacked,
    since it is damaged or encrypted; "" where nothing of it is."""
    if not source.names:
        return "there are no files in it"
    for name in islice((name for name in source.names if name.lower().endswith(DOCUMENTS)), DOCUMENTS_TRIED):
        try:
            with faults_of(name), source.open(name) as stream:
                while stream.read(1_000_000) and stream.tell() < MAX_TEXT_BYTES:
                    pass
        except UnreadableFile as error:
            return str(error)
    return ""


def checked_name(name: str) -> str:
    """The path with forward slashes and without needless dots.

    Raises:
        UnreadableFile: it is absolute, or leads out of the dataset.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    drive = path.parts[0] if path.parts else ""
    if path.is_absolute() or ".." in path.parts or drive.endswith(":") or "\0" in name or not path.parts:
        raise UnreadableFile(
            f"the file {name!r:.200} lies outside of the dataset; pack it anew with paths relative to its folder"
        )
    return path.as_posix()


def is_picture(name: str) -> bool:
    return name.lower().endswith(PICTURES)


def read_text(source: Source, name: str) -> str:
    """A whole text file, UTF-8 with or without a byte order mark.

    Raises:
        UnreadableFile: longer than MAX_TEXT_BYTES, not UTF-8, or damaged.
    """
    if source.size(name) > MAX_TEXT_BYTES:
        raise UnreadableFile(f"{name}: longer than {MAX_TEXT_BYTES / 1e6:g} MB")
    try:
        with source.open(name) as stream:
            # A zip's own figure of the size may lie.
            content = stream.read(MAX_TEXT_BYTES + 1)
    except ZIP_FAULTS as error:
        raise UnreadableFile(f"{name}: the file cannot be read: {error}") from None
    if len(content) > MAX_TEXT_BYTES:
        raise UnreadableFile(f"{name}: longer than {MAX_TEXT_BYTES / 1e6:g} MB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{name}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def _is_litter(name: str) -> bool:
    return any(part in LITTER or part.startswith("._") for part in name.replace("\\", "/").split("/"))


class Pictures:
    """Finds a dataset's pictures by what its documents call them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names = [name for name in source.names if is_picture(name)]
        self._known = set(self._names)
        self._placed: set[str] = set()  # those that a document named by their place
        self._by_last: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for name in self._names:
            path = PurePosixPath(name)
            self._by_last.setdefault(path.name.casefold(), []).append(name)
            self._by_stem.setdefault(path.stem.casefold(), []).append(name)

    @property
    def names(self) -> list[str]:
        return self._names

    def find(self, *wanted: str) -> str | None:
        """The file that a document means by a name.

        Args:
            wanted: where the file may be, the likeliest place first, and last the name itself; each a path in the
                dataset, or below any of its folders.

        Returns:
            The file at the first of these places; else the one picture whose last part is the name's, wherever it lies,
            unless it was found at its own place before: then it is another image's. None where there is none, or more
            than one.
        """
        paths = [path.replace("\\", "/").lstrip("/") for path in wanted]
        for path in paths:
            below = [name for name in self._names_like(path) if name.endswith(f"/{path}")]
            found = path if path in self._known else below[0] if len(below) == 1 else None
            if found:
                self._placed.add(found)
                return found
        alike = self._names_like(paths[-1])
        return alike[0] if len(alike) == 1 and alike[0] not in self._placed else None

    def of_stem(self, stem: str) -> str | None:
        """The one picture whose name without extension is that."""
        found = self._by_stem.get(PurePosixPath(stem).name.casefold(), [])
        return found[0] if len(found) == 1 else None

    def _names_like(self, path: str) -> list[str]:
        return self._by_last.get(PurePosixPath(path).name.casefold(), [])


class PictureSize(NamedTuple):
    width: int
    height: int


@contextmanager
def faults_of(name: str) -> Iterator[None]:
    """Says the file's name with what goes wrong while it is read."""
    try:
        yield
    except UnreadableFile:
        raise
    except ZIP_FAULTS as error:
        raise UnreadableFile(f"{name}: the file cannot be read: {error}") from None


def picture_size(source: Source, name: str) -> PictureSize:
    """Width and height of the upright picture, from its head alone.

    Raises:
        UnreadableFile: it is no picture that Pillow knows.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with source.open(name) as stream, Image.open(stream) as picture:
            turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            width, height = picture.size
    except (UnidentifiedImageError, Image.DecompressionBombError, *ZIP_FAULTS, SyntaxError) as error:
        raise UnreadableFile(f"{name}: no picture: {error}") from None
    return PictureSize(height, width) if turned else PictureSize(width, height)
