"""A dataset comes in, image by image: all of an image or nothing of it, in one transaction with the job's progress.

So an import that was killed goes on with the image after the last whole one, and one that was cancelled leaves no half.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from annotator.annotations import saving
from annotator.datasets.category_names import MOST_CHARACTERS, key_of, name_of
from annotator.datasets.errors import ImageRefused
from annotator.datasets.examination import NEW, SKIP, format_of
from annotator.datasets.incoming import Columns, sort_out
from annotator.datasets.matching import KnownImage, KnownImages, check_size
from annotator.embeddings import queue as embedding_queue
from annotator.errors import MaskwrightError
from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, LeaseLost
from annotator.media import intake
from annotator.models import Image, Import
from annotator.projects.categories import create_many
from annotator.site.plain_text import one_line, sayable
from exporters.errors import ExportError
from exporters.reading import ReadReport
from exporters.records import CategoryRecord, ImageRecord
from exporters.source import ZIP_FAULTS, Source
from exporters.steps import Progress

REFUSED_SHOWN = 100
WAKE_EVERY = 50  # new images, after which their embeddings may begin
COUNTS = ("images_new", "images_known", "annotations", "here", "images_refused")


def take_in(job: Import, source: Source, progress: Progress | None = None) -> dict[str, Any]:
    """Brings in what the job's mapping says, from the image on that an earlier attempt had come to.

    Args:
        job: claimed, and examined before.
        progress: called after every image.

    Returns:
        What came in, as the job's `result` has it.

    Raises:
        ExportError: the files are no more what they were.
        JobFailed: a category of the mapping is gone.
        LeaseLost: the job was cancelled, or belongs to somebody else. Whole images that came in stay.
    """
    _, row = format_of(source, job.format)
    assert row.read is not None, "format_of gives formats that can be read"
    dataset = row.read(source, ReadReport())
    categories = settle_categories(job, dataset.categories)
    repeated = (job.found or {}).get("repeated_names", [])
    known = KnownImages(job.project, job.match, repeated, looks_at_pixels=not job.new_images)
    queue.update(job, total=dataset.image_count)
    intake_of = _Intake(job, categories)
    first = job.done
    for number, image in enumerate(dataset.images, 1):
        if number <= first:
            _remember(known, image)
        else:
            intake_of.take(image, known, number)
        if progress:
            progress(number, dataset.image_count)
    embedding_queue.wake()
    return intake_of.result


def settle_categories(job: Import, rows: tuple[CategoryRecord, ...]) -> dict[int, int]:
    """The file's category id -> primary key, of those that are not skipped; new ones are made, all or none.

    Raises:
        JobFailed: the mapping names a category that the project has no more.
    """
    settled: dict[int, int] = {}
    new: dict[str, CategoryRecord] = {}
    with transaction.atomic():
        own = {category.name.casefold(): category.pk for category in job.project.categories.all()}
        known = set(own.values())
        for row in rows:
            target = job.mapping.get(str(row.id), SKIP)
            if target == NEW:
                new.setdefault(key_of(row), row)
            elif target in known:
                settled[row.id] = target
            elif target != SKIP:
                raise JobFailed(
                    f"The category that {row.name!r:.100} was to become is gone. Choose another one and import again.",
                    permanent=True,
                )
        # By now, the project may have one of that name.
        missing = [row for key, row in new.items() if key not in own]
        made = create_many(job.project, [_columns_of(row) for row in missing]) if missing else []
        own |= {key_of(row): category.pk for row, category in zip(missing, made, strict=True)}
    return settled | {row.id: own[key_of(row)] for row in rows if job.mapping.get(str(row.id)) == NEW}


def _columns_of(row: CategoryRecord) -> dict[str, Any]:
    """Of a new category, as `create_many` takes them."""
    return {
        "name": name_of(row),
        "coco_id": row.id,
        "color": row.color.lower() if re.fullmatch(r"#[0-9a-fA-F]{6}", row.color) else None,
        "supercategory": one_line(row.supercategory, MOST_CHARACTERS),
    }


def _remember(known: KnownImages, image: ImageRecord) -> None:
    """An earlier attempt dealt with this image: another one of the file cannot be the same."""
    try:
        known.find(image)
    except ImageRefused:
        pass


def _picture(image: ImageRecord) -> bytes:
    """The file, or as much of it as tells that it is too large. Raises ImageRefused where it cannot be unpacked."""
    assert image.open is not None, "only images with a picture come here"
    try:
        with image.open() as stream:
            return stream.read(settings.MAX_IMAGE_BYTES + 1)
    except (ExportError, *ZIP_FAULTS) as error:
        raise ImageRefused("picture_unreadable", f"the picture cannot be read: {error}") from error


class _Intake:
    def __init__(self, job: Import, categories: Mapping[int, int]) -> None:
        self._job, self._categories = job, categories
        self._columns = Columns(job)
        before = job.result or {}
        self._counts = Counter({name: before.get(name, 0) for name in COUNTS})
        self._refused: list[dict[str, str]] = list(before.get("refused", []))

    @property
    def result(self) -> dict[str, Any]:
        return {name: self._counts[name] for name in COUNTS} | {"refused": self._refused}

    def take(self, image: ImageRecord, known: KnownImages, number: int) -> None:
        """One image with its annotations. What is wrong with it stops no other one. Raises LeaseLost."""
        before = self._counts.copy()
        try:
            found = known.find(image)
            if found:
                self._take_known(image, found, number)
            elif image.open and self._job.new_images:
                self._take_new(image, known, number)
            else:
                queue.update(self._job, done=number)
        except (LeaseLost, JobFailed):
            raise
        except MaskwrightError as error:
            self._refuse(before, image, error.message, number)
        except IntegrityError:
            message = "another import wrote to the image at the same moment; import again"
            self._refuse(before, image, message, number)

    def _take_known(self, image: ImageRecord, found: KnownImage, number: int) -> None:
        with transaction.atomic():
            row = Image.objects.filter(pk=found.id).first()
            if row is None:
                raise ImageRefused("image_gone", "the image was deleted meanwhile")
            self._counts["images_known"] += self._add(row, image) > 0
            self._note(number)

    def _take_new(self, image: ImageRecord, known: KnownImages, number: int) -> None:
        def with_annotations(row: Image) -> None:
            check_size(image, row.width, row.height)
            self._add(row, image)
            self._counts["images_new"] += 1
            self._note(number)

        taken = intake.ingest_image(
            self._job.project,
            io.BytesIO(_picture(image)),
            image.file_name,
            self._job.created_by,
            batch=f"import-{self._job.pk}",
            and_then=with_annotations,
        )
        if taken.duplicate:
            # The project has these pixels under another name.
            row = taken.image
            check_size(image, row.width, row.height)
            known.take(row.pk)
            found = KnownImage(row.pk, row.folder, row.width, row.height, row.digest)
            self._take_known(image, found, number)
        elif self._counts["images_new"] % WAKE_EVERY == 1:
            embedding_queue.wake()

    def _add(self, row: Image, image: ImageRecord) -> int:
        sorted_out = sort_out(row.pk, image.annotations, self._categories)
        columns = [
            self._columns.of(row, id, int(category), record) for id, category, record in sorted_out.new
        ]
        count = saving.create_many(row, columns, author=self._job.created_by)
        self._counts["annotations"] += count
        self._counts["here"] += len(sorted_out.here)
        return count

    def _refuse(self, before: Counter[str], image: ImageRecord, message: str, number: int) -> None:
        self._counts = before
        self._counts["images_refused"] += 1
        if len(self._refused) < REFUSED_SHOWN:
            place = f"image {image.file_name}"
            self._refused.append({"place": sayable(place), "message": sayable(message)})
        self._note(number)

    def _note(self, number: int) -> None:
        """In the image's transaction, where there is one: whenever it is killed, figures and images say the same."""
        queue.update(self._job, done=number, result=self.result)
