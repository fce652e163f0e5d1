"""Stamps: a file that says from what a folder was made, so that nothing is made twice and nothing stale is kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def fingerprint(*parts: str | bytes | Path) -> str:
    """sha256 over texts, bytes and the contents of files; a missing file counts as such."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            content = part.read_bytes() if part.is_file() else b"\0missing"
        else:
            content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def tree_fingerprint(folders: Iterable[Path]) -> str:
    """Over the names, sizes and times of the files below `folders`: cheap, and changes whenever a file does."""
    lines = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                state = path.stat()
                lines.append(f"{path}:{state.st_size}:{state.st_mtime_ns}")
    return fingerprint("\n".join(lines))


def is_current(stamp: Path, value: str) -> bool:
    try:
        return stamp.read_text() == value
    except FileNotFoundError:
        return False


def write_stamp(stamp: Path, value: str) -> None:
    """Written last and at once: an interrupted step leaves no stamp and is done again."""
    temporary = stamp.with_name(f"{stamp.name}.{os.getpid()}")
    temporary.write_text(value)
    temporary.replace(stamp)


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Holds an exclusive lock on `path`; the system lets go of it when the process ends, however it ends.

    Yields:
        Whether the lock was got; always True with `wait`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # 0600 whatever the mask: nobody else on the machine has to do with it.
    with open(path, "a+", opener=lambda name, flags: os.open(name, flags, 0o600)) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
