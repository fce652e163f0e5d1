"""Files in a storage that no row owns, kept as rows, so that clearing them away never lists the storage.

A name is noted before its file is written, and struck out in the transaction that writes the row which owns the file.
A row that goes notes its files in its own transaction. So a process that is killed in between leaves a note; the sweep
deletes that file. Inside a caller's transaction a note is kept or undone with the rest. `storage` is an alias of
STORAGES.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.core.files.storage import storages
from django.utils import timezone

from annotator.models import UnownedFile

logger = logging.getLogger(__name__)

MIN_AGE_S = 3600.0  # far longer than any write between a note and its row takes


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


def strike_out(names: Iterable[str], storage: str = "default") -> None:
    """A row owns these files from now on; call it in the transaction that writes the row."""
    UnownedFile.objects.filter(storage=storage, name__in=list(names)).delete()


def discard(names: Iterable[str], storage: str = "default") -> list[str]:
    """Deletes noted files, then the notes. A file that cannot be deleted keeps its note, for the next sweep."""
    gone = []
    for name in filter(None, names):
        try:
            storages[storage].delete(name)
        except OSError as error:
            logger.warning("cannot delete %s: %s", name, error)
        else:
            gone.append(name)
    strike_out(gone, storage)
    return gone


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
        is_wanted: says of a name that a row has come to own the file by now; only the note goes then.

    Returns:
        The names of the deleted files.
    """
    oldest_kept = timezone.now() - timedelta(seconds=min_age_s)
    old = UnownedFile.objects.filter(storage=storage, name__startswith=folder, noted_at__lt=oldest_kept)
    names = list(old.values_list("name", flat=True))
    wanted = {name for name in names if is_wanted and is_wanted(name)}
    strike_out(wanted, storage)
    return discard((name for name in names if name not in wanted), storage)
