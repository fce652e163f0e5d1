"""Writes a dataset as Ultralytics' YOLO models are trained with it: https://docs.ultralytics.com/datasets/.

data.yaml                        names of the classes, and where the pictures of each part are
images/<split>/<name>.jpg        the pictures, where they are included
labels/<split>/<name>.txt        one row for each object: the class, then numbers from 0 to 1 as shares of the
                                 picture's width and height
images.csv                       what the pictures were called, and their sizes (`exporters.image_list`)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import IO

from exporters.archive import Archive
from exporters.errors import InvalidRecord
from exporters.image_list import ImageList
from exporters.options import INCLUDE_IMAGES, Options
from exporters.records import SPLITS, AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.sound_records import SoundRecords
from exporters.stem_names import StemNames
from exporters.steps import Progress, Steps
from exporters.streams import TextWriter

DOCUMENT = "data.yaml"
# Hundredths of a pixel in pictures of up to 20,000 pixels.
DECIMALS = 6
SHARES_KEPT = 16_384  # some 3 MB
# x, y, x, y ... or a box, in image pixels -> each row of one annotation, in image pixels
Rows = Callable[[AnnotationRecord], Iterable[list[float]]]


def write_yolo(
    dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None, rows: Rows
) -> None:
    """Writes `dataset` to `stream`, image by image. Images without a part of the dataset go to train.

    Args:
        rows: the numbers of each row of an annotation, x and y by turns, in image pixels.

    Raises:
        InvalidRecord: as `SoundRecords`, or no file of a picture that should be included.
    """
    records = SoundRecords(dataset)
    classes = {category_id: index for index, category_id in enumerate(records.categories)}
    steps = Steps(progress, dataset.image_count + dataset.annotation_count)
    names, images, splits = StemNames(), ImageList(), set()
    with Archive(stream) as archive:
        for image in records.images():
            split = image.split or SPLITS[0]
            splits.add(split)
            name = names.claim(image)
            file = f"images/{split}/{name.name}"
            images.add(file, image)
            with archive.document(f"labels/{split}/{name.stem}.txt") as document:
                writer = TextWriter(document)
                for annotation in records.annotations(image):
                    for row in rows(annotation):
                        writer.text(f"{classes[annotation.category_id]} {_shares(row, image)}\n")
                    steps.advance()
                writer.flush()
            if options[INCLUDE_IMAGES.name]:
                if image.open is None:
                    raise InvalidRecord(f"image {image.id} has no file to put into the export")
                archive.copy(file, image.open())
            steps.advance()
        images.write(archive)
        with archive.document(DOCUMENT) as document:
            document.write(_document(dataset, splits).encode("utf-8"))
    steps.finish()


def _shares(row: list[float], image: ImageRecord) -> str:
    shares: list[str] = [""] * len(row)
    shares[0::2] = [_share(value, image.width) for value in row[0::2]]
    shares[1::2] = [_share(value, image.height) for value in row[1::2]]
    return " ".join(shares)


# Outlines run along the edges of pixels, so that the same few thousand numbers come again and again.
@lru_cache(maxsize=SHARES_KEPT)
def _share(value: float, side: int) -> str:
    return f"{min(max(value / side, 0.0), 1.0):.{DECIMALS}f}".rstrip("0").rstrip(".")


def _document(dataset: DatasetRecord, splits: set[str]) -> str:
    lines = [f"# {dataset.name}".encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ")]
    # No path: Ultralytics takes the folder of this file then; "." is the folder that a person stands in.
    for split in SPLITS:
        if split in splits:
            lines.append(f"{split}: images/{split}")
        elif split != "test":
            # Ultralytics refuses a file without these two.
            other = next((name for name in SPLITS if name in splits), SPLITS[0])
            lines.append(f"{split}: images/{other}  # the dataset has no part of its own for it")
    lines += [f"nc: {len(dataset.categories)}", "names:" if dataset.categories else "names: {}"]
    lines += [f"  {index}: {_quoted(category)}" for index, category in enumerate(dataset.categories)]
    return "\n".join(lines) + "\n"


def _quoted(category: CategoryRecord) -> str:
    """YAML's double-quoted text, in which every character can be said."""
    return f'"{"".join(map(_character, category.name))}"'


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"  # half a surrogate pair is no character to YAML
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
