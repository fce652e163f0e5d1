"""The state of a dataset as one file, which never changes: a name for it can be quoted, and exported again.

The file is a gzip of lines of JSON: the first one has the categories, every other one an image with its annotations, as
COCO's RLE. Pictures are not in it; an image is named by its id and the digest of its pixels. The digest of a snapshot
is the sha256 of the lines, so that two snapshots of the same state have the same one.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import IO, Any

from exporters.errors import InvalidRecord, UnreadableFile
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord, LicenceRecord, Rle
from exporters.row_lines import LinesById
from exporters.seen_ids import SeenIds
from exporters.source import ZIP_FAULTS
from exporters.steps import Progress, Steps
from exporters.streams import dumps, finite

LAYOUT = 1
COMPRESSION = 6
# Of an annotation's record: what says where it comes from the place in the file, not from the line.
LEFT_OUT = ("id", "is_box")

Lines = Callable[[], Iterator[bytes]]  # those of one snapshot, from the first one each time
PictureOpener = Callable[[int], IO[bytes]]  # an image's id -> its file


@dataclass(frozen=True)
class Snapshot:
    """What was written: the sha256 of the lines, in hexadecimal, and how much there is."""

    digest: str
    image_count: int
    annotation_count: int


def write(dataset: DatasetRecord, stream: IO[bytes], progress: Progress | None = None) -> Snapshot:
    """Writes the state of `dataset`, in memory that does not grow with it.

    Raises:
        InvalidRecord: an annotation without an id of its own, or an image that comes twice.
    """
    steps = Steps(progress, dataset.image_count)
    found = hashlib.sha256()
    images = annotations = 0
    # Without a time and a name in its head the file is the same whenever it is written.
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=COMPRESSION, mtime=0, filename="") as packed:
        for number, row in enumerate(_rows(dataset)):
            line = _line(row)
            found.update(line)
            packed.write(line)
            if number:
                images += 1
                annotations += len(row["annotations"])
                steps.advance()
    steps.finish()
    return Snapshot(found.hexdigest(), images, annotations)


def lines_of(dataset: DatasetRecord) -> Iterator[bytes]:
    """The lines of a snapshot of `dataset`, each with its end; raises as `write`."""
    return map(_line, _rows(dataset))


def _rows(dataset: DatasetRecord) -> Iterator[dict[str, Any]]:
    yield {
        "layout": LAYOUT,
        "categories": [vars(category) for category in dataset.categories],
        "licences": [vars(licence) for licence in dataset.licences],
    }
    seen = SeenIds()
    for image in dataset.images:
        if not seen.add(image.id):
            raise InvalidRecord(f"image id {image.id} comes twice")
        yield {
            "id": image.id,
            "file_name": image.file_name,
            "width": image.width,
            "height": image.height,
            "digest": image.digest,
            "created_at": _text_of(image.created_at),
            "split": image.split,
            "annotations": [_annotation_row(annotation) for annotation in image.annotations],
        }


def lines_in(open_file: Callable[[], IO[bytes]]) -> Iterator[bytes]:
    """The lines of a snapshot's file.

    Raises:
        UnreadableFile: it is damaged.
    """
    try:
        with open_file() as stream, gzip.GzipFile(fileobj=stream) as packed:
            yield from packed
    except ZIP_FAULTS as error:
        raise UnreadableFile(f"the snapshot cannot be read: {error}") from None


def read(
    lines: Lines, open_picture: PictureOpener | None = None, *, counts: Snapshot | None = None
) -> DatasetRecord:
    """The dataset of a snapshot; name and time are for the caller to add.

    Args:
        lines: of the snapshot.
        open_picture: opens an image's picture; None: there are none.
        counts: what `write` gave.

    Raises:
        UnreadableFile: the file is damaged, or written by a newer version of this program.
    """
    head = _head(lines)
    return DatasetRecord(
        name="",
        categories=tuple(CategoryRecord(**row) for row in head["categories"]),
        licences=tuple(LicenceRecord(**row) for row in head["licences"]),
        images=_Images(lines, open_picture),
        image_count=counts.image_count if counts else 0,
        annotation_count=counts.annotation_count if counts else 0,
    )


@dataclass(frozen=True)
class _Images:
    lines: Lines
    open_picture: PictureOpener | None

    def __iter__(self) -> Iterator[ImageRecord]:
        numbers = count(1)
        lines = self.lines()
        next(lines, None)
        for line in lines:
            row = json.loads(line)
            yield ImageRecord(
                id=row["id"],
                file_name=row["file_name"],
                width=row["width"],
                height=row["height"],
                digest=row["digest"],
                created_at=_time_of(row["created_at"]),
                split=row["split"],
                annotations=tuple(
                    _annotation(next(numbers), each, row["height"], row["width"])
                    for each in row["annotations"]
                ),
                open=partial(self.open_picture, row["id"]) if self.open_picture else None,
            )


@dataclass
class Change:
    """How many annotations came, changed and went."""

    added: int = 0
    changed: int = 0
    removed: int = 0

    @property
    def total(self) -> int:
        return self.added + self.changed + self.removed


@dataclass
class ImageChange(Change):
    """The same of one image that both snapshots have, or that came or went with its annotations."""

    id: int = 0
    file_name: str = ""
    what: str = "changed"  # added, changed, removed


@dataclass
class Difference:
    """What changed from one snapshot to another.

    Attributes:
        images: those that came, changed or went, in the order of the later snapshot, those that went last.
        categories: by name; an annotation whose category changed is a changed one of the category that it has now.
        categories_added, categories_removed: names.
    """

    images: list[ImageChange] = field(default_factory=list)
    categories: dict[str, Change] = field(default_factory=dict)
    categories_added: list[str] = field(default_factory=list)
    categories_removed: list[str] = field(default_factory=list)

    def count(self, what: str) -> int:
        return sum(image.what == what for image in self.images)


def difference(before: Lines, after: Lines) -> Difference:
    """Compares two snapshots; memory grows with the images, not with their masks: what changed waits on the disk.

    Raises:
        UnreadableFile: one is damaged.
    """
    names = [_category_names(lines) for lines in (before, after)]
    known = {_id_of(line): _fingerprint(line) for line in _image_lines(before)}
    now = {_id_of(line): _fingerprint(line) for line in _image_lines(after)}
    changed = {image_id for image_id, value in known.items() if now.get(image_id) != value}
    former = LinesById()
    for line in _image_lines(before):
        if (image_id := _id_of(line)) in changed:
            former.add(image_id, line)
    result = Difference(
        categories_added=[name for name in names[1].values() if name not in names[0].values()],
        categories_removed=[name for name in names[0].values() if name not in names[1].values()],
    )
    for line in _image_lines(after):
        image_id = _id_of(line)
        if image_id not in known or image_id in changed:
            _compare(former.take(image_id), line, names, result)
    for line in former:
        _compare(line, None, names, result)
    return result


def _compare(
    before: bytes | None, after: bytes | None, names: list[dict[int, str]], result: Difference
) -> None:
    rows = [json.loads(line) if line else None for line in (before, after)]
    shown: dict[str, Any] = rows[1] or rows[0] or {}
    what = "changed" if before and after else "added" if after else "removed"
    image = ImageChange(id=shown["id"], file_name=shown["file_name"], what=what)
    old, new = ({each["uuid"]: each for each in row["annotations"]} if row else {} for row in rows)
    for uuid in {**old, **new}:
        kind = "added" if uuid not in old else "removed" if uuid not in new else "changed"
        if kind == "changed" and old[uuid] == new[uuid]:
            continue
        side = 1 if uuid in new else 0
        name = names[side].get((new if side else old)[uuid]["category_id"], "")
        for change in (image, result.categories.setdefault(name, Change())):
            setattr(change, kind, getattr(change, kind) + 1)
    result.images.append(image)


def _head(lines: Lines) -> dict[str, Any]:
    first = next(lines(), b"{}")
    head: dict[str, Any] = json.loads(first)
    if head.get("layout") != LAYOUT:
        raise UnreadableFile("the snapshot is of another version of this program")
    return head


def _category_names(lines: Lines) -> dict[int, str]:
    return {row["id"]: row["name"] for row in _head(lines)["categories"]}


def _image_lines(lines: Lines) -> Iterator[bytes]:
    found = lines()
    next(found, None)
    return found


def _id_of(line: bytes) -> int:
    """Of an image's line, without parsing the masks in it."""
    return int(line[len(b'{"id": ') : line.index(b",")])


def _fingerprint(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).digest()


def _annotation_row(annotation: AnnotationRecord) -> dict[str, Any]:
    if not annotation.uuid:
        raise InvalidRecord(f"annotation {annotation.id} has no id of its own, which a snapshot needs")
    row = {name: value for name, value in vars(annotation).items() if name not in LEFT_OUT}
    return row | {
        "segmentation": annotation.segmentation["counts"],
        "predicted_iou": finite(annotation.predicted_iou),
        "stability_score": finite(annotation.stability_score),
        "created_at": _text_of(annotation.created_at),
    }


def _annotation(number: int, row: dict[str, Any], height: int, width: int) -> AnnotationRecord:
    return AnnotationRecord(
        id=number,
        **row
        | {
            "segmentation": Rle(size=[height, width], counts=row["segmentation"]),
            "bbox_xywh": tuple(row["bbox_xywh"]),
            "created_at": _time_of(row["created_at"]),
        },
    )


def _line(value: dict[str, Any]) -> bytes:
    return dumps(value).encode("utf-8") + b"\n"


def _text_of(time: dt.datetime | None) -> str | None:
    return time.isoformat() if time else None


def _time_of(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
