"""A file is taken for its own format, and by no other; one of no format for none."""

from __future__ import annotations

import io
import zipfile

import pytest

from exporters.options import INCLUDE_IMAGES
from exporters.registry import FORMATS, import_formats, recognised
from exporters.source import source_of
from tests.exporters.files import two_splits
from tests.exporters.pictures import with_picture
from tests.exporters.world import annotation, dataset, image, masks, write_as

BOTH_WAYS = [name for name, row in FORMATS.items() if row.read and row.write]


@pytest.mark.parametrize("with_pictures", [False, True])
@pytest.mark.parametrize("name", BOTH_WAYS)
def test_a_written_file_is_recognised_by_its_own_format_alone(name, with_pictures):
    row = FORMATS[name]
    if with_pictures and INCLUDE_IMAGES not in row.options:
        pytest.skip("the format cannot carry pictures")
    options = row.options_from({INCLUDE_IMAGES.name: True} if with_pictures else {})
    stream = io.BytesIO()
    row.write(two_splits(), stream, options, None)
    source = source_of(stream, f"dataset{row.file_type(options).extension}")
    claims = [other for other, reader in import_formats().items() if reader.recognises(source)]
    assert claims == [name]


@pytest.mark.parametrize("name", BOTH_WAYS)
@pytest.mark.parametrize("include_images", [False, True])
def test_what_a_format_writes_is_recognised_as_its_own(name, include_images):
    options = {
        option.name: include_images for option in FORMATS[name].options if option.name == "include_images"
    }
    if include_images and not options:
        pytest.skip("its files hold no pictures, or always do")
    pictures = [with_picture(image(number, f"{number}.png")) for number in (1, 2)]
    written = dataset([annotation(1, masks()["ring"])], pictures)
    content = write_as(name, written, **options)
    file_name = f"dataset{FORMATS[name].file_type(FORMATS[name].options_from(options)).extension}"
    assert recognised(source_of(io.BytesIO(content), file_name)) == name


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"PK\x05\x06", b"\x00" * 100, b"<a>", b"\xff\xfe"])
@pytest.mark.parametrize("name", ["a.json", "a.xml", "a.txt", "a.yaml", "a.parquet", "a.png", "metadata.csv"])
def test_a_file_of_no_format_is_recognised_as_none(name, content):
    assert recognised(source_of(io.BytesIO(content), name)) is None


@pytest.mark.parametrize("name", ["..png", "..txt", "a/..txt", "labels/..txt", "...png", "images/..jpg"])
def test_a_name_of_dots_is_a_name_like_others(name):
    content = io.BytesIO(write_as("coco_panoptic", two_splits()))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(name, b"1 2 3")
    assert recognised(source_of(content, "dataset.zip")) == "coco_panoptic"
