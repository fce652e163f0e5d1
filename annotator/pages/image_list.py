"""The list of images that an address asks for by its query: filters and an order, for the gallery and the workbench."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from annotator.api.images import ImageFilter
from annotator.models import Image
from annotator.projects.image_order import ORDERS, Order

# The page's filters -> the API's, which decide what each of them means.
FILTERS = {
    "state": "state",
    "flagged": "flagged",
    "embedding": "embedding_state",
    "search": "search",
    "category": "category",
    "masks": "masks",
    "person": "author",
}


@dataclass(frozen=True)
class ImageList:
    filters: dict[str, str]
    sort: str

    @classmethod
    def asked_by(cls, query: QueryDict) -> Self:
        """An address typed by hand may ask for an order that is none: the images come in the usual one then."""
        sort = query.get("sort", "")
        filters = {name: query.get(name, "").strip() for name in FILTERS}
        return cls(filters, sort if sort in ORDERS else "")

    @property
    def order(self) -> Order:
        return ORDERS[self.sort]

    @property
    def query(self) -> str:
        """The part of an address that asks for this list: "?state=done&sort=name", or nothing."""
        query = QueryDict(mutable=True)
        query.update({name: value for name, value in [*self.filters.items(), ("sort", self.sort)] if value})
        return f"?{query.urlencode()}" if query else ""

    @property
    def api_filters(self) -> dict[str, str]:
        """The filters as the API calls them."""
        return {FILTERS[name]: value for name, value in self.filters.items() if value}

    def filtered(self, rows: QuerySet[Image]) -> QuerySet[Image]:
        """The rows that fit.

        The API refuses a filter that makes no sense; an address typed by hand is shown without it.
        """
        asked = {name: [value] for name, value in self.api_filters.items()}
        wrong = ImageFilter(MultiValueDict(asked), queryset=rows).form.errors
        sensible = {name: values for name, values in asked.items() if name not in wrong}
        return ImageFilter(MultiValueDict(sensible), queryset=rows).qs
