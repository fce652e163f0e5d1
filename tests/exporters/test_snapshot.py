"""A snapshot: the same state gives the same bytes, comes back whole, and two of them say what changed."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from dataclasses import replace

import pytest

from exporters import snapshot
from exporters.errors import InvalidRecord, UnreadableFile
from exporters.records import CategoryRecord
from tests.exporters.world import PERSON, annotation, dataset, masks
from tests.exporters.world import image as empty_image

UUIDS = [f"00000000-0000-4000-8000-{number:012}" for number in range(20)]
CAR = CategoryRecord(id=2, name="car")


def marked(number: int, shape: str, category: int = 1):
    return replace(annotation(number, masks()[shape]), uuid=UUIDS[number], category_id=category)


def lines(data) -> snapshot.Lines:
    return lambda: snapshot.lines_of(data)


def image(number: int, annotations):
    return replace(empty_image(number), annotations=tuple(annotations))


def state(*images, categories=(PERSON, CAR)):
    return replace(dataset(()), images=images, categories=categories)


def test_the_same_state_gives_the_same_bytes_and_comes_back_whole():
    data = state(
        image(1, [marked(1, "ring"), marked(2, "noise", 2)]), image(7, [marked(3, "disc")]), image(9, [])
    )
    first, second = io.BytesIO(), io.BytesIO()
    written = snapshot.write(data, first)
    assert snapshot.write(data, second) == written
    assert first.getvalue() == second.getvalue()
    assert (written.image_count, written.annotation_count) == (3, 3)
    read = snapshot.read(lambda: snapshot.lines_in(lambda: io.BytesIO(first.getvalue())), counts=written)
    assert read.categories == data.categories
    assert read.image_count == 3
    for _ in range(2):
        for got, wanted in zip(read.images, data.images, strict=True):
            assert replace(got, annotations=(), open=None) == replace(wanted, annotations=(), open=None)
            assert [replace(each, id=0) for each in got.annotations] == [
                replace(each, id=0) for each in wanted.annotations
            ]
    assert [each.id for got in read.images for each in got.annotations] == [1, 2, 3]


def test_pictures_are_opened_by_the_images_id():
    stream = io.BytesIO()
    snapshot.write(state(image(7, [])), stream)
    read = snapshot.read(
        lambda: snapshot.lines_in(lambda: io.BytesIO(stream.getvalue())),
        lambda number: io.BytesIO(b"%d" % number),
    )
    (only,) = read.images
    assert only.open().read() == b"7"


def test_a_difference_counts_images_and_annotations_by_category():
    same = image(1, [marked(1, "ring")])
    before = state(same, image(2, [marked(2, "disc"), marked(3, "row")]), image(3, [marked(4, "row", 2)]))
    after = state(
        same,
        image(2, [marked(2, "disc", 2), marked(5, "noise")]),
        image(4, [marked(6, "disc")]),
        categories=(PERSON, CAR, CategoryRecord(id=3, name="dog")),
    )
    found = snapshot.difference(lines(before), lines(after))
    assert [(each.id, each.what, each.added, each.changed, each.removed) for each in found.images] == [
        (2, "changed", 1, 1, 1),
        (4, "added", 1, 0, 0),
        (3, "removed", 0, 0, 1),
    ]
    assert {name: (each.added, each.changed, each.removed) for name, each in found.categories.items()} == {
        "car": (0, 1, 1),
        "person": (2, 0, 1),
    }
    assert found.categories_added == ["dog"]
    nothing = snapshot.difference(lines(before), lines(before))
    assert (nothing.images, nothing.categories) == ([], {})


def test_a_difference_holds_no_masks_however_many_changed():
    def of(name: str):
        masks_of_image = [replace(marked(number, "noise"), name=name) for number in range(20)]
        return state(*(image(number, masks_of_image) for number in range(1, 41)))

    before, after = of("as it was"), of("as it is")
    tracemalloc.start()
    found = snapshot.difference(lines(before), lines(after))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.images) == 40 and found.categories["person"].changed == 800
    # The lines of one state have 2 MB; what remains is one image at a time.
    assert peak_bytes < 700_000


def test_records_that_cannot_be_told_apart_are_refused():
    with pytest.raises(InvalidRecord, match="twice"):
        snapshot.write(state(image(1, []), image(1, [])), io.BytesIO())
    with pytest.raises(InvalidRecord, match="no id"):
        snapshot.write(state(image(1, [replace(marked(1, "row"), uuid="")])), io.BytesIO())


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", gzip.compress(json.dumps({"layout": 99}).encode() + b"\n", mtime=0)]
)
def test_a_file_that_is_no_snapshot_is_refused(content):
    with pytest.raises(UnreadableFile):
        snapshot.read(lambda: snapshot.lines_in(lambda: io.BytesIO(content)))
