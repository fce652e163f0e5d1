"""The orders in which a project's images can be listed, and an image's neighbours in such a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Case, F, Max, Model, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest

from annotator.models import Annotation, Image
from annotator.models.figures import count_per_row

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Order:
    title: str
    fields: tuple[str, ...]
    needs: Callable[[], dict[str, Any]] = dict  # annotations that the fields name


def _state_rank() -> dict[str, Any]:
    ranks = [When(state=state, then=Value(rank)) for rank, state in enumerate(Image.State.values)]
    return {"state_rank": Case(*ranks)}


def _mask_count() -> dict[str, Any]:
    return {"mask_count": count_per_row(Annotation.objects.live(), "image")}


def _changed_at() -> dict[str, Any]:
    masks = Annotation.objects.filter(image=OuterRef("pk")).order_by().values("image")
    latest = Subquery(masks.annotate(latest=Max("updated_at")).values("latest"))
    return {"changed_at": Greatest(F("updated_at"), Coalesce(latest, F("updated_at")))}


_AS_UPLOADED = ("position", "name_key", "pk")
ORDERS = {
    "": Order("In upload order", _AS_UPLOADED),
    "name": Order("By name", ("name_key", "pk")),
    "-created_at": Order("Newest first", ("-created_at", "-pk")),
    "state": Order("By state", ("state_rank", *_AS_UPLOADED), _state_rank),
    "-masks": Order("Most masks first", ("-mask_count", *_AS_UPLOADED), _mask_count),
    "masks": Order("Fewest masks first", ("mask_count", *_AS_UPLOADED), _mask_count),
    "-changed_at": Order("Last changed first", ("-changed_at", "-pk"), _changed_at),
}


@dataclass(frozen=True)
class Neighbours:
    """Primary keys of the images around one. `next_open` is the first one after it that is open
    (neither done nor skipped), or else of all.
    """

    previous: int | None
    next: int | None
    next_open: int | None
    position: int
    total: int


def in_order(rows: QuerySet[Row], order: Order) -> QuerySet[Row]:
    return rows.annotate(**order.needs()).order_by(*order.fields)


def neighbours(rows: QuerySet[Image], image: Image, order: Order) -> Neighbours:
    """Where an image stands in a list, even if the list no longer holds it: marking it done may have taken it out."""
    listed = in_order(rows, order)
    place = in_order(Image.objects.filter(pk=image.pk), order).get()
    before = listed.filter(_beyond(place, order.fields, is_forwards=False))
    after = listed.filter(_beyond(place, order.fields, is_forwards=True))
    is_open = ~Q(state__in=Image.FINISHED)
    next_open = after.filter(is_open).first() or listed.filter(is_open).exclude(pk=image.pk).first()
    previous, following = before.reverse().first(), after.first()
    before_count, after_count = before.count(), after.count()
    is_listed = listed.filter(pk=image.pk).exists()
    return Neighbours(
        previous=previous.pk if previous else None,
        next=following.pk if following else None,
        next_open=next_open.pk if next_open else None,
        position=before_count + is_listed,
        total=before_count + is_listed + after_count,
    )


def _beyond(place: Image, fields: tuple[str, ...], *, is_forwards: bool) -> Q:
    """What comes after (or before) a row: it is beyond in one field and equal in those before that field."""
    beyond, equal = Q(), Q()
    for field in fields:
        name = field.removeprefix("-")
        value = getattr(place, name)
        is_greater = is_forwards != field.startswith("-")
        beyond |= equal & Q(**{f"{name}__{'gt' if is_greater else 'lt'}": value})
        equal &= Q(**{name: value})
    return beyond
