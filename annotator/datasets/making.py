"""One export made: the format's file, the report of what it does not hold, and the side files of a zip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import IO, Any

from django.db.models import Count

from annotator.datasets import records, versions
from annotator.datasets import selection as selections
from annotator.datasets.selection import Selection, SplitBy
from annotator.datasets.splitting import Splitter, with_parts
from annotator.models import DatasetVersion, Project
from exporters import side_files
from exporters.format import Format
from exporters.measure import measure
from exporters.options import Options
from exporters.records import CategoryRecord, DatasetRecord
from exporters.steps import Progress

# So many masks tell what a format loses; with outlines they take seconds.
MOST_MASKS_MEASURED = 2_000
# Somebody who waits is told how many of a version's masks are of which category if its file is read in a moment.
MOST_MASKS_COUNTED = 20_000


@dataclass(frozen=True)
class Plan:
    """What is to be exported, and how."""

    project: Project
    format_name: str
    format: Format
    options: Options
    selection: Selection
    version: DatasetVersion | None = None

    @cached_property
    def dataset(self) -> DatasetRecord:
        """Raises VersionNotReady, or UnreadableFile where the version's file is damaged."""
        return with_parts(self._whole, self.selection.split) if self.version else self._whole

    @cached_property
    def _whole(self) -> DatasetRecord:
        """Of a version, before its images are in parts: to know these, all of its file is read."""
        return versions.dataset(self.version) if self.version else records.build(self.project, self.selection)

    def report(
        self, *, time_limit_s: float | None = None, progress: Progress | None = None
    ) -> dict[str, Any]:
        """What the file will hold, and what it cannot; plain values. Without a time limit it depends on the data alone.

        Args:
            progress: called after every image that is measured; an exception that it raises ends the work.
        """
        measured = measure(
            self._whole,
            self.format,
            self.options,
            most_masks=MOST_MASKS_MEASURED,
            time_limit_s=time_limit_s,
            progress=progress,
        )
        name = self.version.named_as if self.version else ""
        return {
            "project": self.version.named_in if self.version else self.project.name,
            "format": self.format_name,
            "title": self.format.title,
            "options": dict(self.options),
            **selections.stored(self.selection),
            **({"version": name} if name else {}),
            "selected": selections.words(self.selection, name),
            "images": self.dataset.image_count,
            "annotations": self.dataset.annotation_count,
            **self._counted(in_a_hurry=time_limit_s is not None),
            "losses": list(self.format.losses),
            "notes": self._notes(),
            "measured": asdict(measured)
            | {"sentences": list(measured.sentences), "is_complete": measured.is_complete},
        }

    def write(
        self,
        stream: IO[bytes],
        report: Mapping[str, Any],
        progress: Progress | None,
        after_image: Callable[[], None] = lambda: None,
    ) -> None:
        """Writes the file; a zip gets its side files.

        Args:
            stream: open for reading and writing, seekable.
            after_image: called while side files are written, with the meaning that `progress` has before.

        Raises:
            ExportError: as the format's writer.
        """
        self.format.writer(self.dataset, stream, self.options, progress)
        if self.format.is_zip(self.options):
            side_files.add(stream, report, self.dataset, after_image)

    def _notes(self) -> list[str]:
        if not self.format.is_zip(self.options):
            return []
        return [
            f"The zip has this report as {side_files.REPORT}, and in {side_files.PROVENANCE} who made each mask, with "
            "which model, prompt and effort."
        ]

    def _counted(self, in_a_hurry: bool) -> dict[str, Any]:
        if not self.version:
            return self._counted_in_tables()
        if in_a_hurry and self.dataset.annotation_count > MOST_MASKS_COUNTED:
            return {"categories": [], "splits": {}}
        return self._counted_in_file()

    def _counted_in_tables(self) -> dict[str, Any]:
        """Annotations of each category of the file, those that are merged together; images of each part."""
        images = selections.images_in(self.project, self.selection)
        rows = selections.annotations_in(self.project, self.selection)
        exported = selections.categories_in(self.project, self.selection)
        counts: Counter[int] = Counter()
        in_each = rows.filter(image__in=images).order_by().values_list("category")
        for pk, count in in_each.annotate(count=Count("pk")):
            if pk in exported.id_of:
                counts[exported.id_of[pk]] += count
        splits = Splitter(images, rows, self.selection.split).counts()
        return {"categories": _category_rows(exported.records, counts), "splits": splits}

    def _counted_in_file(self) -> dict[str, Any]:
        """The same of a version, by going through it once."""
        counts: Counter[int] = Counter()
        splits: Counter[str] = Counter()
        for image in self.dataset.images:
            counts.update(annotation.category_id for annotation in image.annotations)
            splits[image.split] += 1
        used = self.selection.split.shares.used if self.selection.split.by != SplitBy.NONE else ()
        return {
            "categories": _category_rows(self.dataset.categories, counts),
            "splits": {name: splits[name] for name in used},
        }


def held(report: Mapping[str, Any]) -> str:
    """How much a file holds, in words: "12 images, 1 mask, train 10, val 2"; "" where no report was made."""
    if not report:
        return ""
    counts = [(report["images"], "image"), (report["annotations"], "mask")]
    parts = [f"{name} {count}" for name, count in report["splits"].items()]
    return ", ".join([*(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts), *parts])


def _category_rows(categories: Iterable[CategoryRecord], counts: Counter[int]) -> list[dict[str, Any]]:
    return [{"id": each.id, "name": each.name, "annotations": counts[each.id]} for each in categories]
