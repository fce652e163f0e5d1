"""Files in a storage that no row owns, kept as rows, so that clearing them away never lists the storage.

A name is noted before its file is written, and struck out in the transaction that writes the row which owns the file.
A row that goes notes its files in its own transaction. So a process that is killed in between leaves a note; the sweep
deletes that file. Inside a caller's transaction a note is kept or undone with the rest. `storage` is an alias of
STORAGES.

Owner and sweep never meet: both change the note's row first and hold it until their transaction ends. Whoever is second
finds the note struck out, or the file gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.core.files.storage import storages
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from annotator.files.errors import FilesGone
from annotator.models import UnownedFile

logger = logging.getLogger(__name__)

MIN_AGE_S = 3600.0  # far longer than any write between a note and its row takes
BATCH = 50  # files deleted while one transaction holds their notes


def note(names: Iterable[str], storage: str = "default") -> None:
    """Writes down names; empty ones are left out, known ones count from now."""
    now = timezone.now()
    UnownedFile.objects.bulk_create(
        [UnownedFile(storage=storage, name=name, noted_at=now) for name in dict.fromkeys(names) if name],
        update_conflicts=True,
        unique_fields=["storage", "name"],
        update_fields=["noted_at"],
        batch_size=500,
    )


def without_note(names: Iterable[str], storage: str = "default") -> list[str]:
    """Those of the names that are not noted. Noting the others again would make their notes young."""
    names = list(names)
    noted = UnownedFile.objects.filter(storage=storage, name__in=names).values_list("name", flat=True)
    return sorted(set(names) - set(noted))


def strike_out(names: Iterable[str], storage: str = "default", *, optional: Iterable[str] = ()) -> None:
    """A row owns these files from now on; call it in the transaction that writes the row.

    Args:
        optional: more files of the row, which need not be there.

    Raises:
        FilesGone: one of `names` is not in the storage.
    """
    names, optional = list(names), list(optional)
    note([*names, *optional], storage)  # from here on nobody else deletes or takes over any of them
    missing = [name for name in names if not storages[storage].exists(name)]
    if missing:
        raise FilesGone(
            f"{missing[0]} was cleared away before it was recorded, because that took more than an hour. Try again."
        )
    UnownedFile.objects.filter(storage=storage, name__in=[*names, *optional]).delete()


def discard(
    names: Iterable[str], storage: str = "default", is_wanted: Callable[[str], bool] | None = None
) -> list[str]:
    """Deletes those of the files that are noted, then the notes.

    A file that cannot be deleted keeps its note, for the next sweep.

    Args:
        is_wanted: says of a name that a row has come to own the file by now; only the note goes then.

    Returns:
        The names of the deleted files.
    """
    return _delete(filter(None, names), storage, is_wanted, noted_before=None)


def sweep(
    folder: str = "",
    min_age_s: float = MIN_AGE_S,
    is_wanted: Callable[[str], bool] | None = None,
    storage: str = "default",
) -> list[str]:
    """Deletes the noted files of a folder that nobody can be writing any more.

    Args:
        folder: the names' first part, with its slash; without one: all of the storage.
        min_age_s: younger notes stay, since their files may be being written. In seconds.
        is_wanted: as for `discard`.

    Returns:
        The names of the deleted files.
    """
    noted_before = timezone.now() - timedelta(seconds=min_age_s)
    old = UnownedFile.objects.filter(storage=storage, name__startswith=folder, noted_at__lt=noted_before)
    return _delete(list(old.values_list("name", flat=True)), storage, is_wanted, noted_before)


def _delete(
    names: Iterable[str],
    storage: str,
    is_wanted: Callable[[str], bool] | None,
    noted_before: datetime | None,
) -> list[str]:
    deleted: list[str] = []
    names = list(names)
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        with transaction.atomic():
            notes = UnownedFile.objects.filter(storage=storage, name__in=batch)
            if noted_before:
                notes = notes.filter(noted_at__lt=noted_before)
            if notes.update(noted_at=F("noted_at")) == 0:  # holds the rows; nothing else changes
                continue
            held = set(notes.values_list("name", flat=True))
            wanted = {name for name in held if is_wanted and is_wanted(name)}
            gone = [name for name in sorted(held - wanted) if _is_deleted(name, storage)]
            notes.filter(name__in=[*wanted, *gone]).delete()
        deleted += gone
    return deleted


def _is_deleted(name: str, storage: str) -> bool:
    try:
        storages[storage].delete(name)
    except OSError as error:
        logger.warning("cannot delete %s: %s", name, error)
        return False
    return True
