"""Rules of a project's categories: names and COCO ids are unique in it, and a category in use stays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count as count_from
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone

from annotator.errors import InvalidValue
from annotator.models import Annotation, Category, Project, User
from annotator.models.limits import LARGEST_INTEGER
from annotator.projects.errors import CategoryInUse
from annotator.projects.palette import next_color


def create_category(
    project: Project,
    *,
    name: str,
    coco_id: int | None = None,
    color: str | None = None,
    supercategory: str = "",
    position: int | None = None,
) -> Category:
    """Adds a category; COCO id, position and color follow the ones there are where they are not given.

    Raises:
        InvalidValue: name or COCO id are taken in this project.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        last = project.categories.aggregate(coco_id=Max("coco_id"), position=Max("position"))
        count = project.categories.count()
        category = Category(
            project=project,
            name=name,
            coco_id=coco_id
            or _free_coco_id(
                last["coco_id"] or 0, lambda: set(project.categories.values_list("coco_id", flat=True))
            ),
            color=color or next_color(list(project.categories.values_list("color", flat=True))),
            supercategory=supercategory,
            # At the largest position, what comes later follows by its key.
            position=position
            if position is not None
            else min(LARGEST_INTEGER, (-1 if count == 0 else last["position"]) + 1),
        )
        return _save_category(category)


def create_many(project: Project, rows: Sequence[Mapping[str, Any]]) -> list[Category]:
    """Adds categories in their order, all of them or none, in one write however many there are.

    Args:
        rows: name, and where it is known supercategory, color and coco_id of each. An id that is taken is exchanged.

    Raises:
        InvalidValue: a name is taken in this project, or comes twice.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        own = list(project.categories.all())
        names = {category.name.casefold() for category in own}
        colors = [category.color for category in own]
        taken = {category.coco_id for category in own}
        last = max(taken, default=0)
        position = max((category.position for category in own), default=-1)
        made = []
        for number, row in enumerate(rows, 1):
            if row["name"].casefold() in names:
                raise InvalidValue.of_field("name", f"This project already has a category {row['name']}.")
            names.add(row["name"].casefold())
            colors.append(row.get("color") or next_color(colors))
            coco_id: int | None = row.get("coco_id")
            if coco_id is None or not 1 <= coco_id <= LARGEST_INTEGER or coco_id in taken:
                coco_id = _free_coco_id(last, lambda: taken)
            taken.add(coco_id)
            last = max(last, coco_id)
            made.append(
                Category(
                    project=project,
                    name=row["name"],
                    coco_id=coco_id,
                    color=colors[-1],
                    supercategory=row.get("supercategory", ""),
                    position=min(LARGEST_INTEGER, position + number),
                )
            )
        try:
            with transaction.atomic():
                return Category.objects.bulk_create(made, batch_size=500)
        except IntegrityError as error:
            raise _taken_meanwhile() from error


def add_list(project: Project, rows: Sequence[Mapping[str, str]]) -> tuple[list[Category], list[str]]:
    """Adds categories in the order of a list, all of them or, where one is refused, none.

    Args:
        rows: name and, where there is one, supercategory of each.

    Returns:
        The new categories, and the names that were left out: the project has them, or the list had them before.

    Raises:
        InvalidValue: as `create_category`.
    """
    new, left_out = [], []
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        taken = {name.casefold() for name in project.categories.values_list("name", flat=True)}
        for row in rows:
            if row["name"].casefold() in taken:
                left_out.append(row["name"])
                continue
            taken.add(row["name"].casefold())
            new.append(row)
        return create_many(project, new), left_out


def update_category(category: Category, **changes: Any) -> Category:
    """Changes columns of a category. Raises InvalidValue as `create_category`."""
    for name, value in changes.items():
        setattr(category, name, value)
    with transaction.atomic():
        # Only what was asked for: two changes of different columns at one time must not undo each other.
        return _save_category(category, update_fields=list(changes))


def delete_category(category: Category, *, move_to: int | None = None, by: User | None = None) -> None:
    """Deletes a category.

    Args:
        move_to: the category that its annotations get, deleted ones too; None: no annotation may have it.
        by: who moves them.

    Raises:
        CategoryInUse: annotations have it, and they are not to be moved.
        InvalidValue: `move_to` is no other category of the project.
    """
    with transaction.atomic():
        Category.objects.select_for_update().get(pk=category.pk)
        if move_to is not None:
            others = Category.objects.filter(project=category.project_id).exclude(pk=category.pk)
            if not others.filter(pk=move_to).exists():
                raise InvalidValue.of_field("move_to", "This is no other category of the project.")
            moved = Annotation.objects.filter(category=category)
            moved.live().update(
                category=move_to, version=F("version") + 1, updated_at=timezone.now(), updated_by=by
            )
            # Who deleted a mask, and when, stays as it is.
            moved.filter(category=category).update(category=move_to, version=F("version") + 1)
        having_it = Annotation.objects.filter(category=category)
        in_use = having_it.count()
        if in_use:
            # Those could not come back without their category.
            in_trash = in_use - having_it.live().on_live_images().count()
            also = f" ({in_trash} in the trash)" if in_trash else ""
            has_others = Category.objects.filter(project=category.project_id).exclude(pk=category.pk).exists()
            advice = "Give them another one." if has_others else "Add another category, which they can get."
            raise CategoryInUse(
                f"{in_use} mask{'' if in_use == 1 else 's'}{also} {'has' if in_use == 1 else 'have'} the category "
                f"{category.name}. {advice}"
            )
        category.delete()


def _free_coco_id(last: int, taken: Callable[[], Collection[int]]) -> int:
    """After the last one; the first free one where the last is as large as the column can hold."""
    if last < LARGEST_INTEGER:
        return last + 1
    known = taken()
    return next(number for number in count_from(1) if number not in known)


def _taken_meanwhile() -> InvalidValue:
    return InvalidValue.of_field("name", "Name or COCO id were taken at this moment; look again.")


def _save_category(category: Category, update_fields: list[str] | None = None) -> Category:
    others = Category.objects.filter(project=category.project_id).exclude(pk=category.pk)
    if others.filter(name__iexact=category.name).exists():
        raise InvalidValue.of_field("name", f"This project already has a category {category.name}.")
    if others.filter(coco_id=category.coco_id).exists():
        raise InvalidValue.of_field(
            "coco_id", f"This project already has a category with COCO id {category.coco_id}."
        )
    try:
        with transaction.atomic():
            category.save(update_fields=update_fields)
    except IntegrityError as error:
        raise _taken_meanwhile() from error
    return category
