"""Files that are either there whole or not there at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Gives a temporary path; on a clean exit it takes `path`'s place, otherwise it is deleted.

    A killed process leaves it behind.

    Args:
        folder: of the temporary path, on the same disk; `path`'s own where it is left out.

    A reader sees the old file or the new one, never a part: rename within one folder is atomic (POSIX
    rename(2)).
    """
    path = Path(path)
    folder = folder or path.parent
    for needed in (path.parent, folder):
        needed.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=folder)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes the file 0600; what takes its place must be as readable as any new file.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes `content` to `path` in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _umask() -> int:
    # There is no call that reads the mask without setting it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
