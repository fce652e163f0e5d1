"""Bytes -> Image: sniffed by content, limits before decoding, pixels upright and 8-bit RGB.

What is stored: the original bytes, untouched, where they already are an upright 8-bit RGB or greyscale JPEG, PNG or
WebP without transparency (greyscale decodes to equal R, G and B). Everything else is converted once: a rotated JPEG
to JPEG (quality 95, no chroma subsampling), the rest to PNG, which loses nothing. The conversions, each the least
surprising one: transparency is laid over white; 16-bit greyscale is scaled over its full range (65535 -> 255), never
stretched by contents; CMYK goes through its ICC profile where it has one. Files of several frames or pages are refused,
since nobody could say which one is annotated (a camera's MPO, a JPEG with an extra view behind it, counts as its first
picture).
"""

from __future__ import annotations

import hashlib
import io
import logging
import secrets
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone
from PIL import Image as Pillow
from PIL import ImageCms

from annotator.embeddings import queue as embedding_queue
from annotator.embeddings import store as embedding_store
from annotator.errors import (
    AnimatedImage,
    DamagedImage,
    EmptyFile,
    FileTooLarge,
    MaskwrightError,
    NoFiles,
    NotAnImage,
    TooManyFiles,
    TooManyPixels,
    UnsupportedImage,
    ZipRefused,
)
from annotator.models import Image, Project

logger = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
KEPT_AS_THEY_ARE = {
    "JPEG": ("jpg", "image/jpeg"),
    "PNG": ("png", "image/png"),
    "WEBP": ("webp", "image/webp"),
}
EXIF_ORIENTATION = 0x0112
# EXIF orientation -> what turns the stored pixels upright (EXIF 2.32, tag 274); 1 and anything unknown: nothing.
UPRIGHT = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
JPEG_QUALITY = 95
THUMBNAIL_QUALITY = 82
ARCHIVE_SIGNATURES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
    b"\xfd7zXZ",
    b"BZh",
)
ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
ZIP_ENCRYPTED_FLAG = 0x1
SYMLINK_MODE, FILE_TYPE_MASK = 0o120000, 0o170000
HASH_STRIP_ROWS = 512

# Pillow's own guard against decompression bombs reads the same limit; ours below names it in a sentence.
Pillow.MAX_IMAGE_PIXELS = settings.MAX_IMAGE_PIXELS


@dataclass(frozen=True)
class PreparedImage:
    """An upload turned into what is stored. `content` and `thumbnail` are encoded files."""

    width: int
    height: int
    digest: str
    content: bytes
    extension: str
    content_type: str
    thumbnail: bytes


@dataclass(frozen=True)
class UploadedImage:
    image: Image
    duplicate: bool


@dataclass(frozen=True)
class RefusedFile:
    name: str
    error: MaskwrightError


@dataclass
class UploadReport:
    """What became of each file; one that fails does not stop the others."""

    results: list[UploadedImage] = field(default_factory=list)
    errors: list[RefusedFile] = field(default_factory=list)


def ingest_files(project: Project, files: Iterable[BinaryIO], user=None) -> UploadReport:
    """Takes in images and zips of images, one after the other.

    Args:
        files: seekable binary files with a `name`, such as Django's uploaded files or opened paths.
        user: who uploads; None for a command.

    Raises:
        NoFiles, TooManyFiles: nothing was taken in. Every other fault ends up in the report, by file.
    """
    files = list(files)
    if not files:
        raise NoFiles('Send at least one file in the field "files".', fields={"files": ["No file was sent."]})
    if len(files) > settings.MAX_FILES_PER_REQUEST:
        raise TooManyFiles(
            f"{len(files)} files at once; at most {settings.MAX_FILES_PER_REQUEST} are taken. "
            "Send them in several requests, or as a zip."
        )
    report = UploadReport()
    for file in files:
        name = display_name(file.name)
        try:
            if file_size(file) and read_head(file).startswith(ZIP_SIGNATURES):
                _ingest_zip(project, file, user, report)
            else:
                _ingest_one(project, file, name, user, report)
        except MaskwrightError as error:
            report.errors.append(RefusedFile(name, error))
    embedding_queue.wake()
    return report


def ingest_image(project: Project, file: BinaryIO, name: str, user=None) -> UploadedImage:
    """Takes in one image: files first, then the row, so that a killed process leaves at most a file without a row.

    Returns the existing row, marked as a duplicate, where the project has an image of the same pixels.
    """
    prepared = prepare(file)
    if existing := _find(project, prepared.digest):
        return UploadedImage(existing, duplicate=True)

    # The random part keeps a file that is just being deleted apart from one of the same pixels being uploaded again.
    stem = f"{project.pk}/{prepared.digest}-{secrets.token_hex(4)}"
    file_name = default_storage.save(f"images/{stem}.{prepared.extension}", ContentFile(prepared.content))
    thumbnail_name = ""
    try:
        thumbnail_name = default_storage.save(f"thumbnails/{stem}.jpg", ContentFile(prepared.thumbnail))
        with transaction.atomic():
            image = Image.objects.create(
                project=project,
                name=display_name(name),
                width=prepared.width,
                height=prepared.height,
                digest=prepared.digest,
                file=file_name,
                thumbnail=thumbnail_name,
                content_type=prepared.content_type,
                size_bytes=len(prepared.content),
                uploaded_by=user,
            )
            embedding_queue.ensure_job_where_possible(image)
    except BaseException as error:
        _remove_files([file_name, thumbnail_name])
        # Two requests with the same file at the same moment: the database let one in.
        if isinstance(error, IntegrityError) and (existing := _find(project, prepared.digest)):
            return UploadedImage(existing, duplicate=True)
        raise
    return UploadedImage(image, duplicate=False)


def delete_images(images: Iterable[Image]) -> int:
    """Deletes rows and, once that is committed, their files. Returns how many rows went."""
    images = list(images)
    names = [name for image in images for name in (image.file.name, image.thumbnail.name)]
    digests = {image.digest for image in images}
    with transaction.atomic():
        Image.objects.filter(pk__in=[image.pk for image in images]).delete()
        transaction.on_commit(lambda: (_remove_files(names), embedding_store.delete_unused(digests)))
    return len(images)


def delete_project(project: Project) -> None:
    """Deletes a project with everything in it; files go once that is committed."""
    images = list(project.images.all())
    export_names = [name for name in project.exports.values_list("file", flat=True) if name]
    with transaction.atomic():
        delete_images(images)
        project.delete()
        transaction.on_commit(lambda: _remove_files(export_names))


def sweep_orphans(min_age_s: float = 3600) -> list[str]:
    """Removes image files no row names, left behind by a killed process; returns their names.

    Args:
        min_age_s: younger files stay, since an upload under way writes its files before its row. In seconds.
    """
    known = set(Image.objects.values_list("file", flat=True)) | set(
        Image.objects.values_list("thumbnail", flat=True)
    )
    oldest_kept = timezone.now() - timedelta(seconds=min_age_s)
    orphans = [
        name
        for folder in ("images", "thumbnails")
        for name in _walk(folder)
        if name not in known and default_storage.get_modified_time(name) < oldest_kept
    ]
    _remove_files(orphans)
    return orphans


def read_pixels(image: Image) -> np.ndarray:
    """The stored image as the model sees it: (height, width, 3) uint8 RGB, upright.

    Raises:
        DamagedImage: the file is there but no longer what was stored. Its message is for annotators: it names no path.
        OSError: storage cannot be read (now).
    """
    with default_storage.open(image.file.name, "rb") as file:
        content = file.read()
    try:
        with Pillow.open(io.BytesIO(content), formats=FORMATS) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    except Exception as error:  # as in `_decoding`
        raise DamagedImage("The stored picture is damaged; delete it here and upload it again.") from error
    if pixels.shape[:2] != image.hw:
        raise DamagedImage(f"stored file of image {image.pk} is {pixels.shape[:2]}, its row says {image.hw}")
    return pixels


# --- one image ---
def prepare(file: BinaryIO) -> PreparedImage:
    """Checks an encoded image and turns it into what is stored.

    Raises:
        EmptyFile, FileTooLarge, NotAnImage, UnsupportedImage, AnimatedImage, TooManyPixels, DamagedImage.
    """
    content = _read_within_limit(file)
    with _open(content) as picture:
        _check_header(picture)
        with _decoding():
            picture.load()
        turn = UPRIGHT.get(_orientation(picture))
        rgb = to_rgb(picture if turn is None else picture.transpose(turn))
        is_jpeg = picture.format in ("JPEG", "MPO")
        if turn is None and _is_plain_rgb(picture, content):
            extension, content_type = KEPT_AS_THEY_ARE["JPEG" if is_jpeg else picture.format]
            stored = content
        else:
            extension, content_type = ("jpg", "image/jpeg") if is_jpeg else ("png", "image/png")
            stored = _encode(rgb, is_jpeg, picture)
    return PreparedImage(
        width=rgb.width,
        height=rgb.height,
        digest=content_digest(rgb),
        content=stored,
        extension=extension,
        content_type=content_type,
        thumbnail=_make_thumbnail(rgb),
    )


def to_rgb(picture: Pillow.Image) -> Pillow.Image:
    """Any mode the formats above decode to -> 8-bit RGB; see the module's head for the rules.

    Raises:
        UnsupportedImage: a kind of pixel that has no agreed way to 8-bit RGB.
    """
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode in ("I;16", "I;16L", "I;16B", "I;16N"):
        wide = np.asarray(picture).astype(np.uint32)
        return Pillow.fromarray(((wide * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        with_alpha = picture.convert("RGBA")
        over_white = Pillow.new("RGB", picture.size, "white")
        over_white.paste(with_alpha, mask=with_alpha.getchannel("A"))
        return over_white
    if picture.mode == "CMYK":
        return _cmyk_to_rgb(picture)
    if picture.mode in ("1", "L", "P", "YCbCr"):
        return picture.convert("RGB")
    kind = {"I": "32-bit integer", "F": "floating-point", "LAB": "Lab"}.get(picture.mode, picture.mode)
    raise UnsupportedImage(
        f"The image has {kind} pixels, which have no agreed way to 8-bit RGB. Convert it to 8 or 16 bits first."
    )


def content_digest(rgb: Pillow.Image) -> str:
    """sha256 over "width x height" and the RGB pixels, row by row: the same picture in another file is the same."""
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height}:RGB:".encode())
    for top in range(0, rgb.height, HASH_STRIP_ROWS):
        digest.update(rgb.crop((0, top, rgb.width, min(top + HASH_STRIP_ROWS, rgb.height))).tobytes())
    return digest.hexdigest()


def display_name(name: str | None) -> str:
    """The last part of a path on any system, without control characters, at most 255 characters."""
    last = str(name or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable()).strip()[-255:] or "image"


def file_size(file: BinaryIO) -> int:
    file.seek(0, io.SEEK_END)
    size = file.tell()
    file.seek(0)
    return size


def read_head(file: BinaryIO, count: int = 8) -> bytes:
    head = file.read(count)
    file.seek(0)
    return head


def _ingest_one(project: Project, file: BinaryIO, name: str, user, report: UploadReport) -> None:
    try:
        report.results.append(ingest_image(project, file, name, user))
    except MaskwrightError as error:
        report.errors.append(RefusedFile(name, error))
    else:
        if len(report.results) == 1:
            embedding_queue.wake()  # the first image's embedding need not wait for the last upload


def _find(project: Project, digest: str) -> Image | None:
    return Image.objects.filter(project=project, digest=digest).first()


def _read_within_limit(file: BinaryIO) -> bytes:
    content = file.read(settings.MAX_IMAGE_BYTES + 1)
    if not content:
        raise EmptyFile("The file is empty.")
    if len(content) > settings.MAX_IMAGE_BYTES:
        raise FileTooLarge(f"The file is larger than {settings.MAX_IMAGE_BYTES // settings.MEBIBYTE} MiB.")
    return content


def _open(content: bytes) -> Pillow.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # _check_header refuses in words
            return Pillow.open(io.BytesIO(content), formats=FORMATS)
    except Pillow.DecompressionBombError as error:
        raise TooManyPixels(_too_many_pixels()) from error
    except Pillow.UnidentifiedImageError as error:
        raise NotAnImage(f"This is not an image of a supported kind ({', '.join(FORMATS)}).") from error
    except Exception as error:
        raise _damaged(error) from error


@contextmanager
def _decoding() -> Iterator[None]:
    """Pillow's decoders raise whatever the bytes made them stumble over: all of it means a damaged file."""
    try:
        yield
    except Exception as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> DamagedImage:
    return DamagedImage(f"The file is damaged or cut off: {str(error) or type(error).__name__}.")


def _orientation(picture: Pillow.Image) -> int:
    try:
        return picture.getexif().get(EXIF_ORIENTATION, 1)
    except Exception as error:  # broken EXIF beside good pixels: browsers ignore it too
        logger.info("ignoring unreadable EXIF: %s", error)
        return 1


def _check_header(picture: Pillow.Image) -> None:
    """Everything that can be refused before a single pixel is decoded."""
    width, height = picture.size
    if width < 1 or height < 1:
        raise DamagedImage(f"The image's header says {width} x {height} pixels.")
    if width * height > settings.MAX_IMAGE_PIXELS:
        raise TooManyPixels(f"The image has {width} x {height} pixels. {_too_many_pixels()}")
    if max(width, height) > settings.MAX_IMAGE_SIDE_PX:
        raise TooManyPixels(
            f"The image has {width} x {height} pixels; a side may have at most {settings.MAX_IMAGE_SIDE_PX}."
        )
    if picture.format == "MPO":
        return
    with _decoding():
        frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        what = f"{frames} pages" if picture.format == "TIFF" else f"{frames} frames (it is animated)"
        raise AnimatedImage(f"The file holds {what}; upload each as an image of its own.")


def _too_many_pixels() -> str:
    return f"At most {settings.MAX_IMAGE_PIXELS / 1e6:g} megapixels are taken."


def _is_plain_rgb(picture: Pillow.Image, content: bytes) -> bool:
    """Whether a browser and Pillow decode the bytes to the same 8-bit RGB pixels without any conversion."""
    if picture.format == "PNG":
        bit_depth = content[24]  # IHDR: 8-byte signature, length, type, width, height, then the bit depth
        return bit_depth == 8 and picture.mode in ("RGB", "L") and "transparency" not in picture.info
    return picture.format in ("JPEG", "MPO", "WEBP") and picture.mode in ("RGB", "L")


def _encode(rgb: Pillow.Image, as_jpeg: bool, source: Pillow.Image) -> bytes:
    # A profile made for other channels (CMYK, grey) would be wrong for these.
    profile = source.info.get("icc_profile") if source.mode in ("RGB", "RGBA", "P") else None
    buffer = io.BytesIO()
    if as_jpeg:
        rgb.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=True, icc_profile=profile)
    else:
        rgb.save(buffer, "PNG", icc_profile=profile)
    return buffer.getvalue()


def _cmyk_to_rgb(picture: Pillow.Image) -> Pillow.Image:
    profile = picture.info.get("icc_profile")
    if profile:
        try:
            return ImageCms.profileToProfile(
                picture, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError) as error:
            logger.warning("cannot use the CMYK profile, converting without it: %s", error)
    return picture.convert("RGB")


def _make_thumbnail(rgb: Pillow.Image) -> bytes:
    small = rgb.copy()
    small.thumbnail((settings.THUMBNAIL_SIDE_PX, settings.THUMBNAIL_SIDE_PX), Pillow.Resampling.LANCZOS)
    small.info.clear()
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    return buffer.getvalue()


# --- zips ---
def _ingest_zip(project: Project, file: BinaryIO, user, report: UploadReport) -> None:
    if file_size(file) > settings.MAX_ZIP_BYTES:
        raise FileTooLarge(f"The zip is larger than {settings.MAX_ZIP_BYTES // settings.MEBIBYTE} MiB.")
    try:
        with zipfile.ZipFile(file) as archive:
            entries = list(_checked_entries(archive))
            if not entries:
                raise ZipRefused("The zip holds no files.")
            for entry in entries:
                _ingest_entry(project, archive, entry, user, report)
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
        limit_mib = settings.MAX_ZIP_UNCOMPRESSED_BYTES // settings.MEBIBYTE
        raise ZipRefused(f"The zip unpacks to {unpacked_bytes} bytes; at most {limit_mib} MiB are taken.")
    if unpacked_bytes > settings.MAX_ZIP_RATIO * max(packed_bytes, 1) and unpacked_bytes > settings.MEBIBYTE:
        raise ZipRefused("The zip unpacks to far more than images do: it looks like a decompression bomb.")
    for entry in entries:
        _refuse_tricks(entry)
    for entry in entries:
        if entry.is_dir() or _is_junk(entry.filename):
            continue
        try:
            with archive.open(entry) as stream:
                head = stream.read(8)
        except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError):
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
    """What file managers put beside images; skipped without a word."""
    parts = PurePosixPath(filename.replace("\\", "/")).parts
    return any(part == "__MACOSX" or part.startswith(".") for part in parts) or parts[-1].lower() in {
        "thumbs.db",
        "desktop.ini",
    }


def _ingest_entry(
    project: Project, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, user, report: UploadReport
) -> None:
    try:
        if entry.file_size > settings.MAX_IMAGE_BYTES:
            raise FileTooLarge(
                f"The file is larger than {settings.MAX_IMAGE_BYTES // settings.MEBIBYTE} MiB."
            )
        with archive.open(entry) as stream:
            _ingest_one(project, stream, entry.filename, user, report)
    except MaskwrightError as error:
        report.errors.append(RefusedFile(entry.filename, error))
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError) as error:
        damaged = DamagedImage(f"This entry of the zip cannot be unpacked: {error}.")
        report.errors.append(RefusedFile(entry.filename, damaged))


# --- files ---
def _remove_files(names: Iterable[str]) -> None:
    for name in names:
        if not name:
            continue
        try:
            default_storage.delete(name)
        except OSError as error:  # the row is gone; sweep_orphans tries again
            logger.warning("cannot delete %s: %s", name, error)


def _walk(folder: str) -> Iterator[str]:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{name}" for name in files)
    for name in folders:
        yield from _walk(f"{folder}/{name}")
