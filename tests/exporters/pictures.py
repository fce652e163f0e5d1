"""Small pictures as files are, and a zip's content on the disk."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from PIL import Image

from exporters.records import ImageRecord
from tests.exporters.world import HEIGHT, WIDTH


def png(width: int = WIDTH, height: int = HEIGHT, shade: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (shade, shade, shade)).save(stream, "PNG")
    return stream.getvalue()


def with_picture(image: ImageRecord) -> ImageRecord:
    return replace(image, open=partial(io.BytesIO, png(image.width, image.height, image.id % 256)))


def unpack(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


def zip_of(files: dict[str, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()
