"""A file is taken for its own format, and by no other."""

from __future__ import annotations

import io

import pytest

from exporters.options import INCLUDE_IMAGES
from exporters.registry import FORMATS, import_formats
from exporters.source import source_of
from tests.exporters.files import two_splits

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
