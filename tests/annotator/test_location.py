"""The place where a photograph was taken is taken out of its file, and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image as Pillow
from PIL import ImageCms
from PIL.PngImagePlugin import PngInfo

from annotator.media import intake
from annotator.media.location import without_location
from tests.annotator.world import encode_image

MAKE, GPS = 0x010F, 0x8825
TRACK = "WGS-84 of nowhere"  # GPSMapDatum, a text to look for
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf exif:GPSLatitude="51,30.0N" photoshop:City="London"/></x:xmpmeta>'
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(orientation: int | None = 1) -> bytes:
    data = Pillow.Exif()
    data[MAKE] = "A camera of some make"
    if orientation:
        data[0x0112] = orientation
    data[0x0132] = "2024:01:02 03:04:05"
    data[0xA001] = 1  # behind the GPS entry
    directory = data.get_ifd(GPS)
    directory[1], directory[2] = "N", (51.0, 30.0, 26.25)
    directory[3], directory[4] = "W", (0.0, 7.0, 39.5)
    directory[0x12] = TRACK
    return data.tobytes()


def photograph(format: str, **more) -> bytes:
    pixels = np.random.default_rng(5).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    stream = io.BytesIO()
    options = {"exif": exif(), "icc_profile": PROFILE} | more
    Pillow.fromarray(pixels).save(stream, format, **options)
    return stream.getvalue()


PHOTOGRAPHS = {
    "JPEG": lambda: photograph("JPEG", xmp=XMP),
    "progressive": lambda: photograph("JPEG", progressive=True, xmp=XMP),
    "PNG": lambda: photograph("PNG"),
    "WEBP": lambda: photograph("WEBP", lossless=True, xmp=XMP),
}


def same_but_the_place(before: bytes, after: bytes) -> None:
    with Pillow.open(io.BytesIO(before)) as old, Pillow.open(io.BytesIO(after)) as new:
        assert GPS in old.getexif() and GPS not in new.getexif()
        assert not new.getexif().get_ifd(GPS)
        kept = {tag: value for tag, value in old.getexif().items() if tag != GPS}
        assert dict(new.getexif().items()) == kept and kept[MAKE] == "A camera of some make"
        assert new.info["icc_profile"] == old.info["icc_profile"] == PROFILE
        np.testing.assert_array_equal(np.asarray(old), np.asarray(new))
    for told in (TRACK.encode(), b"GPSLatitude", b"London"):
        assert told not in after


@pytest.mark.parametrize("kind", PHOTOGRAPHS)
def test_the_place_goes_and_everything_else_stays(kind):
    before = PHOTOGRAPHS[kind]()
    assert TRACK.encode() in before
    after = without_location(before)
    assert len(after) == len(before)
    same_but_the_place(before, after)


def test_what_programs_write_into_a_pngs_texts_goes_too():
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    texts.add_text("Raw profile type exif", exif().hex(), zip=True)
    texts.add_text("Comment", "a comment")
    before = photograph("PNG", pnginfo=texts)
    after = without_location(before)
    same_but_the_place(before, after)
    assert Pillow.open(io.BytesIO(after)).text == {"Comment": "a comment"}


def test_the_second_picture_of_a_file_tells_nothing_either():
    first, second = (Pillow.new("RGB", (16, 16), color) for color in ("red", "blue"))
    stream = io.BytesIO()
    first.save(stream, "MPO", save_all=True, append_images=[second], exif=exif())
    before = stream.getvalue() + photograph("JPEG")
    assert before.count(TRACK.encode()) >= 2
    assert TRACK.encode() not in without_location(before)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_file_that_tells_no_place_is_the_same_bytes(format):
    for content in (encode_image((30, 40), format=format), photograph(format, exif=b"", icc_profile=PROFILE)):
        assert without_location(content) == content


def test_bytes_that_are_cut_off_or_changed_do_no_harm():
    random = np.random.default_rng(0)
    for make in PHOTOGRAPHS.values():
        content = make()
        for _ in range(60):
            damaged = bytearray(content[: random.integers(1, len(content))])
            for place in random.integers(0, len(damaged), 8):
                damaged[place] = random.integers(0, 256)
            without_location(bytes(damaged))


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("keep", [False, True])
def test_an_upload_keeps_its_place_by_setting_only(project, alice, settings, keep, orientation):
    settings.KEEP_LOCATION = keep
    content = photograph("JPEG", exif=exif(orientation))
    image = intake.ingest_image(project, io.BytesIO(content), "photo.jpg", alice).image
    stored = default_storage.open(str(image.file)).read()
    # One that lay on its side is encoded anew, and has none in any case.
    assert (TRACK.encode() in stored) is (keep and orientation == 1)
    assert Pillow.open(io.BytesIO(stored)).info["icc_profile"] == PROFILE
    assert TRACK.encode() not in default_storage.open(str(image.thumbnail)).read()
    assert (image.height, image.width) == ((40, 60) if orientation == 1 else (60, 40))
