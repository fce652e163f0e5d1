"""What every format that is a zip of many files promises: flat memory, progress to the end, an end when asked for."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from exporters.errors import InvalidRecord
from exporters.records import DatasetRecord, ImageRecord
from exporters.registry import FORMATS
from tests.exporters.files import files_in, read_as, two_splits, zip_of
from tests.exporters.world import annotation, dataset, image, masks, write_as

# JSON alone, or a zip of few files: they have tests of their own.
OF_MANY_FILES = ["yolo_seg", "yolo_boxes", "voc", "png_masks", "cityscapes"]


class Nowhere(io.RawIOBase):
    """A stream that keeps nothing and cannot be gone back in, as a download's is."""

    def writable(self) -> bool:
        return True

    def write(self, block: bytes) -> int:  # type: ignore[override]
        return len(block)


class OnDemand:
    """Images that are made anew each time."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[ImageRecord]:
        one = annotation(1, masks()["corner"])
        for number in range(1, self._count + 1):
            own = tuple(replace(one, id=10 * number + at) for at in range(10))
            yield replace(image(number, f"{number}.jpg"), annotations=own)


def of_images(count: int) -> DatasetRecord:
    return replace(dataset([]), images=OnDemand(count), image_count=count, annotation_count=10 * count)


def peak_bytes(name: str, records: DatasetRecord) -> int:
    row = FORMATS[name]
    tracemalloc.start()
    row.write(records, Nowhere(), row.options_from({}), None)  # type: ignore[misc,arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("name", OF_MANY_FILES)
def test_memory_grows_by_names_alone(name):
    few, many = peak_bytes(name, of_images(10)), peak_bytes(name, of_images(60))
    # 50 more images have 500 more masks; a zip's directory and images.csv keep some 700 bytes for each file.
    assert many - few < 50 * 5 * 1000


@pytest.mark.parametrize("name", OF_MANY_FILES)
def test_progress_counts_to_the_end_and_can_stop_the_export(name):
    row = FORMATS[name]
    seen: list[tuple[int, int]] = []
    records = replace(two_splits(), image_count=3)
    row.write(records, io.BytesIO(), row.options_from({}), lambda *at: seen.append(at))
    assert seen[-1] == (6, 6)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)

    class Cancelled(Exception):
        pass

    def cancel(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        row.write(records, io.BytesIO(), row.options_from({}), cancel)


@pytest.mark.parametrize("name", OF_MANY_FILES)
def test_a_stream_that_cannot_be_gone_back_in_gets_the_same_pictures(name):
    row = FORMATS[name]

    class Download(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError("a download cannot tell")

        def seek(self, *_at: int) -> int:
            raise OSError("a download cannot seek")

    stream = Download()
    row.write(two_splits(), stream, row.options_from({"include_images": True}), None)
    _, read_images, report = read_as(name, stream.getvalue())
    assert report.refusals == []
    assert {each.file_name for each in read_images} == {"a/cat.png", "b.png", "empty.png"}
    assert all(each.open().read(8) == b"\x89PNG\r\n\x1a\n" for each in read_images)


@pytest.mark.parametrize("name", OF_MANY_FILES)
def test_a_zip_packed_anew_with_its_folder_reads_the_same(name):
    content = write_as(name, two_splits(), include_images=True)
    around = {f"my export/{entry}": data for entry, data in files_in(content).items()}
    _, expected, _ = read_as(name, content)
    _, found, report = read_as(name, zip_of(around))
    assert report.refusals == []
    assert [replace(each, open=None) for each in found] == [replace(each, open=None) for each in expected]
    assert all(each.open is not None for each in found)


@pytest.mark.parametrize("name", OF_MANY_FILES)
def test_a_picture_that_is_wanted_and_not_there_is_a_sentence(name):
    records = dataset([annotation(1, masks()["disc"])])
    with pytest.raises(InvalidRecord, match="image 1 has no file to put into the export"):
        write_as(name, records, include_images=True)
