"""What a full disk looks like: to the file system, to SQLite and to PostgreSQL."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator

from django.conf import settings

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
POSTGRES_DISK_FULL = "53100"  # SQLSTATE, class 53: insufficient resources
# SQLite does not always say why it cannot write: with less than this left, that is why.
LITTLE_BYTES = 128 * 1024

SENTENCE = "The server's disk is full; nothing was changed. Tell an administrator, and try again later."


def means_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came of, means that there is no room left."""
    return any(_is_full(one) for one in _with_causes(error))


def how_to_make_room() -> str:
    """For whoever runs a command."""
    return (
        f"The disk of {settings.DATA_DIR} is full. Make room on it, or set DATA_DIR to a folder of another disk; then "
        "do this again. Nothing that was there is lost."
    )


def _is_full(error: BaseException) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what extends it
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            return _is_little_left()
        return code == sqlite3.SQLITE_FULL
    if isinstance(error, OSError):
        return error.errno in FULL
    return getattr(error, "sqlstate", None) == POSTGRES_DISK_FULL


def _is_little_left() -> bool:
    try:
        return shutil.disk_usage(settings.DATA_DIR).free < LITTLE_BYTES
    except OSError:
        return False


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
