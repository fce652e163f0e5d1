"""Zips and pictures for the tests of formats."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from exporters.errors import UnreadableFile
from tests.exporters.world import HEIGHT, WIDTH


def picture(width: int = WIDTH, height: int = HEIGHT) -> io.BytesIO:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "blue").save(stream, "PNG")
    return io.BytesIO(stream.getvalue())


def files_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def unpacked(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


def packed(folder: Path) -> bytes:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return zipped({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


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
    files = files_of(content)
    for name, inner in files.items():
        if inner:
            read_damaged(inner, lambda changed, name=name: read(zipped(files | {name: changed})), times)
