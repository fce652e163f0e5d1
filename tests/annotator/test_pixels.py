"""From an uploaded file to upright RGB pixels."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from annotator.errors import MaskwrightError
from annotator.media import pixels
from tests.annotator.world import ROOT, encode_image


def prepared(content: bytes) -> pixels.PreparedImage:
    return pixels.prepare(io.BytesIO(content))


def stored_pixels(result: pixels.PreparedImage) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(result.content)))


def encode(picture: Pillow.Image, format: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def refusal(content: bytes) -> MaskwrightError:
    with pytest.raises(MaskwrightError) as caught:
        prepared(content)
    assert str(caught.value).endswith((".", "!")), "a refusal is a sentence"
    return caught.value


def png_claiming(width: int, height: int) -> bytes:
    """A few bytes of PNG whose header claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


EXIF_CASES = json.loads((ROOT / "tests" / "data" / "exif_cases.json").read_text())["cases"]


# --- what is stored ---
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_an_upright_rgb_file_is_stored_byte_for_byte(format):
    content = encode_image(format=format)
    assert prepared(content).content == content


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_greyscale_file_is_stored_byte_for_byte(format):
    content = encode_image(format=format, mode="L")
    assert prepared(content).content == content


@pytest.mark.parametrize("format", ["BMP", "TIFF", "GIF"])
def test_other_formats_become_png_without_loss(format):
    content = encode_image(format=format)
    result = prepared(content)
    assert result.extension == "png"
    expected = np.asarray(Pillow.open(io.BytesIO(content)).convert("RGB"))
    assert np.array_equal(stored_pixels(result), expected)


def test_the_digest_is_of_the_pixels_not_of_the_file():
    png, bmp = prepared(encode_image()), prepared(encode_image(format="BMP"))
    assert png.digest == bmp.digest
    assert png.digest != prepared(encode_image(seed=1)).digest


def test_the_digest_is_sha256_over_size_and_rgb_rows():
    rgb = np.asarray(Pillow.open(io.BytesIO(encode_image())))
    assert prepared(encode_image()).digest == hashlib.sha256(b"8x6:RGB:" + rgb.tobytes()).hexdigest()


def test_a_wide_and_a_tall_image_of_the_same_bytes_differ():
    wide = encode(Pillow.new("RGB", (4, 2)), "PNG")
    tall = encode(Pillow.new("RGB", (2, 4)), "PNG")
    assert prepared(wide).digest != prepared(tall).digest


@pytest.mark.parametrize("case", EXIF_CASES, ids=lambda case: f"orientation {case['orientation']}")
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_pixels_are_turned_upright_once(case, format):
    # Every golden pixel becomes a block of 16 x 16, so that its middle survives JPEG's 8 x 8 blocks.
    grey = np.kron(np.array(case["stored"], np.uint8), np.ones((16, 16), np.uint8))
    exif = Pillow.Exif()
    exif[0x0112] = case["orientation"]
    options = {"lossless": True} if format == "WEBP" else {}
    result = prepared(encode(Pillow.fromarray(grey).convert("RGB"), format, exif=exif, **options))
    middles = stored_pixels(result).astype(int)[8::16, 8::16]
    middles = middles if middles.ndim == 2 else middles[..., 0]
    assert np.abs(middles - case["upright"]).max() <= (2 if format == "JPEG" else 0)  # quantisation
    assert Pillow.open(io.BytesIO(result.content)).getexif().get(0x0112, 1) == 1


def test_broken_exif_beside_good_pixels_is_ignored():
    content = encode(Pillow.new("RGB", (4, 2)), "JPEG", exif=b"Exif\0\0broken")
    assert (prepared(content).height, prepared(content).width) == (2, 4)


def test_transparency_is_laid_over_white():
    picture = Pillow.new("RGBA", (2, 1), (255, 0, 0, 255))
    picture.putpixel((1, 0), (255, 0, 0, 0))
    assert stored_pixels(prepared(encode(picture, "PNG"))).tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_grey_with_transparency_is_laid_over_white():
    picture = Pillow.new("LA", (1, 1), (0, 0))
    assert stored_pixels(prepared(encode(picture, "PNG"))).tolist() == [[[255, 255, 255]]]


def test_a_palette_with_a_transparent_color_is_laid_over_white():
    picture = Pillow.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    content = encode(picture, "PNG", transparency=1)
    assert stored_pixels(prepared(content)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_a_palette_becomes_its_colors():
    picture = Pillow.new("P", (1, 1))
    picture.putpalette([10, 20, 30])
    assert stored_pixels(prepared(encode(picture, "GIF"))).tolist() == [[[10, 20, 30]]]


def test_one_bit_becomes_black_and_white():
    picture = Pillow.new("1", (2, 1))
    picture.putpixel((1, 0), 1)
    assert stored_pixels(prepared(encode(picture, "PNG"))).tolist() == [[[0] * 3, [255] * 3]]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_over_its_full_range(format):
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    content = encode(Pillow.fromarray(values), format)
    assert stored_pixels(prepared(content))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_cmyk_becomes_rgb():
    content = encode(Pillow.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)
    red, green, blue = stored_pixels(prepared(content))[4, 4]
    assert red > 200 and green < 60 and blue < 60


def test_a_cameras_mpo_counts_as_its_first_picture():
    first, second = Pillow.new("RGB", (8, 8), "red"), Pillow.new("RGB", (8, 8), "blue")
    content = encode(first, "MPO", save_all=True, append_images=[second])
    result = prepared(content)
    assert result.content_type == "image/jpeg"
    assert stored_pixels(result)[4, 4, 0] > 200


@pytest.mark.parametrize("hw", [(1, 1), (1, 3000), (3000, 1)])
def test_lines_and_dots_are_images(hw):
    result = prepared(encode_image(hw))
    assert (result.height, result.width) == hw
    assert max(Pillow.open(io.BytesIO(result.thumbnail)).size) <= 320


# --- what is refused ---
@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_animations_are_refused(format):
    frames = [Pillow.new("RGB", (4, 4), color) for color in ("red", "blue", "green")]
    error = refusal(encode(frames[0], format, save_all=True, append_images=frames[1:]))
    assert error.code == "animated_image"
    assert "animated" in error.message


def test_a_tiff_of_several_pages_is_refused():
    pages = [Pillow.new("RGB", (4, 4), color) for color in ("red", "blue")]
    assert "2 pages" in refusal(encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])).message


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.95])
def test_truncated_files_are_refused(format, kept):
    content = encode_image((64, 64), format=format)
    assert refusal(content[: int(len(content) * kept)]).code in {"damaged_image", "not_an_image"}


@pytest.mark.filterwarnings("ignore")  # Pillow warns about what it then refuses
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_no_damage_gets_past_the_errors_of_this_module(format):
    """Two hundred random damages a format: taken or refused, never another exception."""
    content = bytearray(encode_image((16, 16), format=format))
    random = np.random.default_rng(5)
    for _ in range(200):
        damaged = bytearray(content)
        for position in random.integers(0, len(content), 3):
            damaged[position] = random.integers(0, 256)
        try:
            prepared(bytes(damaged))
        except MaskwrightError:
            pass


@pytest.mark.parametrize("content", [b"%PDF-1.7 ...", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"text"])
def test_what_is_no_image_is_refused_whatever_its_name(content):
    assert refusal(content).code == "not_an_image"


def test_an_empty_file_is_refused():
    assert refusal(b"").code == "empty_file"


def test_floating_point_pixels_are_refused():
    assert refusal(encode(Pillow.fromarray(np.ones((2, 2), np.float32)), "TIFF")).code == "unsupported_image"


@pytest.mark.parametrize("size", [(20_000, 20_000), (60_000, 60_000), (40_000, 1)])
def test_a_decompression_bomb_is_refused_by_its_header(size):
    error = refusal(png_claiming(*size))
    assert error.code == "too_many_pixels"


def test_a_file_over_the_byte_limit_is_refused(settings):
    settings.MAX_IMAGE_BYTES = 100
    assert refusal(encode_image((64, 64))).code == "file_too_large"
