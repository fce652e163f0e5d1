"""A dataset's files are looked through before anything of them comes in: what is new, what is here, what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from annotator.datasets.category_names import MOST_CHARACTERS, key_of, key_of_name, same_names
from annotator.datasets.errors import ImageRefused
from annotator.datasets.incoming import sort_out
from annotator.datasets.matching import KnownImages, repeated_names
from annotator.models import Image, Import, Project
from annotator.site.plain_text import sayable, sayable_values
from exporters.errors import ExportError, UnreadableFile
from exporters.format import Format
from exporters.reading import ReadReport, Refusal
from exporters.records import CategoryRecord, DatasetRecord, ImageRecord
from exporters.registry import find_format, import_formats, recognised
from exporters.source import Source, is_picture, why_unreadable
from exporters.steps import Progress, Steps

PROBLEMS_SHOWN = 100
IMPORTS_LOOKED_AT = 50  # for what was chosen before
NAMES_SHOWN = 20
NEW, SKIP = "new", "skip"


@dataclass
class Examined:
    """What was found.

    Attributes:
        found: figures and rows for people, as JSON.
        mapping: the file's category id, as text -> primary key of the project's category of that name, or "new".
        problems: all of them.
    """

    format: str
    found: dict[str, Any]
    mapping: dict[str, int | str]
    problems: list[Refusal]


@dataclass
class _Figures:
    images: Counter[str] = field(default_factory=Counter)
    annotations: Counter[str] = field(default_factory=Counter)
    new_by_category: Counter[int] = field(default_factory=Counter)
    here_by_category: Counter[int] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    problems: list[Refusal] = field(default_factory=list)


def examine(
    source: Source,
    project: Project,
    *,
    format: str = "",
    match: str = "name",
    new_images: bool = True,
    progress: Progress | None = None,
) -> Examined:
    """Reads all of a dataset and writes nothing.

    Args:
        format: "": the one that the files look like.
        match, new_images: as `Import` has them.
        progress: called again and again; what it raises stops the examination.

    Raises:
        ExportError: no such format, or the files are not of it.
    """
    name, row = format_of(source, format)
    report = ReadReport()
    dataset = _read(row, source, report)
    steps = Steps(progress, 2 * dataset.image_count)
    repeated = repeated_names(_counted(dataset.images, steps))
    known = KnownImages(project, match, repeated, looks_at_pixels=True)
    mapping = propose(project, dataset.categories)
    # Those that become one new category are one already.
    categories = {
        row.id: f"{NEW} {key_of(row)}" if mapping[str(row.id)] == NEW else mapping[str(row.id)]
        for row in dataset.categories
    }
    trashed = set(
        Image.with_deleted.filter(project=project, deleted_at__isnull=False).values_list("digest", flat=True)
    )
    figures = _Figures()
    for image in _counted(dataset.images, steps):
        try:
            if image.digest and image.digest in trashed:
                raise ImageRefused("image_in_trash", "the image is in the project's trash; restore it there")
            _look_at(image, known, categories, new_images, figures)
        except ImageRefused as refused:
            figures.images["refused"] += 1
            figures.annotations["unplaced"] += len(list(image.annotations))
            figures.problems.append(Refusal(f"image {image.file_name}", refused.reason, refused.message))
    steps.finish()
    problems = [
        Refusal(sayable(each.place), each.code, sayable(each.message))
        for each in (*report.refusals, *_merged(dataset.categories), *figures.problems)
    ]
    found = {
        "title": row.title,
        "images": {key: figures.images[key] for key in ("new", "known", "missing", "not_wanted", "refused")},
        "annotations": {key: figures.annotations[key] for key in ("new", "here", "boxes", "unplaced")},
        "categories": [
            {
                "id": category.id,
                "name": category.name,
                "supercategory": category.supercategory,
                "color": category.color,
                "new": figures.new_by_category[category.id],
                "here": figures.here_by_category[category.id],
            }
            for category in dataset.categories
        ],
        "missing": figures.missing,
        "repeated_names": repeated,
        "problems": problems_in_short(problems),
    }
    return Examined(name, sayable_values(found), mapping, problems)


def format_of(source: Source, name: str) -> tuple[str, Format]:
    """The format of that name, or the one that the files look like.

    Raises:
        ExportError: there is none.
    """
    formats = import_formats()
    name = name or recognised(source) or ""
    if not name:
        if fault := why_unreadable(source):
            raise UnreadableFile(fault)
        if source.names and all(is_picture(each) for each in source.names):
            raise UnreadableFile(
                "only pictures, no annotations: these belong on the images page; if they are masks, choose a format"
            )
        titles = ", ".join(row.title for row in formats.values())
        raise UnreadableFile(
            f"the files look like no format that can be read ({titles}); choose one if they are of it"
        )
    if name not in formats:
        find_format(name)
        raise UnreadableFile(f"{find_format(name).title} can be exported but not imported")
    return name, formats[name]


def problems_in_short(problems: list[Refusal]) -> dict[str, Any]:
    codes = Counter(problem.code for problem in problems)
    return {
        "count": len(problems),
        "codes": [{"code": code, "count": count} for code, count in codes.most_common()],
        "shown": [
            {"place": problem.place, "code": problem.code, "message": problem.message}
            for problem in problems[:PROBLEMS_SHOWN]
        ],
    }


def propose(project: Project, categories: Iterable[CategoryRecord]) -> dict[str, int | str]:
    """What was chosen for a category of that name in an import before, or the project's category of the same name;
    else a new one. Small and capital letters are no difference. So the same file a second time changes nothing."""
    own = {name.casefold(): pk for pk, name in project.categories.values_list("pk", "name")}
    known = own | _chosen_before(project, {*own.values(), SKIP})
    return {str(category.id): known.get(key_of(category), NEW) for category in categories}


def _chosen_before(project: Project, targets: Collection[int | str]) -> dict[str, int | str]:
    """Key of a file's category -> what it became in the latest import that came in, where that is one of `targets`."""
    done = Import.objects.filter(project=project, step=Import.Step.IMPORT, state=Import.State.READY)
    rows = done.order_by("-created_at", "-pk").values_list("mapping", "found")[:IMPORTS_LOOKED_AT]
    chosen: dict[str, int | str] = {}
    for mapping, found in reversed(rows):
        for category in found["categories"] if found else ():
            target = mapping.get(str(category["id"]))
            if target in targets:
                chosen[key_of_name(category["name"], category["id"])] = target
    return chosen


def _merged(categories: Iterable[CategoryRecord]) -> list[Refusal]:
    """What is to be said of categories that come in as one."""
    return [
        Refusal(
            f"category {row.name!r:.200} (id {row.id})",
            "category_merged",
            f"becomes one with {other.name!r:.200}: a project's categories differ in more than capital letters and "
            f"spaces, within {MOST_CHARACTERS} characters; to keep the two apart, choose another one for one of them",
        )
        for row, other in same_names(categories)
    ]


def _read(row: Format, source: Source, report: ReadReport) -> DatasetRecord:
    if row.read is None:
        raise ExportError(f"{row.title} cannot be read")
    return row.read(source, report)


def _look_at(
    image: ImageRecord, known: KnownImages, categories: dict, new_images: bool, figures: _Figures
) -> None:
    """Counts one image with its annotations. Raises ImageRefused."""
    found = known.find(image)
    records = list(image.annotations)
    if found is None and (image.open is None or not new_images):
        kind = "missing" if image.open is None else "not_wanted"
        figures.images[kind] += 1
        figures.annotations["unplaced"] += len(records)
        if kind == "missing" and len(figures.missing) < NAMES_SHOWN:
            figures.missing.append(image.file_name)
        return
    figures.images["known" if found else "new"] += 1
    sorted_out = sort_out(found.id if found else None, records, categories)
    for _, _, record in sorted_out.new:
        figures.annotations["new"] += 1
        figures.annotations["boxes"] += record.is_box
        figures.new_by_category[record.category_id] += 1
    for record in sorted_out.here:
        figures.annotations["here"] += 1
        figures.here_by_category[record.category_id] += 1
    for record in sorted_out.differing:
        place = f"image {image.file_name}, annotation {record.id}"
        message = "the project has it with another mask or category; it stays as it is there"
        figures.problems.append(Refusal(place, "annotation_differs", message))
    for record in sorted_out.repeated:
        place = f"image {image.file_name}, annotation {record.id}"
        figures.problems.append(
            Refusal(place, "annotation_twice", "an earlier one has the same category and mask")
        )


def _counted(images: Iterable[ImageRecord], steps: Steps) -> Iterable[ImageRecord]:
    for image in images:
        yield image
        steps.advance()
