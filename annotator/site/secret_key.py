"""Django's secret key for installations that set none: made once, kept in the data folder."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path


def read_or_make_secret_key(path: Path) -> str:
    """The key in `path`; made (mode 0600) where the file is missing.

    Web server and worker start at the same time on a fresh machine: the file appears complete or not at all, and
    when two processes make it at once, both keep the first one's.
    """
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".secret_key-")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # fails where the file exists by now, unlike rename
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
    return path.read_text()
