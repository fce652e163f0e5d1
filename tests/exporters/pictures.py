"""Small pictures as files are."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial

from PIL import Image

from exporters.records import ImageRecord
from tests.exporters.world import HEIGHT, WIDTH


def png(width: int = WIDTH, height: int = HEIGHT, shade: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (shade, shade, shade)).save(stream, "PNG")
    return stream.getvalue()


def with_picture(image: ImageRecord) -> ImageRecord:
    return replace(image, open=partial(io.BytesIO, png(image.width, image.height, image.id % 256)))
