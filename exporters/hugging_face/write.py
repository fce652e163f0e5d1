"""Writes a data set for the library `datasets`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any

from exporters.archive import Archive
from exporters.errors import InvalidRecord
from exporters.file_names import FileNames
from exporters.hugging_face.card import card
from exporters.hugging_face.features import row_of, schema_of
from exporters.options import INCLUDE_IMAGES, Choice, ChoiceOption, Options
from exporters.records import DatasetRecord, ImageRecord
from exporters.sound_records import SoundRecords
from exporters.steps import Progress, Steps
from exporters.streams import TextWriter, dumps

LAYOUT = ChoiceOption(
    name="layout",
    title="Layout",
    choices=(
        Choice("parquet", "Parquet", "One file for each of train, val and test", "as Parquet"),
        Choice("imagefolder", "Folders", "Pictures and metadata.jsonl", "as folders with metadata.jsonl"),
    ),
    default="parquet",
)
OPTIONS = (LAYOUT, INCLUDE_IMAGES)
LOSSES = (
    "Without a split, all images are written as train.",
    "In folders, categories without annotations, supercategories and colors stand in the card alone.",
    "Licences are not written.",
)
# What the library calls the parts, in the order of the card.
SPLITS = {"train": "train", "val": "validation", "test": "test"}
WITHOUT_SPLIT = "train"
# A reader loads a group of rows at once: Hugging Face advises 100 rows with pictures.
GROUP_ROWS = 100
GROUP_BYTES = 16_000_000


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """Writes `dataset` to `stream`. The images are gone through once for each part (and in folders once more for the
    pictures); one group of rows is held.

    Raises:
        InvalidRecord: as `SoundRecords`, two categories of one name, or an image without a file where pictures are
            chosen.
    """
    with_pictures = options[INCLUDE_IMAGES.name]
    in_folders = options[LAYOUT.name] == "imagefolder"
    steps = Steps(progress, (2 if in_folders and with_pictures else 1) * dataset.image_count)
    rows = _Rows(dataset, steps)
    with Archive(stream) as archive:
        if in_folders:
            paths = _write_folders(rows, archive, with_pictures)
        else:
            paths = _write_parquet(rows, archive, with_pictures)
        with archive.document("README.md") as document:
            document.write(card(dataset, paths).encode("utf-8", "replace"))
    steps.finish()


class _Rows:
    """The rows of each part, and where each picture goes (some 200 bytes an image)."""

    def __init__(self, dataset: DatasetRecord, steps: Steps) -> None:
        self.dataset, self.steps = dataset, steps
        self._records = SoundRecords(dataset)
        self.class_labels = {category_id: index for index, category_id in enumerate(self._records.categories)}
        if len({category.name for category in dataset.categories}) != len(dataset.categories):
            raise InvalidRecord("two categories have the same name; the library wants them to differ")
        self._names = FileNames()
        self.names: dict[int, tuple[str, str]] = {}  # image id -> part, file name
        self.parts = self._parts()

    def of(
        self, part: str, class_labels: dict[int, int] | None
    ) -> Iterator[tuple[ImageRecord, dict[str, Any]]]:
        for image in self._records.images():
            # Its part may be another one than in the pass before.
            if _part_of(image) == part and image.id not in self.names:
                file_name = self._names.claim(image.file_name, image.id)
                self.names[image.id] = part, file_name
                annotations = self._records.annotations(image)
                yield image, row_of(image, file_name, annotations, self._records.categories, class_labels)
                self.steps.advance()

    def written(self) -> Iterator[ImageRecord]:
        """The images that have a row."""
        return (image for image in self._records.images() if image.id in self.names)

    def _parts(self) -> list[str]:
        found = {_part_of(image) for image in self._records.images()} or {WITHOUT_SPLIT}
        return [name for name in SPLITS.values() if name in found]


def _part_of(image: ImageRecord) -> str:
    return SPLITS[image.split] if image.split else WITHOUT_SPLIT


def _write_folders(rows: _Rows, archive: Archive, with_pictures: bool) -> list[tuple[str, str]]:
    for part in rows.parts:
        with archive.document(f"{part}/metadata.jsonl") as document:
            text = TextWriter(document)
            for _, row in rows.of(part, None):
                text.text(dumps(row) + "\n")
            text.flush()
    if with_pictures:
        for image in rows.written():
            archive.copy("/".join(rows.names[image.id]), _opener(image)())
            rows.steps.advance()
    return [(part, f"{part}/**") for part in rows.parts]


def _write_parquet(rows: _Rows, archive: Archive, with_pictures: bool) -> list[tuple[str, str]]:
    import pyarrow as pa
    from pyarrow import parquet

    schema = schema_of(rows.dataset, with_pictures)
    for part in rows.parts:
        # Parquet packs its columns itself.
        with archive.document(f"data/{part}-00000-of-00001.parquet", deflated=False) as document:
            sink = pa.PythonFile(_Counted(document), mode="w")
            compression = dict.fromkeys(_leaves(schema), "zstd")
            if with_pictures:
                compression["image.bytes"] = "none"  # they are compressed already
            with parquet.ParquetWriter(sink, schema, compression=compression) as writer:
                for group in _groups(_with_pictures(rows.of(part, rows.class_labels), with_pictures)):
                    writer.write_batch(pa.RecordBatch.from_pylist(group, schema=schema))
    return [(part, f"data/{part}-*.parquet") for part in rows.parts]


def _leaves(schema: Any) -> list[str]:
    """The names under which Parquet knows the columns, "objects.id.list.element"."""
    import pyarrow as pa
    from pyarrow import parquet

    stream = pa.BufferOutputStream()
    parquet.write_table(schema.empty_table(), stream)
    columns = parquet.ParquetFile(stream.getvalue()).schema
    return [columns.column(index).path for index in range(len(columns))]


def _with_pictures(
    rows: Iterator[tuple[ImageRecord, dict[str, Any]]], with_pictures: bool
) -> Iterator[tuple[dict[str, Any], int]]:
    """Each row, with its picture where that is wanted, and about how many bytes it has."""
    for image, row in rows:
        size = sum(len(each["counts"]) + 400 for each in row["objects"]["segmentation"])
        if with_pictures:
            with _opener(image)() as stream:
                content = stream.read()
            row = {"image": {"bytes": content, "path": row["file_name"]}} | row
            size += len(content)
        yield row, size


def _groups(rows: Iterator[tuple[dict[str, Any], int]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    group_bytes = 0
    for row, size in rows:
        group.append(row)
        group_bytes += size
        if len(group) == GROUP_ROWS or group_bytes >= GROUP_BYTES:
            yield group
            group, group_bytes = [], 0
    if group:
        yield group


def _opener(image: ImageRecord) -> Callable[[], IO[bytes]]:
    if image.open is None:
        raise InvalidRecord(f"image {image.id} has no file to put into the export")
    return image.open


class _Counted:
    """A zip's entry, which does not know how much was written, for a writer that asks."""

    closed = False

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._written = stream, 0

    def write(self, block: Any) -> int:
        self._stream.write(block)
        self._written += len(block)
        return len(block)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False
