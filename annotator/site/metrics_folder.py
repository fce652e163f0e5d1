"""Where the web processes of one server keep what they count, so that each can answer for all of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from annotator.site.environment import read

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # which prometheus_client reads when it is imported


def prepare(data_dir: Path) -> None:
    """Names and makes the folder of this process' server, and removes those of servers that have ended.

    The server is the parent of its web processes: gunicorn's master. A folder that the environment names already is
    used as it is.
    """
    if read(VARIABLE):
        return
    folders = data_dir / "tmp" / "metrics"
    own = folders / str(os.getppid())
    own.mkdir(parents=True, exist_ok=True)
    for folder in folders.iterdir():
        if folder != own and not _is_running(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
    os.environ.update({VARIABLE: str(own)})


def folder() -> Path | None:
    """The folder, where there is one: in a web process."""
    place = read(VARIABLE)
    return Path(place) if place and Path(place).is_dir() else None


def _is_running(name: str) -> bool:
    if not name.isdigit():
        return False
    try:
        os.kill(int(name), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
