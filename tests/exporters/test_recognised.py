"""Each format's files are recognised as its own, whatever other formats there are."""

from __future__ import annotations

import io

import pytest

from exporters.registry import FORMATS, recognised
from exporters.source import source_of
from tests.exporters.pictures import with_picture
from tests.exporters.world import annotation, dataset, image, masks, write_as

BOTH_WAYS = [name for name, row in FORMATS.items() if row.write and row.recognises]


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
