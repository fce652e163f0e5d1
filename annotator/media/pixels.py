"""Bytes -> Image: sniffed by content, limits before decoding, pixels upright and 8-bit RGB.

What is stored: the original bytes, without the place where the picture was taken (KEEP_LOCATION), else untouched,
where they already are an upright 8-bit RGB or greyscale JPEG, PNG or WebP without transparency (greyscale decodes to
equal R, G and B). Everything else is converted once: a rotated JPEG
to JPEG (quality 95, no chroma subsampling), the rest to PNG, which loses nothing. The conversions, each the least
surprising one: transparency is laid over white; 16-bit greyscale is scaled over its full range (65535 -> 255), never
stretched by contents; CMYK goes through its ICC profile where it has one. Files of several frames or pages are refused,
since nobody could say which one is annotated (a camera's MPO, a JPEG with an extra view behind it, counts as its first
picture).
"""

from __future__ import annotations

import hashlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms

from annotator.files import stored
from annotator.media import turns
from annotator.media.errors import (
    AnimatedImage,
    DamagedImage,
    EmptyFile,
    FileTooLarge,
    NotAnImage,
    TooManyPixels,
    UnsupportedImage,
)
from annotator.media.location import without_location
from annotator.models import Image
from annotator.site.environment import MEBIBYTE

logger = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
KEPT_AS_THEY_ARE = {
    "JPEG": ("jpg", "image/jpeg"),
    "PNG": ("png", "image/png"),
    "WEBP": ("webp", "image/webp"),
}
EXIF_ORIENTATION = 0x0112
# EXIF orientation -> what turns the stored pixels upright (EXIF 2.32, tag 274); 1 and anything unknown: nothing.
UPRIGHT = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
JPEG_QUALITY = 95
OPTIMIZED_UP_TO_PIXELS = 16_000_000
THUMBNAIL_QUALITY = 82
STRIP_ROWS = 256

# Pillow's own guard against decompression bombs reads the same limit; ours below names it in a sentence.
Pillow.MAX_IMAGE_PIXELS = settings.MAX_IMAGE_PIXELS


@dataclass(frozen=True)
class PreparedImage:
    """An upload turned into what is stored. `content` and `thumbnail` are encoded files."""

    width: int
    height: int
    digest: str
    content: bytes
    extension: str
    content_type: str
    thumbnail: bytes


def read_pixels(image: Image) -> NDArray[np.uint8]:
    """The stored image as the model sees it: (height, width, 3) uint8 RGB, upright.

    Raises:
        DamagedImage: the file is there but no longer what was stored. Its message is for annotators: it names no path.
        OSError: storage cannot be read (now).
    """
    return np.asarray(read_picture(image))


def read_picture(image: Image) -> Pillow.Image:
    """The stored image, decoded: upright, 8-bit RGB. Raises as `read_pixels` does."""
    with stored.open_file(image.file) as file:
        content = file.read()
    try:
        with Pillow.open(io.BytesIO(content), formats=FORMATS) as opened:
            opened.load()
            # Not copied where it is RGB already: a large one takes 300 MB.
            picture: Pillow.Image = opened if opened.mode == "RGB" else opened.convert("RGB")
    except Exception as error:  # as in `_decoding`
        raise DamagedImage("The stored picture is damaged; delete it here and upload it again.") from error
    if (picture.height, picture.width) != image.hw:
        raise DamagedImage(f"stored file of image {image.pk} is {picture.size}, its row says {image.hw}")
    return picture


def suffixes() -> set[str]:
    """The endings, in lower case, of files that `prepare` takes: ".jpg" and so on."""
    return {suffix for suffix, format in Pillow.registered_extensions().items() if format in FORMATS}


def prepare(file: IO[bytes]) -> PreparedImage:
    """Checks an encoded image and turns it into what is stored.

    Raises:
        EmptyFile, FileTooLarge, NotAnImage, UnsupportedImage, AnimatedImage, TooManyPixels, DamagedImage.
        PicturesBusy: it would have waited too long for its turn.
    """
    with turns.turn(_announced_pixels(file), getattr(file, "size", None) or 0):
        return _prepare(_read_within_limit(file))


def _announced_pixels(file: IO[bytes]) -> int:
    """What the header says, without a look at the rest; 0 where that is not to be had."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            width, height = Pillow.open(file, formats=FORMATS).size
    except Exception:  # what is wrong is said when it is read
        width, height = 0, 0
    file.seek(0)
    # What has more is refused by its header, too.
    return min(width * height, settings.MAX_IMAGE_PIXELS)


@dataclass(frozen=True)
class _Decoded:
    """Attributes:
    kept_as: the format whose bytes are stored as they are; "": they are encoded anew.
    """

    rgb: Pillow.Image
    is_jpeg: bool
    kept_as: str
    profile: bytes | None


def _decode(content: bytes) -> _Decoded:
    # Of two pictures, the one that was made of the other is all that is left when this returns.
    with _open(content) as picture:
        _check_header(picture)
        with _decoding():
            picture.load()
        is_jpeg = picture.format in ("JPEG", "MPO")
        turn = UPRIGHT.get(_orientation(picture))
        is_kept = turn is None and _is_plain_rgb(picture, content)
        kept_as = ("JPEG" if is_jpeg else str(picture.format)) if is_kept else ""
        profile = _profile_of(picture)
        if turn is not None:
            picture = picture.transpose(turn)
        return _Decoded(to_rgb(picture), is_jpeg, kept_as, profile)


def _prepare(content: bytes) -> PreparedImage:
    decoded = _decode(content)
    rgb = decoded.rgb
    if decoded.kept_as:
        extension, content_type = KEPT_AS_THEY_ARE[decoded.kept_as]
        stored = content if settings.KEEP_LOCATION else without_location(content)
    else:
        extension, content_type = ("jpg", "image/jpeg") if decoded.is_jpeg else ("png", "image/png")
        stored = _encode(rgb, decoded.is_jpeg, decoded.profile)
    return PreparedImage(
        width=rgb.width,
        height=rgb.height,
        digest=content_digest(rgb),
        content=stored,
        extension=extension,
        content_type=content_type,
        thumbnail=_make_thumbnail(rgb),
    )


def to_rgb(picture: Pillow.Image) -> Pillow.Image:
    """Any mode the formats above decode to -> 8-bit RGB; see the module's head for the rules.

    Raises:
        UnsupportedImage: a kind of pixel that has no agreed way to 8-bit RGB.
    """
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode in ("I;16", "I;16L", "I;16B", "I;16N"):
        return _by_strips(picture, _narrow)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        return _by_strips(picture, _over_white)
    if picture.mode == "CMYK":
        return _cmyk_to_rgb(picture)
    if picture.mode in ("1", "L", "P", "YCbCr"):
        return picture.convert("RGB")
    kind = {"I": "32-bit integer", "F": "floating-point", "LAB": "Lab"}.get(picture.mode, picture.mode)
    raise UnsupportedImage(
        f"The image has {kind} pixels, which have no agreed way to 8-bit RGB. Convert it to 8 or 16 bits first."
    )


def _by_strips(picture: Pillow.Image, convert: Callable[[Pillow.Image], Pillow.Image]) -> Pillow.Image:
    """An RGB picture, made strip by strip: nothing as large as the whole is between the two."""
    rgb = Pillow.new("RGB", picture.size)
    for box in _strips(picture):
        strip = picture.crop(box)
        # Cropping loses it, and a palette's transparent colour is in it.
        strip.info = picture.info
        rgb.paste(convert(strip), box)
    return rgb


def _strips(picture: Pillow.Image) -> Iterator[tuple[int, int, int, int]]:
    for top in range(0, picture.height, STRIP_ROWS):
        yield 0, top, picture.width, min(top + STRIP_ROWS, picture.height)


def _narrow(wide: Pillow.Image) -> Pillow.Image:
    """16-bit grey over its full range: 65535 -> 255."""
    values = np.asarray(wide).astype(np.uint32)
    return Pillow.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")


def _over_white(picture: Pillow.Image) -> Pillow.Image:
    with_alpha = picture.convert("RGBA")
    white = Pillow.new("RGB", picture.size, "white")
    white.paste(with_alpha, mask=with_alpha.getchannel("A"))
    return white


def content_digest(rgb: Pillow.Image) -> str:
    """sha256 over "width x height" and the RGB pixels, row by row: the same picture in another file is the same."""
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height}:RGB:".encode())
    for box in _strips(rgb):
        digest.update(rgb.crop(box).tobytes())
    return digest.hexdigest()


def _read_within_limit(file: IO[bytes]) -> bytes:
    content = file.read(settings.MAX_IMAGE_BYTES + 1)
    if not content:
        raise EmptyFile("The file is empty.")
    if len(content) > settings.MAX_IMAGE_BYTES:
        raise FileTooLarge(f"The file is larger than {settings.MAX_IMAGE_BYTES // MEBIBYTE} MiB.")
    return content


def _open(content: bytes) -> Pillow.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # _check_header refuses in words
            return Pillow.open(io.BytesIO(content), formats=FORMATS)
    except Pillow.DecompressionBombError as error:
        raise TooManyPixels(_too_many_pixels()) from error
    except Pillow.UnidentifiedImageError as error:
        raise NotAnImage(f"This is not an image of a supported kind ({', '.join(FORMATS)}).") from error
    except Exception as error:
        raise _damaged(error) from error


@contextmanager
def _decoding() -> Iterator[None]:
    """Pillow's decoders raise whatever the bytes made them stumble over: all of it means a damaged file."""
    try:
        yield
    except Exception as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> DamagedImage:
    return DamagedImage(f"The file is damaged or cut off: {str(error) or type(error).__name__}.")


def _orientation(picture: Pillow.Image) -> int:
    try:
        return picture.getexif().get(EXIF_ORIENTATION, 1)
    except Exception as error:  # broken EXIF beside good pixels: browsers ignore it too
        logger.info("ignoring unreadable EXIF: %s", error)
        return 1


def _check_header(picture: Pillow.Image) -> None:
    """Everything that can be refused before a single pixel is decoded."""
    width, height = picture.size
    if width < 1 or height < 1:
        raise DamagedImage(f"The image's header says {width} x {height} pixels.")
    if width * height > settings.MAX_IMAGE_PIXELS:
        raise TooManyPixels(f"The image has {width} x {height} pixels. {_too_many_pixels()}")
    if max(width, height) > settings.MAX_IMAGE_SIDE_PX:
        raise TooManyPixels(
            f"The image has {width} x {height} pixels; a side may have at most {settings.MAX_IMAGE_SIDE_PX}."
        )
    if picture.format == "MPO":
        return
    with _decoding():
        frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        what = f"{frames} pages" if picture.format == "TIFF" else f"{frames} frames (it is animated)"
        raise AnimatedImage(f"The file holds {what}; upload each as an image of its own.")


def _too_many_pixels() -> str:
    return f"At most {settings.MAX_IMAGE_PIXELS / 1e6:g} megapixels are taken."


def _is_plain_rgb(picture: Pillow.Image, content: bytes) -> bool:
    """Whether a browser and Pillow decode the bytes to the same 8-bit RGB pixels without any conversion."""
    if picture.format == "PNG":
        bit_depth = content[24]  # IHDR: 8-byte signature, length, type, width, height, then the bit depth
        return bit_depth == 8 and picture.mode in ("RGB", "L") and "transparency" not in picture.info
    return picture.format in ("JPEG", "MPO", "WEBP") and picture.mode in ("RGB", "L")


def _profile_of(picture: Pillow.Image) -> bytes | None:
    # A profile made for other channels (CMYK, grey) would be wrong for RGB.
    return picture.info.get("icc_profile") if picture.mode in ("RGB", "RGBA", "P") else None


def _encode(rgb: Pillow.Image, as_jpeg: bool, profile: bytes | None) -> bytes:
    buffer = io.BytesIO()
    if as_jpeg:
        # The best tables are found by keeping all of the picture's coefficients: 6 bytes a pixel.
        optimize = rgb.width * rgb.height <= OPTIMIZED_UP_TO_PIXELS
        rgb.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=optimize, icc_profile=profile)
    else:
        rgb.save(buffer, "PNG", icc_profile=profile)
    return buffer.getvalue()


def _cmyk_to_rgb(picture: Pillow.Image) -> Pillow.Image:
    profile = picture.info.get("icc_profile")
    if profile:
        try:
            return ImageCms.profileToProfile(  # type: ignore[return-value]  # None comes only of inPlace
                picture, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError) as error:
            logger.warning("cannot use the CMYK profile, converting without it: %s", error)
    return picture.convert("RGB")


def _make_thumbnail(rgb: Pillow.Image) -> bytes:
    side = settings.THUMBNAIL_SIDE_PX
    longest = max(rgb.size)
    if longest > side:
        size = (max(1, round(rgb.width * side / longest)), max(1, round(rgb.height * side / longest)))
        # Not Pillow's `thumbnail`: it works in place, on a copy as large as the picture.
        small = rgb.resize(size, Pillow.Resampling.LANCZOS, reducing_gap=2.0)
    else:
        small = rgb.copy()
    small.info.clear()
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    return buffer.getvalue()
