"""Damaged files for the tests of formats, and a picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from PIL import Image

from exporters.errors import UnreadableFile
from tests.exporters.files import files_in, zip_of
from tests.exporters.world import HEIGHT, WIDTH


def picture(width: int = WIDTH, height: int = HEIGHT) -> io.BytesIO:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "blue").save(stream, "PNG")
    return io.BytesIO(stream.getvalue())


def read_damaged(content: bytes, read: Callable[[bytes], object], times: int = 150) -> None:
    """Reads the file with bytes exchanged and cut off at random: whatever is raised but UnreadableFile is a defect."""
    random = np.random.default_rng(0)
    for _ in range(times):
        changed = bytearray(content)
        for place in random.integers(0, len(content), random.integers(1, 6)):
            changed[place] = random.integers(0, 256)
        if random.random() < 0.2:
            del changed[random.integers(0, len(changed)) :]
        with suppress(UnreadableFile):
            read(bytes(changed))


def members_damaged(content: bytes, read: Callable[[bytes], object], times: int = 150) -> None:
    """The same for each file inside of a zip, which is then packed anew, so that its checksums are right."""
    files = files_in(content)
    for name, inner in files.items():
        if inner:
            read_damaged(inner, lambda changed, name=name: read(zip_of(files | {name: changed})), times)
