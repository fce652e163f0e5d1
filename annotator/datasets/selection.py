"""What of a project an export holds: a checked description, stored with the export so that it can be repeated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q

from annotator.errors import InvalidValue
from annotator.models import Annotation, Bundle, Category, Image, Project, User
from annotator.models.annotation import AnnotationQuerySet
from annotator.models.image import ImageQuerySet
from exporters.records import CategoryRecord
from exporters.shares import Shares

# Of a stored row and of a request, beside the format's options.
STATES, SELECTION = "states", "selection"


class SplitBy(models.TextChoices):
    NONE = "none", "No parts"
    IMAGE = "image", "Image by image"
    CATEGORY = "category", "The same share of every category"
    UPLOAD = "upload", "What was uploaded together stays together"


@dataclass(frozen=True)
class CategoryChoice:
    """A category that is exported: the key of its row, and the name that it gets, "" for its own."""

    id: int
    name: str = ""


@dataclass(frozen=True)
class Split:
    by: SplitBy = SplitBy.NONE
    shares: Shares = Shares()
    seed: int = 0


@dataclass(frozen=True)
class Selection:
    """What is exported. The default is everything, as it is.

    Attributes:
        states: only images in one of these; empty: all.
        authors: user names; only their annotations; empty: everybody's.
        bundles: digests; only annotations that these models drew, "" for those that none drew; empty: all.
        created_from, created_until: when an annotation was made; the second moment itself is not in it.
        min_area_px: smaller masks are left out.
        min_predicted_iou: masks of which the model thought less are left out. Those that have no estimate, such as
            masks drawn by hand, stay.
        only_annotated: images on which no annotation is left are left out.
        categories: in this order, and no others; two that get one name become one. None: all.
        renumber: ids 1, 2, 3 in their order instead of the project's COCO ids.
    """

    states: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    created_from: dt.datetime | None = None
    created_until: dt.datetime | None = None
    min_area_px: int | None = None
    min_predicted_iou: float | None = None
    only_annotated: bool = False
    categories: tuple[CategoryChoice, ...] | None = None
    renumber: bool = False
    split: Split = field(default_factory=Split)


EVERYTHING = Selection()


@dataclass(frozen=True)
class ExportedCategories:
    """The categories of the file, and the id in it of every category row that is exported."""

    records: tuple[CategoryRecord, ...]
    id_of: Mapping[int, int]


# --- from and to plain values ---


def selection_from(states: Collection[str] | None, chosen: Mapping[str, Any] | None) -> Selection:
    """The selection that plain values describe, as a request or a stored row has them.

    Raises:
        InvalidValue: an unknown state, or shares that do not make 100.
    """
    if unknown := set(states or []) - set(Image.State.values):
        raise InvalidValue(
            f"Unknown image states: {', '.join(sorted(unknown))}.", fields={STATES: ["Unknown state."]}
        )
    values: dict[str, Any] = dict(chosen or {})
    if unknown := set(values) - {each.name for each in fields(Selection)} | {STATES} & set(values):
        raise _refused(min(unknown), f"There is no such choice: {', '.join(sorted(unknown))}.")
    for name in ("created_from", "created_until"):
        if isinstance(values.get(name), str):
            values[name] = dt.datetime.fromisoformat(values[name])
    for name in ("authors", "bundles"):
        values[name] = tuple(sorted(set(values.get(name) or ())))
    if (rows := values.get("categories")) is not None:
        values["categories"] = tuple(CategoryChoice(row["id"], row.get("name") or "") for row in rows)
    split = dict(values.pop("split", None) or {})
    if split:
        shares = {name: split.pop(name) for name in ("train", "val", "test") if name in split}
        try:
            values["split"] = Split(
                by=SplitBy(split.get("by", SplitBy.NONE)), shares=Shares(**shares), seed=split.get("seed", 0)
            )
        except ValueError as error:
            raise InvalidValue.of_field(f"{SELECTION}.split", f"Splits: {error}.") from error
    return Selection(states=tuple(sorted(set(states or ()))), **values)


def stored(selection: Selection) -> dict[str, Any]:
    """The selection as JSON, for a row: `selection_from` reads it. What is as by default is left out."""
    kept: dict[str, Any] = {}
    for name in ("authors", "bundles"):
        kept[name] = list(getattr(selection, name))
    for name in ("created_from", "created_until"):
        moment = getattr(selection, name)
        kept[name] = moment.isoformat() if moment else None
    for name in ("min_area_px", "min_predicted_iou", "only_annotated", "renumber"):
        kept[name] = getattr(selection, name)
    if selection.split.by != SplitBy.NONE:
        kept["split"] = {
            "by": selection.split.by.value,
            **selection.split.shares.by_split,
            "seed": selection.split.seed,
        }
    kept = {name: value for name, value in kept.items() if value not in (None, False, [])}
    if selection.categories is not None:
        kept["categories"] = [
            {"id": row.id} | ({"name": row.name} if row.name else {}) for row in selection.categories
        ]
    return {STATES: list(selection.states)} | ({SELECTION: kept} if kept else {})


def of_row(options: Mapping[str, Any]) -> Selection:
    """The selection in an export's stored options; raises as `selection_from`."""
    return selection_from(options.get(STATES), options.get(SELECTION))


def check(project: Project, selection: Selection) -> None:
    """Whether the selection can be made of this project.

    Raises:
        InvalidValue: a category that is not the project's or comes twice, none at all, an unknown user, an empty time.
    """
    if selection.categories is not None:
        ids = [row.id for row in selection.categories]
        unknown = set(ids) - set(project.categories.filter(pk__in=ids).values_list("pk", flat=True))
        if unknown:
            listed = ", ".join(map(str, sorted(unknown)))
            raise _refused("categories", f"The project has no category {listed}.")
        if len(set(ids)) < len(ids):
            raise _refused("categories", "A category is named twice.")
        if not ids:
            raise _refused("categories", "Choose at least one category.")
    known = set(User.objects.filter(username__in=selection.authors).values_list("username", flat=True))
    if strangers := set(selection.authors) - known:
        raise _refused("authors", f"There is no user {', '.join(sorted(strangers))}.")
    begin, end = selection.created_from, selection.created_until
    if begin and end and begin >= end:
        raise _refused("created_until", "The time ends before it begins.")


def check_of_version(selection: Selection) -> None:
    """Whether the selection can be made of a version, which is exported whole, in parts at most.

    Raises:
        InvalidValue: anything else is chosen.
    """
    if selection.states:
        raise InvalidValue.of_field(STATES, "A version is exported whole; leave it out.")
    if selection.split.by == SplitBy.UPLOAD:
        raise _refused("split", "A version does not know what was uploaded together; choose another split.")
    if replace(selection, split=Split()) != EVERYTHING:
        raise InvalidValue.of_field(SELECTION, "A version is exported whole; only a split can be chosen.")


def _refused(name: str, message: str) -> InvalidValue:
    return InvalidValue.of_field(f"{SELECTION}.{name}", message)


# --- the rows that it means ---


def annotations_in(project: Project, selection: Selection) -> AnnotationQuerySet:
    """The annotations that are wanted, on whatever image of the project."""
    rows = Annotation.objects.live()
    if selection.authors:
        rows = rows.filter(author__username__in=selection.authors)
    if selection.bundles:
        rows = rows.filter(bundle_digest__in=selection.bundles)
    if selection.created_from:
        rows = rows.filter(created_at__gte=selection.created_from)
    if selection.created_until:
        rows = rows.filter(created_at__lt=selection.created_until)
    if selection.min_area_px is not None:
        rows = rows.filter(area__gte=selection.min_area_px)
    if selection.min_predicted_iou is not None:
        rows = rows.filter(Q(predicted_iou__gte=selection.min_predicted_iou) | Q(predicted_iou__isnull=True))
    if selection.categories is not None:
        rows = rows.filter(category__in=[row.id for row in selection.categories])
    return rows


def images_in(project: Project, selection: Selection) -> ImageQuerySet:
    images = Image.objects.filter(project=project)
    if selection.states:
        images = images.filter(state__in=selection.states)
    if selection.only_annotated:
        images = images.filter(Exists(annotations_in(project, selection).filter(image=OuterRef("pk"))))
    return images


def categories_in(project: Project, selection: Selection) -> ExportedCategories:
    """The categories as the file has them. One that was deleted since is left out."""
    own = {category.pk: category for category in project.categories.order_by("coco_id")}
    wanted = [CategoryChoice(pk) for pk in own] if selection.categories is None else selection.categories
    records: dict[str, CategoryRecord] = {}
    id_of: dict[int, int] = {}
    for choice in wanted:
        category: Category | None = own.get(choice.id)
        if category is None:
            continue
        name = choice.name or category.name
        record = records.setdefault(
            name,
            CategoryRecord(
                id=len(records) + 1 if selection.renumber else category.coco_id,
                name=name,
                supercategory=category.supercategory,
                color=category.color,
            ),
        )
        id_of[category.pk] = record.id
    return ExportedCategories(tuple(records.values()), id_of)


# --- in words ---


def words(selection: Selection, version: str = "") -> str:
    """As a list shows it: "images done, masks of bob, 3 categories, train 80 %, val 10 %, test 10 %".

    Args:
        version: the name of the one that is exported; "": none is.
    """
    first = f"version {version}" if version else _images_in_words(selection)
    return ", ".join([first, *_annotations_in_words(selection)])


def _images_in_words(selection: Selection) -> str:
    labels = [Image.State(state).label for state in selection.states if state in Image.State.values]
    return f"images {' or '.join(labels)}" if labels else "all images"


def _annotations_in_words(selection: Selection) -> list[str]:
    said = []
    if selection.only_annotated:
        said.append("with masks only")
    if selection.authors:
        said.append(f"masks of {' and '.join(selection.authors)}")
    if selection.bundles:
        names = dict(Bundle.objects.filter(digest__in=selection.bundles).values_list("digest", "name"))
        models_named = [names.get(digest, digest[:12] or "no model") for digest in selection.bundles]
        said.append(f"drawn with {' or '.join(models_named)}")
    if selection.created_from:
        said.append(f"from {_moment(selection.created_from)}")
    if selection.created_until:
        said.append(f"until {_moment(selection.created_until)}")
    if selection.min_area_px is not None:
        said.append(f"at least {selection.min_area_px} pixels")
    if selection.min_predicted_iou is not None:
        said.append(f"predicted IoU from {selection.min_predicted_iou:g}")
    if selection.categories is not None:
        count = len(selection.categories)
        said.append(f"{count} categor{'y' if count == 1 else 'ies'}")
    if selection.renumber:
        said.append("ids renumbered")
    split = selection.split
    if split.by != SplitBy.NONE:
        parts = [f"{name} {split.shares.by_split[name]} %" for name in split.shares.used]
        said.append(f"{', '.join(parts)} ({split.by.label.lower()}, seed {split.seed})")
    return said


def _moment(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
