"""A format that writes one file an image does so from one pass, holding one image."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace

from exporters.records import ImageRecord
from tests.exporters.toy_format import TOY, registered
from tests.exporters.world import annotation, dataset, image, masks, write_as


def test_images_are_written_one_by_one_as_they_come():
    seen: list[tuple[int, int]] = []  # (images given, images done)
    done = 0

    def images() -> Iterator[ImageRecord]:
        for number in (1, 2, 3):
            seen.append((number, done))
            yield replace(
                image(number, f"{number}.jpg"), annotations=(annotation(number, masks()["corner"]),)
            )

    def progress(at: int, total: int) -> None:
        nonlocal done
        done = at

    records = replace(
        dataset([]), images=images(), image_count=3
    )  # an iterator can be gone through only once
    stream = io.BytesIO()
    TOY.write(records, stream, TOY.options_from({"with_authors": False}), progress)
    assert seen == [(1, 0), (2, 1), (3, 2)]
    with zipfile.ZipFile(stream) as archive:
        assert archive.namelist() == ["1.jpg.txt", "2.jpg.txt", "3.jpg.txt"]
        assert archive.read("2.jpg.txt") == b"person 0 0 5 5\n"


def test_documents_and_pictures_stand_side_by_side_in_one_zip():
    picture = replace(image(1, "a.jpg"), open=lambda: io.BytesIO(b"bytes"))
    with registered("toy", TOY):
        content = write_as(
            "toy", dataset([annotation(1, masks()["corner"])], [picture]), include_images=True, box="corners"
        )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "a.jpg.txt": b"person 0 0 5 5 \n",
            "a.jpg": b"bytes",
        }
