"""Imports: brought, changed, started, cancelled, deleted. `annotator.worker.runners.imports` does the work."""

from __future__ import annotations

import csv
import io
import os
import secrets
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from annotator.datasets.errors import ImportBusy, ImportNotExamined
from annotator.datasets.examination import NEW, SKIP, Examined
from annotator.errors import InvalidValue
from annotator.files import stored, unowned
from annotator.jobs import queue
from annotator.jobs.kinds import kind_of
from annotator.media import partial_uploads
from annotator.media.errors import EmptyFile, FileTooLarge
from annotator.media.intake import display_name
from annotator.models import Import, PartialUpload, Project, User
from annotator.site.environment import MEBIBYTE
from exporters.errors import UnreadableFile
from exporters.reading import Refusal
from exporters.source import FolderSource, Source, source_of
from exporters.spreadsheet import harmless

State, Step = Import.State, Import.Step
FOLDER = "imports/"
OPTIONS = ("format", "match", "new_images", "to_check")
# The files have to be looked through once more where one of these changes.
EXAMINED_WITH = frozenset({"format", "match", "new_images"})


# --- a dataset is brought ---
def begin_with_file(project: Project, user: User | None, file: IO[bytes], **options: Any) -> Import:
    """Keeps an uploaded file and has it examined.

    Raises:
        EmptyFile, FileTooLarge: it is not taken.
        InvalidValue: an option makes no sense.
    """
    name = display_name(file.name)
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size_bytes == 0:
        raise EmptyFile(f"{name} is empty.")
    if size_bytes > settings.MAX_ZIP_BYTES:
        raise FileTooLarge(f"{name} is larger than {settings.MAX_ZIP_BYTES // MEBIBYTE} MiB.")
    stored_name = f"{FOLDER}{project.pk}/{secrets.token_hex(12)}"
    unowned.note([stored_name])
    try:
        default_storage.save(stored_name, File(file, name=name))
        with transaction.atomic():
            row = _begin(project, user, name, parts=[stored_name], size_bytes=size_bytes, **options)
            unowned.strike_out([stored_name])
    except BaseException:
        unowned.discard([stored_name])
        raise
    return row


def begin_with_upload(upload: PartialUpload, user: User | None, **options: Any) -> Import:
    """Examines a large file, all parts of which have arrived; asked again, the answer is the same import.

    Raises:
        UploadIncomplete: a part is still missing.
        UploadBusy: another request does so at this moment.
    """
    if upload.report and "import_id" in upload.report:
        known = Import.objects.filter(pk=upload.report["import_id"]).first()
        if known:
            return known
    with partial_uploads.taking_in(upload), transaction.atomic():
        row = _begin(
            upload.project,
            user,
            upload.name,
            parts=partial_uploads.hand_over(upload),
            size_bytes=upload.size_bytes,
            **options,
        )
        partial_uploads.note_handed_over(upload, {"import_id": row.pk})
    return row


def begin_with_path(project: Project, user: User | None, path: Path, **options: Any) -> Import:
    """Examines a file or folder of the server. Raises InvalidValue unless it lies within IMPORT_ROOTS."""
    return _begin(project, user, path.name, path=str(allowed_path(path)), **options)


def begin_here(
    project: Project, path: Path, examined: Examined, *, mapping: dict[str, int | str], **options: Any
) -> Import:
    """An import that this process has examined and now does itself, as if it had claimed it from the queue.

    Where the process dies, the lease runs out, and a worker of this machine goes on.
    """
    now = timezone.now()
    return Import.objects.create(
        project=project,
        name=path.name[-255:] or "dataset",
        path=str(path.resolve()),
        step=Step.IMPORT,
        state=State.RUNNING,
        worker="the command line",
        lease_token=uuid.uuid4(),
        lease_expires_at=now + timedelta(seconds=settings.JOB_LEASE_S),
        started_at=now,
        attempts=1,
        format=examined.format,
        found=examined.found,
        mapping=mapping,
        **options,
    )


def allowed_path(path: Path) -> Path:
    """The path without links. Raises InvalidValue unless there is a file or folder within one of IMPORT_ROOTS."""
    roots = [Path(root).resolve() for root in settings.IMPORT_ROOTS]
    if not roots:
        raise InvalidValue.of_field(
            "path",
            "This server imports no folders of its own: IMPORT_ROOTS names none. Upload a zip instead.",
        )
    try:
        found = path.resolve()
        is_there = any(found.is_relative_to(root) for root in roots) and (found.is_dir() or found.is_file())
    except (
        OSError,
        RuntimeError,
    ):  # a name that is too long, a folder that nobody may look into; links in a circle
        is_there = False
    if not is_there:
        names = ", ".join(map(str, roots))
        raise InvalidValue.of_field("path", f"There is no such file or folder within {names}.")
    return found


def _begin(project: Project, user: User | None, name: str, **columns: Any) -> Import:
    row = Import(project=project, name=name[-255:] or "dataset", created_by=user, **columns)
    with transaction.atomic():
        row.save(force_insert=True)
        kind_of(Import).wake()
    return row


# --- it is changed, started, stopped ---
def change(row: Import, *, mapping: Mapping[str, Any] | None = None, **options: Any) -> Import:
    """Changes what is to become of an import that no worker is at. Some options have the files examined once more.

    Args:
        mapping: of some of the file's categories; the others stay as they are.
        options: of OPTIONS.

    Raises:
        InvalidValue: the mapping names a category that is not in the file, or not in the project.
        ImportBusy: a worker is at it, or it has come in.
    """
    with transaction.atomic():
        # Read under a lock: two changes of different categories at one time must not undo each other.
        Import.objects.select_for_update().filter(pk=row.pk).first()
        row.refresh_from_db()
        columns = {name: value for name, value in options.items() if getattr(row, name) != value}
        if mapping is not None:
            columns["mapping"] = row.mapping | _checked(row, mapping)
        is_examined_again = bool(EXAMINED_WITH & set(columns))
        if "format" in columns:
            # To another reader, the ids of categories mean other ones.
            columns["mapping"] = {}
        if is_examined_again:
            columns |= {
                "step": Step.EXAMINE,
                "found": None,
                "done": 0,
                "total": 0,
                "result": None,
                **queue.FRESH,
            }
        if columns and _changeable(row).update(**columns) != 1:
            raise _busy(row)
        if is_examined_again:
            kind_of(Import).wake()
    row.refresh_from_db()
    return row


def start(row: Import) -> Import:
    """What was examined comes in; what was cancelled or failed on the way goes through its images once more.

    Raises:
        ImportNotExamined: nobody has looked into the files yet, or nothing could be read.
        ImportBusy: a worker is at it, or it has come in.
    """
    if row.found is None or (row.step == Step.EXAMINE and row.state != State.READY):
        raise ImportNotExamined(f"The import is {row.phase}; it can be started once it is examined.")
    with transaction.atomic():
        fresh = queue.FRESH | {"step": Step.IMPORT, "done": 0, "total": 0, "result": None}
        if _changeable(row).exclude(found=None).update(**fresh) != 1:
            raise _busy(row)
        kind_of(Import).wake()
    row.refresh_from_db()
    return row


def cancel_or_delete(row: Import) -> None:
    """Stops an import that waits or runs, and keeps its row: whole images that came in stay. Deletes one that is over,
    files and all; its annotations stay.
    """
    rows = Import.objects.filter(pk=row.pk)
    with transaction.atomic():
        # Read under a lock: the worker may have ended it since the caller read it.
        current = rows.select_for_update().first()
        if current is None:
            return
        stopped = rows.filter(state__in=[State.QUEUED, State.RUNNING]).update(
            state=State.CANCELLED, finished_at=timezone.now(), **queue.NO_LEASE
        )
        if stopped == 0:
            names = [*current.parts, current.problems_file]
            unowned.note(names)
            rows.delete()
            transaction.on_commit(lambda: partial_uploads.discard(names))


def delete_old() -> int:
    """Deletes imports that were over more than IMPORT_KEEP_DAYS days ago; how many."""
    limit = timezone.now() - timedelta(days=settings.IMPORT_KEEP_DAYS)
    old = list(Import.objects.filter(finished_at__lt=limit).exclude(state__in=[State.QUEUED, State.RUNNING]))
    for row in old:
        cancel_or_delete(row)
    return len(old)


def sweep_unowned(min_age_s: float = unowned.MIN_AGE_S) -> list[str]:
    """Removes files that a killed process left without a row; returns their names."""
    return unowned.sweep(FOLDER, min_age_s)


def _changeable(row: Import) -> QuerySet[Import]:
    """The row while it is examined, or was stopped."""
    over = Q(state__in=[State.FAILED, State.CANCELLED])
    return Import.objects.filter(over | Q(step=Step.EXAMINE, state=State.READY), pk=row.pk)


def _busy(row: Import) -> ImportBusy:
    row.refresh_from_db()
    advice = "bring the file anew" if row.phase == Import.Phase.READY else "cancel it first"
    return ImportBusy(f"The import is {row.phase}; {advice}.")


def _checked(row: Import, mapping: Mapping[str, Any]) -> dict[str, int | str]:
    in_file = {str(category["id"]) for category in (row.found or {}).get("categories", [])}
    own = set(row.project.categories.values_list("pk", flat=True))
    checked: dict[str, int | str] = {}
    for key, target in mapping.items():
        if key not in in_file:
            raise InvalidValue.of_field("mapping", f"The file has no category with the id {key!r:.100}.")
        is_own = type(target) is int and target in own
        if not is_own and target not in (NEW, SKIP):
            raise InvalidValue.of_field(
                "mapping", f"{target!r:.100} is neither a category of the project nor {NEW!r} or {SKIP!r}."
            )
        checked[key] = target
    return checked


# --- its files ---
@contextmanager
def opened(row: Import) -> Iterator[Source]:
    """The files of an import, as a reader wants them.

    Raises:
        UnreadableFile: they are gone, or a zip is damaged or unpacks to too much.
    """
    if row.path:
        with source_at(Path(row.path)) as source:
            yield source
        return
    with ExitStack() as stack:
        try:
            source = source_of(stack.enter_context(_whole(row.parts)), row.name)
        except FileNotFoundError:
            raise UnreadableFile("the uploaded file is gone from the server; upload it anew") from None
        unpacked = sum(source.size(name) for name in source.names)
        if unpacked > settings.MAX_ZIP_UNCOMPRESSED_BYTES:
            limit_mib = settings.MAX_ZIP_UNCOMPRESSED_BYTES // MEBIBYTE
            raise UnreadableFile(f"the zip unpacks to {unpacked} bytes; at most {limit_mib} MiB are taken")
        yield source


@contextmanager
def source_at(path: Path) -> Iterator[Source]:
    """A folder, a zip or another file of this machine. Raises UnreadableFile."""
    if path.is_dir():
        yield FolderSource(path)
        return
    if not path.is_file():  # reading from a pipe would wait for who writes into it
        raise UnreadableFile(f"{path} is neither a file nor a folder")
    try:
        stream = open(path, "rb")
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from None
    with stream:
        yield source_of(stream, path.name)


def _whole(parts: list[str]) -> IO[bytes]:
    """One file of several parts; to be closed by the caller. Raises FileNotFoundError."""
    if len(parts) == 1:
        return stored.open_file(parts[0])
    whole = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)
    try:
        for name in parts:
            with stored.open_file(name) as part:
                shutil.copyfileobj(part, whole, MEBIBYTE)
        whole.seek(0)
    except BaseException:
        whole.close()
        raise
    return whole


def write_problems(row: Import, problems: list[Refusal]) -> str:
    """Stores all problems as CSV and notes the name; "" where there are none."""
    if not problems:
        return ""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["place", "code", "message"])
    for problem in problems:
        writer.writerow(map(harmless, (problem.place, problem.code, problem.message)))
    name = f"{FOLDER}{row.project_id}/{row.pk}-{secrets.token_hex(8)}.csv"
    unowned.note([name])
    default_storage.save(name, ContentFile(table.getvalue().encode("utf-8", "replace")))
    return name
