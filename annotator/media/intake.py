"""Uploads come in: images and zips of images become rows and files of a project."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, IntegrityError, transaction

from annotator.embeddings import queue as embedding_queue
from annotator.errors import MaskwrightError
from annotator.files import unowned
from annotator.files.errors import StorageFull
from annotator.media.archives import is_zip, read_zip
from annotator.media.errors import ImageInTrash, NoFiles, TooManyFiles
from annotator.media.pixels import prepare
from annotator.models import Image, Project, User
from annotator.site.full_disk import means_full

logger = logging.getLogger(__name__)


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


def ingest_files(
    project: Project, files: Iterable[IO[bytes]], user: User | None = None, *, batch: str = ""
) -> UploadReport:
    """Takes in images and zips of images, one after the other.

    Args:
        files: seekable binary files with a `name`, such as Django's uploaded files or opened paths.
        user: who uploads; None for a command.
        batch: names what is uploaded together in several calls; images of one batch are ordered by their names.

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
    batch = batch or secrets.token_hex(8)
    for file in files:
        name = display_name(file.name)
        try:
            if is_zip(file):
                _ingest_zip(project, file, user, batch, report)
            else:
                _ingest_one(project, file, name, user, batch, report)
        except (MaskwrightError, OSError, DatabaseError) as error:
            report.errors.append(RefusedFile(name, _as_refusal(error)))
    embedding_queue.wake()
    return report


def ingest_image(
    project: Project,
    file: IO[bytes],
    name: str,
    user: User | None = None,
    *,
    batch: str = "",
    and_then: Callable[[Image], None] | None = None,
) -> UploadedImage:
    """Takes in one image: files first, then the row, so that a killed process leaves at most noted files without a row.

    Returns the existing row, marked as a duplicate, where an image of the same pixels was uploaded to the project.

    Args:
        name: of the file, with its folders where it has some.
        and_then: what belongs to a new image, done in the transaction that writes its row; where it fails, the image
            does not come in. Not called for a duplicate.

    Raises:
        ImageInTrash: that row is softly deleted.
        UploadError: the file is refused.
    """
    prepared = prepare(file)
    if existing := _find(project, prepared.digest):
        return UploadedImage(existing, duplicate=True)

    # The random part keeps a file that is just being deleted apart from one of the same pixels being uploaded again.
    stem = f"{project.pk}/{prepared.digest}-{secrets.token_hex(4)}"
    names = file_name, thumbnail_name = f"images/{stem}.{prepared.extension}", f"thumbnails/{stem}.jpg"
    unowned.note(names)
    try:
        default_storage.save(file_name, ContentFile(prepared.content))
        default_storage.save(thumbnail_name, ContentFile(prepared.thumbnail))
        with transaction.atomic():
            image = Image.objects.create(
                project=project,
                position=Image.with_deleted.position_for(project, batch),
                batch=batch,
                name=display_name(name),
                folder=folder_of(name),
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
            if and_then:
                and_then(image)
            unowned.strike_out(names)
    except BaseException as error:
        unowned.discard(names)
        # Two requests with the same file at the same moment: the database let one in.
        if isinstance(error, IntegrityError) and (existing := _find(project, prepared.digest)):
            return UploadedImage(existing, duplicate=True)
        raise
    return UploadedImage(image, duplicate=False)


def display_name(name: str | None) -> str:
    """The last part of a path on any system, without control characters, at most 255 characters.

    "image" where nothing is left that could name a file: dots name folders.
    """
    last = str(name or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable()).strip()[-255:].strip()
    return kept if kept.strip(". ") else "image"


def folder_of(name: str) -> str:
    """The folders before a file's name, with forward slashes, without control characters, at most 1000 characters."""
    parts = name.replace("\\", "/").split("/")[:-1]
    kept = [part for part in parts if part not in ("", ".", "..")]
    return "".join(c for c in "/".join(kept) if c.isprintable())[-1000:]


def _ingest_one(
    project: Project, file: IO[bytes], name: str, user: User | None, batch: str, report: UploadReport
) -> None:
    report.results.append(ingest_image(project, file, name, user, batch=batch))
    if len(report.results) == 1:
        embedding_queue.wake()  # the first image's embedding need not wait for the last upload


def _ingest_zip(
    project: Project, file: IO[bytes], user: User | None, batch: str, report: UploadReport
) -> None:
    full: StorageFull | None = None
    for entry in read_zip(file):
        try:
            if full:
                raise full  # the rest need not be unpacked to be told the same
            with entry.open() as stream:
                _ingest_one(project, stream, entry.name, user, batch, report)
        except (MaskwrightError, OSError, DatabaseError) as error:
            refusal = _as_refusal(error)
            full = refusal if isinstance(refusal, StorageFull) else None
            report.errors.append(RefusedFile(entry.name, refusal))


def _as_refusal(error: Exception) -> MaskwrightError:
    """A full disk is one file's misfortune: what came before it stays. Raises what is none of these."""
    if isinstance(error, MaskwrightError):
        return error
    if means_full(error):
        logger.error("the disk is full: %s", error)
        return StorageFull()
    raise error


def _find(project: Project, digest: str) -> Image | None:
    """The project's image of the same pixels. Raises ImageInTrash where it is softly deleted."""
    rows = Image.with_deleted.filter(project=project, digest=digest, source=Image.Source.UPLOAD)
    image = rows.first()
    if image and image.deleted_at:
        raise ImageInTrash(
            f"This image is in the trash as {image.name}. Restore it there, with its masks, or delete it for good.",
            image.pk,
        )
    return image
