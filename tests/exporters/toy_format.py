"""A second format, as small as one can be: it shows that a format is a folder (here: this file) and one row.

with registered("toy", TOY):
    ...  # the page, the API, its schema and the command offer it
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from exporters.archive import Archive
from exporters.file_names import FileNames
from exporters.format import Format
from exporters.options import INCLUDE_IMAGES, BooleanOption, Choice, ChoiceOption, Options
from exporters.records import DatasetRecord
from exporters.registry import FORMATS
from exporters.steps import Progress, Steps
from exporters.streams import TextWriter

BOX = ChoiceOption(
    name="box",
    title="Boxes as",
    choices=(
        Choice("size", "Corner and size", phrase="boxes with their size"),
        Choice("corners", "Two corners", "As detectors want them", "boxes by their corners"),
    ),
    default="size",
)
AUTHORS = BooleanOption(name="with_authors", title="Name the authors", default=True, phrase="with authors")


def write(dataset: DatasetRecord, stream: IO[bytes], options: Options, progress: Progress | None) -> None:
    """A zip with one text file an image, one line an annotation: category, box, author."""
    steps = Steps(progress, dataset.image_count)
    categories = {category.id: category.name for category in dataset.categories}
    names = FileNames()
    with Archive(stream) as archive:
        for image in dataset.images:
            name = names.claim(image.file_name, image.id)
            with archive.document(f"{name}.txt") as document:
                writer = TextWriter(document)
                for annotation in image.annotations:
                    x, y, width, height = (round(side) for side in annotation.bbox_xywh)
                    box = [x, y, width, height] if options["box"] == "size" else [x, y, x + width, y + height]
                    author = [annotation.author] if options["with_authors"] else []
                    words = map(str, [categories[annotation.category_id], *box, *author])
                    writer.text(" ".join(words) + "\n")
                writer.flush()
            if options["include_images"]:
                archive.copy(name, image.open())
            steps.advance()
    steps.finish()


TOY = Format(
    title="Toy boxes",
    media_type="application/x-toy",
    extension=".toy",
    options=(BOX, AUTHORS, INCLUDE_IMAGES),
    losses=("Only the box of a mask is kept.",),
    write=write,
)


@contextmanager
def registered(name: str, row: Format) -> Iterator[Format]:
    """For the length of the block the table has one row more: nothing else is needed for a format to be offered."""
    FORMATS[name] = row
    try:
        yield row
    finally:
        del FORMATS[name]
