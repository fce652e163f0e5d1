"""The report and the provenance that a zip has beside its format's files."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

from exporters import side_files
from exporters.source import ZipSource
from tests.exporters.toy_format import TOY, registered
from tests.exporters.world import annotation, dataset, masks, write_as

REPORT = {"format": "toy", "title": "Tóy"}


def zipped() -> tuple[io.BytesIO, object]:
    """A zip of a format, and what it was made of."""
    prompt = {"point_coords": [[3.5, 2.0]], "point_labels": [1]}
    made = replace(
        annotation(1, masks()["disc"]),
        author="bob",
        prompt=prompt,
        bundle_digest="b" * 64,
        clicks=3,
        time_spent_s=1.5,
        predicted_iou=float("nan"),
    )
    records = dataset([made, annotation(2, masks()["corner"])])
    with registered("toy", TOY):
        return io.BytesIO(write_as("toy", records)), records


def test_both_are_added_and_what_was_there_stays():
    stream, records = zipped()
    before = zipfile.ZipFile(stream).read("photo.jpg.txt")
    side_files.add(stream, REPORT, records)
    with zipfile.ZipFile(stream) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["photo.jpg.txt", "export_report.json", "provenance.jsonl"]
        assert archive.read("photo.jpg.txt") == before
        assert json.loads(archive.read("export_report.json")) == REPORT
        first, second = map(json.loads, archive.read("provenance.jsonl").decode().splitlines())
    assert first["prompt"] == {"point_coords": [[3.5, 2.0]], "point_labels": [1]}
    assert (first["author"], first["bundle_digest"], first["clicks"], first["time_spent_s"]) == (
        "bob",
        "b" * 64,
        3,
        1.5,
    )
    assert (first["predicted_iou"], first["category"], first["image"]) == (None, "person", "photo.jpg")
    assert (second["prompt"], second["author"]) == (None, "")


def test_the_same_dataset_gives_the_same_bytes():
    (one, records), (other, _) = zipped(), zipped()
    side_files.add(one, REPORT, records)
    side_files.add(other, REPORT, records)
    assert one.getvalue() == other.getvalue()


def test_readers_do_not_meet_them():
    stream, records = zipped()
    side_files.add(stream, REPORT, records)
    assert ZipSource(stream).names == ["photo.jpg.txt"]
