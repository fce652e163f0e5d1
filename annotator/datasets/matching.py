"""Which image of a project an image of a dataset is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from annotator.datasets.errors import ImageRefused
from annotator.datasets.records import name_as_stored
from annotator.errors import MaskwrightError
from annotator.media import pixels
from annotator.media.intake import display_name, folder_of
from annotator.models import Image, Import, Project
from exporters.errors import ExportError
from exporters.records import ImageRecord
from exporters.source import ZIP_FAULTS

Match = Import.Match


class KnownImage(NamedTuple):
    id: int
    folder: str
    width: int
    height: int
    digest: str


class KnownImages:
    """The images that a project has now, to be found by what a file says of them.

    Args:
        repeated: names that several images of the file share: there the folder counts, too, however images are matched.
        looks_at_pixels: pictures that nothing else finds are opened, where an image of the project has their size, and
            found by their pixels. An import of new pictures finds them on its own, as each comes in.
    """

    def __init__(
        self, project: Project, match: str, repeated: Collection[str] = (), *, looks_at_pixels: bool
    ) -> None:
        self._match, self._repeated, self._looks_at_pixels = match, frozenset(repeated), looks_at_pixels
        self._sizes: set[tuple[int, int]] = set()
        self._by_digest: dict[str, list[KnownImage]] = {}
        self._by_name: dict[str, list[KnownImage]] = {}
        self._taken: set[int] = set()
        columns = ("pk", "folder", "width", "height", "digest", "name", "file")
        for *known, name, file in Image.objects.filter(project=project).values_list(*columns):
            image = KnownImage(*known)
            self._by_digest.setdefault(image.digest, []).append(image)
            self._sizes.add((image.width, image.height))
            # A file may have either name: as it was uploaded, or with the suffix of what is stored.
            for each in {name, name_as_stored(name, file)}:
                self._by_name.setdefault(each, []).append(image)

    def find(self, record: ImageRecord) -> KnownImage | None:
        """The image that the file means; None where the project has none. Each is given once.

        Pixels that are the same decide, where the file says their digest.

        Raises:
            ImageRefused: several images fit, the one has another size, or an earlier one of the file was the same.
        """
        found = self._by_digest.get(record.digest, []) if record.digest else []
        if not found:
            found = self._by_pixels(record) if self._match == Match.DIGEST else self._by_words(record)
            if not found and self._looks_at_pixels and (record.width, record.height) in self._sizes:
                found = self._by_pixels(record)
        if len(found) > 1:
            found = [image for image in found if (image.width, image.height) == (record.width, record.height)]
            if len(found) != 1:
                raise ImageRefused(
                    "image_ambiguous",
                    "several images of the project could be meant; match by folder and name, or by pixels",
                )
        if not found:
            return None
        image = found[0]
        check_size(record, image.width, image.height)
        self.take(image.id)
        return image

    def take(self, image_id: int) -> None:
        """Another image of the file is not this one. Raises ImageRefused where one was."""
        if image_id in self._taken:
            raise ImageRefused("image_twice", "an earlier image of the file is the same image of the project")
        self._taken.add(image_id)

    def _by_words(self, record: ImageRecord) -> list[KnownImage]:
        name, folder = display_name(record.file_name), folder_of(record.file_name)
        named = self._by_name.get(name, [])
        same_folder = [image for image in named if _last(image.folder) == _last(folder)]
        if name in self._repeated or (self._match == Match.PATH and folder):
            return same_folder
        return same_folder if len(named) > 1 and same_folder else named

    def _by_pixels(self, record: ImageRecord) -> list[KnownImage]:
        return self._by_digest.get(digest_of(record), [])


def repeated_names(images: Iterable[ImageRecord]) -> list[str]:
    """Names that several images of a file have, in different folders."""
    counts = Counter(display_name(image.file_name) for image in images)
    return sorted(name for name, count in counts.items() if count > 1)


def check_size(record: ImageRecord, width: int, height: int) -> None:
    """Raises ImageRefused where the file speaks of an image of another size."""
    if (record.width, record.height) != (width, height):
        raise ImageRefused(
            "image_size_differs",
            f"the image is {width} x {height} pixels (width x height), the file says {record.width} x {record.height}",
        )


def digest_of(record: ImageRecord) -> str:
    """Of the picture's pixels; "" without a picture, and where it cannot be read."""
    if record.digest or record.open is None:
        return record.digest
    try:
        with record.open() as stream:
            return pixels.prepare(stream).digest
    except (MaskwrightError, ExportError, *ZIP_FAULTS):
        return ""


def _last(folder: str) -> str:
    return folder.rpartition("/")[2]
