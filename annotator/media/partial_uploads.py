"""Large files come in parts, and go on where they stopped: after a lost connection, a reload, a killed server.

A part that was acknowledged is a whole file in storage, named by the row in the same transaction. What was not is sent
again. The files of a part that came to nothing are noted as any other (`annotator.files.unowned`).
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from annotator.files import stored, unowned
from annotator.media import intake
from annotator.media.errors import (
    EmptyFile,
    FileTooLarge,
    PartTooLong,
    TooManyUploads,
    UploadBusy,
    UploadedImagesGone,
    UploadIncomplete,
    WrongOffset,
)
from annotator.models import Image, PartialUpload, Project, User
from annotator.site.environment import MEBIBYTE

logger = logging.getLogger(__name__)

FOLDER = "uploads/"
HELD_FOR = timedelta(seconds=60)  # the right to take a file in, once its process no longer renews it
MOST_OPEN = 50  # uploads of one person that are not finished


def begin(
    project: Project,
    user: User,
    *,
    name: str,
    size_bytes: int,
    batch: str = "",
    is_dataset: bool = False,
) -> PartialUpload:
    """Makes room for a file.

    Args:
        is_dataset: it is to be imported, and may be as large as a zip whatever it is.

    Raises:
        EmptyFile, FileTooLarge: it would be refused in the end.
        TooManyUploads: this person has begun many and finished none of them.
    """
    name = intake.display_name(name)
    is_zip = name.lower().endswith(".zip")
    most = settings.MAX_ZIP_BYTES if is_zip or is_dataset else settings.MAX_IMAGE_BYTES
    if size_bytes == 0:
        raise EmptyFile(f"{name} is empty.")
    if size_bytes > most:
        raise FileTooLarge(f"{name} is larger than {most // MEBIBYTE} MiB.")
    if PartialUpload.objects.filter(user=user, report__isnull=True).count() >= MOST_OPEN:
        raise TooManyUploads(
            f"You have {MOST_OPEN} uploads that are not finished. Go on with one of them, or give it up: they end by "
            f"themselves after {settings.UPLOAD_KEEP_HOURS} hours."
        )
    return PartialUpload.objects.create(
        project=project, user=user, name=name, batch=batch, size_bytes=size_bytes, expires_at=_expiry()
    )


def append(upload: PartialUpload, offset_bytes: int, content: bytes) -> PartialUpload:
    """Adds a part; once this returns, the part is not lost whatever happens.

    Raises:
        WrongOffset: the part does not begin where the file ends so far.
        PartTooLong: it goes beyond the file's announced size.
    """
    if offset_bytes != upload.offset_bytes:
        raise WrongOffset(
            f"{upload.offset_bytes} bytes have arrived; a part from {offset_bytes} does not fit."
        )
    end = offset_bytes + len(content)
    if end > upload.size_bytes:
        raise PartTooLong(f"The file was announced with {upload.size_bytes} bytes; this part ends at {end}.")
    if not content:
        return upload
    name = f"{FOLDER}{upload.pk}/{offset_bytes}-{secrets.token_hex(4)}"
    unowned.note([name])
    try:
        default_storage.save(name, ContentFile(content))
        with transaction.atomic():
            # Of two parts that come at once for one place, one is written.
            same = PartialUpload.objects.filter(pk=upload.pk, offset_bytes=offset_bytes, report__isnull=True)
            parts = [*upload.parts, name]
            written = same.update(offset_bytes=end, parts=parts, expires_at=_expiry())
            if written != 1:
                raise WrongOffset("Another part has arrived meanwhile; ask how much is there.")
            unowned.strike_out([name])
    except BaseException:
        unowned.discard([name])
        raise
    # Not read again: somebody may give the upload up at this moment.
    upload.offset_bytes, upload.parts = end, parts
    return upload


@contextmanager
def taking_in(upload: PartialUpload) -> Iterator[None]:
    """Holds the right to take the file in, and renews it: a zip of many pictures takes minutes.

    It is free again if that fails, and HELD_FOR after the process died.

    Raises:
        UploadBusy: another request takes it in, or has just done so.
    """
    now = timezone.now()
    free = Q(taken_in_at=None) | Q(taken_in_at__lt=now - HELD_FOR)
    if _not_taken_in(upload).filter(free).update(taken_in_at=now) != 1:
        raise UploadBusy("The file is being taken in; ask again in a moment.")
    keeper = _Keeper(upload, now)
    try:
        with keeper:
            yield
    except BaseException:
        _not_taken_in(upload).filter(taken_in_at=keeper.held_at).update(taken_in_at=None)
        raise


class _Keeper:
    """Renews, from a thread of its own, the right to take a file in."""

    def __init__(self, upload: PartialUpload, held_at: datetime) -> None:
        self.held_at = held_at
        self._upload = upload
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"taking in {upload.pk}", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _keep(self) -> None:
        try:
            while not self._stop.wait(HELD_FOR.total_seconds() / 4):
                now = timezone.now()
                try:
                    if (
                        _not_taken_in(self._upload).filter(taken_in_at=self.held_at).update(taken_in_at=now)
                        != 1
                    ):
                        return
                    self.held_at = now
                except DatabaseError as error:  # busy, or it restarts: the next round tries again
                    logger.warning("cannot renew the right to take in %s: %s", self._upload.pk, error)
                    connection.close()
        finally:
            connection.close()


def _not_taken_in(upload: PartialUpload) -> QuerySet[PartialUpload]:
    return PartialUpload.objects.filter(pk=upload.pk, report__isnull=True)


def whole_file(upload: PartialUpload) -> IO[bytes]:
    """The file, put together, with its name; to be closed by the caller.

    Raises:
        UploadIncomplete: a part is still missing.
    """
    _require_whole(upload)
    whole = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)
    try:
        for name in upload.parts:
            with stored.open_file(name) as part:
                shutil.copyfileobj(part, whole, MEBIBYTE)
        whole.seek(0)
    except BaseException:
        whole.close()
        raise
    return File(whole, name=upload.name)


def hand_over(upload: PartialUpload) -> list[str]:
    """The parts of a whole file, for another row that is to own them; see `note_handed_over`.

    Raises:
        UploadIncomplete: a part is still missing.
    """
    _require_whole(upload)
    return list(upload.parts)


def note_handed_over(upload: PartialUpload, report: dict) -> None:
    """Another row owns the parts from now on; call it in the transaction that writes that row."""
    PartialUpload.objects.filter(pk=upload.pk).update(report=report, parts=[])


def _require_whole(upload: PartialUpload) -> None:
    if upload.offset_bytes < upload.size_bytes:
        raise UploadIncomplete(
            f"{upload.offset_bytes} of {upload.size_bytes} bytes have arrived; send the rest first."
        )


def note_report(upload: PartialUpload, report: dict) -> None:
    """The file was taken in, or refused: its parts go, and what became of it is kept for whoever asks again."""
    with transaction.atomic():
        unowned.note(upload.parts)
        PartialUpload.objects.filter(pk=upload.pk).update(report=report, parts=[])
        transaction.on_commit(lambda: discard(upload.parts))


def require_images(upload: PartialUpload) -> None:
    """Raises UploadedImagesGone, and forgets the upload, where an image that it brought is no longer there."""
    brought = {row["id"] for row in (upload.report or {}).get("body", {}).get("results", [])}
    if Image.with_deleted.filter(pk__in=brought).count() < len(brought):
        give_up([upload])
        raise UploadedImagesGone(
            f"Images of {upload.name} were deleted for good since. Upload the file anew."
        )


def give_up(uploads: list[PartialUpload]) -> int:
    """Forgets uploads and deletes what has arrived of them; how many."""
    with transaction.atomic():
        # Read under a lock: another part may have arrived since the caller read the rows.
        rows = PartialUpload.objects.select_for_update().filter(pk__in=[upload.pk for upload in uploads])
        names = [name for parts in rows.values_list("parts", flat=True) for name in parts]
        unowned.note(names)
        rows.delete()
        transaction.on_commit(lambda: discard(names))
    return len(uploads)


def remove_expired() -> int:
    """Gives up uploads that nobody has gone on with for UPLOAD_KEEP_HOURS hours; how many."""
    return give_up(list(PartialUpload.objects.filter(expires_at__lt=timezone.now())))


def discard(names: list[str]) -> None:
    """Deletes noted files; of parts, also the folders that are empty then."""
    unowned.discard(names)
    for folder in {os.path.dirname(name) for name in names if name.startswith(FOLDER)}:
        # An object store has no folders; in one that is not empty lies what could not be deleted yet.
        with suppress(NotImplementedError, OSError):
            os.rmdir(default_storage.path(folder))


def _expiry() -> datetime:
    return timezone.now() + timedelta(hours=settings.UPLOAD_KEEP_HOURS)
