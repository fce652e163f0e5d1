"""Reads files by a format's row, as the import does."""

from __future__ import annotations

import contextlib
import io

import numpy as np

from exporters.errors import UnreadableFile
from exporters.reading import ReadReport
from exporters.records import DatasetRecord, ImageRecord
from exporters.registry import find_format
from exporters.source import Source, source_of


def read_source(format_name: str, source: Source) -> tuple[DatasetRecord, list[ImageRecord], ReadReport]:
    """The records, their images, and the report, complete; the images are the same when they are asked for again."""
    report = ReadReport()
    records = find_format(format_name).read(source, report)
    images = list(records.images)
    refused = len(report.refusals)
    assert [image.annotations for image in records.images] == [image.annotations for image in images]
    assert len(report.refusals) == refused
    return records, images, report


def read_bytes(
    format_name: str, content: bytes, name: str = "dataset.json"
) -> tuple[DatasetRecord, list[ImageRecord], ReadReport]:
    return read_source(format_name, source_of(io.BytesIO(content), name))


def damage(format_name: str, sound: list[bytes], times: int = 150, seed: int = 0) -> None:
    """Bytes exchanged, cut off and put in at random: files are unreadable or their entries refused, and never anything
    else."""
    random = np.random.default_rng(seed)
    for content in sound:
        for _ in range(times):
            damaged = bytearray(content)
            for place in random.integers(0, len(content), random.integers(1, 6)):
                damaged[place] = random.integers(0, 256)
            if random.random() < 0.2:
                del damaged[random.integers(0, len(damaged)) :]
            if random.random() < 0.2:
                at = int(random.integers(0, len(damaged) + 1))
                damaged[at:at] = random.bytes(5)
            with contextlib.suppress(UnreadableFile):
                read_bytes(format_name, bytes(damaged))
