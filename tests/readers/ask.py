"""Asks a program of other people what a dataset holds.

The scripts beside this file run in an environment of their own and print JSON.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from scripts.environment import READERS_PYTHON

HERE = Path(__file__).parent
TIMEOUT_S = 120


def ask(script: str, *arguments: object) -> Any:
    """What `tests/readers/<script>.py` prints for the arguments.

    Raises:
        AssertionError: it failed; with its last lines.
    """
    assert READERS_PYTHON.exists(), "the independent readers are not installed: make setup"
    done = subprocess.run(
        [READERS_PYTHON, HERE / f"{script}.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # Some of them greet on standard output first.
    return json.loads(done.stdout.splitlines()[-1])
