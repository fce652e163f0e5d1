"""Pictures too large to be shown whole: a pyramid of tiles, of which a page fetches what it shows.

Level 0 is the image itself, each further level half as large. The last level, the overview, is one picture of at most
OVERVIEW_SIDE_PX; the others are cut into squares. All tiles of an image lie in one zip in storage, whose name follows
from the image's file: it belongs to the image's row without being named there. The worker makes it after the embedding;
where it did not, the first request for a tile does.
"""

from __future__ import annotations

import io
import tempfile
import threading
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image as Pillow

from annotator.files import stored, unowned
from annotator.media import turns
from annotator.media.errors import NoSuchTile
from annotator.media.pixels import read_picture
from annotator.models import Image

FOLDER = "tiles/"
SIDE_PX = 512
OVERVIEW_SIDE_PX = 2048
QUALITY = 90

# One pyramid at a time in a process: an image of 100 megapixels takes 400 MB while it is made.
_making = threading.Lock()


@dataclass(frozen=True)
class Layout:
    """Which tiles there are.

    Attributes:
        sizes: (width, height) of each level in its own pixels, the full size first.
    """

    sizes: tuple[tuple[int, int], ...]

    @property
    def levels(self) -> int:
        return len(self.sizes)

    def side_px(self, level: int) -> int:
        """Of a tile's square; the tiles at the right and at the bottom are what is left."""
        return OVERVIEW_SIDE_PX if level == self.levels - 1 else SIDE_PX

    def grid(self, level: int) -> tuple[int, int]:
        """How many columns and rows of tiles."""
        width, height = self.sizes[level]
        side = self.side_px(level)
        return -(-width // side), -(-height // side)


def layout_of(image: Image) -> Layout | None:
    """None: the image is shown whole."""
    if image.width * image.height < settings.TILED_FROM_PIXELS:
        return None
    sizes = [(image.width, image.height)]
    while max(sizes[-1]) > OVERVIEW_SIDE_PX:
        width, height = sizes[-1]
        sizes.append((-(-width // 2), -(-height // 2)))
    return Layout(tuple(sizes))


def names_of(image: Image) -> list[str]:
    """The stored file with the image's tiles, whether it is made already or not; none for an image without."""
    if layout_of(image) is None:
        return []
    path = PurePosixPath(str(image.file))
    return [FOLDER + str(path.relative_to(path.parts[0]).with_suffix(".zip"))]


def read_tile(image: Image, level: int, column: int, row: int) -> bytes:
    """One tile as a JPEG; makes all of them where that has not been done.

    Raises:
        NoSuchTile: the image has no tile there.
        DamagedImage, FileNotFoundError: its picture cannot be read.
    """
    layout = layout_of(image)
    if layout is None or level >= layout.levels:
        raise NoSuchTile(f"Image {image.pk} has no level {level}.")
    columns, rows = layout.grid(level)
    if column >= columns or row >= rows:
        raise NoSuchTile(f"Level {level} of image {image.pk} has {columns} x {rows} tiles.")
    make(image)
    with stored.open_file(names_of(image)[0]) as file, zipfile.ZipFile(file) as archive:
        return archive.read(_entry(level, column, row))


def make(image: Image) -> None:
    """Writes the image's tiles, unless they are there or the image needs none.

    Raises:
        NoSuchTile: the image was deleted meanwhile.
        DamagedImage, FileNotFoundError: its picture cannot be read.
    """
    layout = layout_of(image)
    if layout is None or default_storage.exists(names_of(image)[0]):
        return
    (name,) = names_of(image)
    with _making:
        if default_storage.exists(name):
            return  # by another request, while this one waited
        unowned.note([name])
        try:
            with (
                tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as file,
                turns.turn(image.width * image.height),
            ):
                _write(read_picture(image), layout, file)
                file.seek(0)
                default_storage.save(name, File(file))
            with transaction.atomic():
                unowned.strike_out([name])
                # In this order: whoever deletes the image notes its files first, then deletes the row.
                if not Image.with_deleted.filter(pk=image.pk).exists():
                    raise NoSuchTile(f"Image {image.pk} was deleted.")
        except BaseException:
            unowned.discard([name])
            raise


def _write(picture: Pillow.Image, layout: Layout, file: IO[bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for level, (width, height) in enumerate(layout.sizes):
            if level > 0:
                picture = picture.reduce(2)  # rounds up, as the sizes do
            side = layout.side_px(level)
            columns, rows = layout.grid(level)
            for row in range(rows):
                for column in range(columns):
                    left, top = column * side, row * side
                    box = (left, top, min(left + side, width), min(top + side, height))
                    content = io.BytesIO()
                    picture.crop(box).save(content, "JPEG", quality=QUALITY, subsampling=0)
                    archive.writestr(_entry(level, column, row), content.getvalue())


def _entry(level: int, column: int, row: int) -> str:
    return f"{level}/{column}/{row}.jpg"
