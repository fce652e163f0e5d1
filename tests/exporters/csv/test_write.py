"""The table of annotations, read back with Python's csv."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import tracemalloc
from dataclasses import replace

import pytest

from exporters.errors import InvalidRecord
from exporters.records import CategoryRecord
from exporters.registry import FORMATS
from tests.exporters.world import annotation, dataset, golden_dataset, image, masks, write_as

FORMAT = FORMATS["csv"]


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_row_says_what_is_known_of_an_annotation():
    made = replace(
        annotation(3, masks()["ring"]),
        author="alice",
        time_spent_s=12.5,
        clicks=3,
        created_at=dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        bundle_digest="ab" * 32,
        name="Old tower",
    )
    content = write_as("csv", dataset([made], [replace(image(), split="val")]))
    assert rows_of(content) == [
        {
            "image": "photo.jpg",
            "split": "val",
            "uuid": made.uuid,
            "category": "person",
            "supercategory": "living",
            "area": str(masks()["ring"].sum()),
            "x": "20",
            "y": "10",
            "width": "41",
            "height": "41",
            "predicted_iou": "0.875",
            "stability_score": "0.96875",
            "author": "alice",
            "created_at": "2026-01-02T03:04:05+00:00",
            "time_spent_s": "12.5",
            "clicks": "3",
            "bundle_digest": "ab" * 32,
            "name": "Old tower",
            "image_width": "80",
            "image_height": "60",
        }
    ]


def test_every_annotation_has_a_row_and_odd_texts_survive():
    rows = rows_of(write_as("csv", golden_dataset()))
    assert len(rows) == 10
    assert {row["image"] for row in rows} == {"A/cat.jpg", "a/Cat.jpg"}
    assert (rows[0]["predicted_iou"], rows[0]["stability_score"]) == ("", "")


def test_names_with_commas_quotes_and_line_ends_are_one_cell():
    odd = 'a, "b"\r\nc;\td 猫'
    [row] = rows_of(write_as("csv", dataset([replace(annotation(1, masks()["disc"]), name=odd)])))
    assert row["name"] == odd


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", "  =1", '=HYPERLINK("x")', "＝1"]
)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(name):
    made = replace(annotation(1, masks()["disc"]), name=name, author=name)
    written = dataset([made], [image(1, name)])
    [row] = rows_of(write_as("csv", written))
    assert (row["name"], row["author"], row["image"]) == (f"'{name}",) * 3


def test_a_negative_number_stays_a_number():
    made = replace(annotation(1, masks()["disc"]), predicted_iou=-0.5)
    [row] = rows_of(write_as("csv", dataset([made])))
    assert row["predicted_iou"] == "-0.5"


def test_the_mark_for_excel_is_a_choice():
    assert write_as("csv", dataset([])).startswith(b"image,split,")
    assert write_as("csv", dataset([]), byte_order_mark=True).startswith(b"\xef\xbb\xbfimage,split,")


def test_wrong_records_are_refused():
    for wrong in (
        dataset([replace(annotation(1, masks()["disc"]), category_id=9)]),
        dataset([], [image(1), image(1)]),
        replace(dataset([]), categories=(CategoryRecord(1, "a"), CategoryRecord(1, "b"))),
    ):
        with pytest.raises(InvalidRecord):
            write_as("csv", wrong)


def test_it_can_be_written_alone():
    assert FORMAT.read is None and FORMAT.write
    assert FORMAT.file_type(FORMAT.options_from({})) == ("text/csv", ".csv")


def test_memory_stays_flat():
    one = annotation(1, masks()["disc"])

    class Many:
        def __iter__(self):
            return (replace(one, id=number) for number in range(1, 20_001))

    records = replace(dataset([]), images=(replace(image(), annotations=Many()),))
    with open(os.devnull, "wb") as stream:
        tracemalloc.start()
        FORMAT.write(records, stream, FORMAT.options_from({}), None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1_000_000  # the table has 3 MB
