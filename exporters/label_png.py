"""PNG pictures whose pixels are numbers: of classes, or of objects."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from exporters.errors import UnreadableFile
from exporters.fields import Refused
from exporters.source import ZIP_FAULTS, Source

Colour = tuple[int, int, int]
FAULTS = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    SyntaxError,  # what Pillow raises for a broken PNG
    TypeError,
    IndexError,
    *ZIP_FAULTS,
)
# How Pillow names pictures of one number for each pixel.
NUMBERS = ("1", "L", "P", "I", "I;16", "I;16L", "I;16B")
COLOURS = ("RGB", "RGBA", "LA", "PA")


def png(labels: NDArray[Any], palette: Sequence[Colour] = ()) -> io.BytesIO:
    """The bytes of a PNG file.

    Args:
        labels: (H, W) of uint8 or uint16, or (H, W, 3) of uint8; not modified.
        palette: colours that viewers show for the numbers of a (H, W) of uint8.
    """
    picture = Image.fromarray(np.ascontiguousarray(labels))
    if palette:
        picture.putpalette([value for colour in palette for value in colour])
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    stream.seek(0)
    return stream


def open_labels(source: Source, name: str, hw: tuple[int, int] | None = None) -> Image.Image:
    """The picture with its pixels loaded.

    Args:
        hw: (height, width) that it must have; its size is looked at before its pixels are unpacked.

    Raises:
        UnreadableFile: no picture that Pillow knows.
        Refused: another size.
    """
    try:
        with source.open(name) as stream, Image.open(stream) as picture:
            width, height = picture.size
            if hw is not None and (height, width) != hw:
                raise Refused(
                    "mask_size_mismatch",
                    f"the labels have {width} x {height} pixels, the image {hw[1]} x {hw[0]}",
                )
            picture.load()
            return picture.copy()
    except FAULTS as error:
        raise UnreadableFile(f"{name}: no picture: {error}") from None


def numbers_of(picture: Image.Image) -> NDArray[Any] | None:
    """(H, W), whole numbers of as many bits as the picture has: the number of each pixel, a palette's index; None where
    pixels have colours of their own."""
    if picture.mode not in NUMBERS:
        return None
    numbers = np.array(picture)
    return numbers.astype(np.uint8) if picture.mode == "1" else numbers


def colours_of(picture: Image.Image) -> NDArray[np.int32]:
    """(H, W): the colour of each pixel as `packed` gives it."""
    channels = np.asarray(picture.convert("RGB"))
    # In place: of a large picture, each step would be hundreds of megabytes.
    colours = channels[..., 0].astype(np.int32)
    for channel in (1, 2):
        colours <<= 8
        colours |= channels[..., channel]
    return colours


def packed(colour: Colour) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def looked_up(values: NDArray[Any], table: Mapping[int, int]) -> NDArray[np.int32]:
    """What a table has for each of the values (H, W), numbers of 0 or more; -1 where it has nothing."""
    if values.dtype.itemsize <= 2:
        found = np.full(np.iinfo(values.dtype).max + 1, -1, np.int32)
        for value, meant in table.items():
            if value < len(found):
                found[value] = meant
        return found[values]
    known, places = np.unique(values.ravel(), return_inverse=True)
    return np.array([table.get(int(value), -1) for value in known], np.int32)[places].reshape(values.shape)
