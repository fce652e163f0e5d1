"""Deleting a row together with what belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest


class DeletesWhatBelongsToIt(admin.ModelAdmin):
    """Whoever may delete a row may delete what belongs to it.

    Django asks for the right to delete every kind of row that goes along, one by one. Here some of them (an image's
    embedding job) can never be deleted by themselves, and categories in use only together with their annotations.
    """

    def get_deleted_objects(
        self, objs: Sequence[Model] | QuerySet[Model], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        to_delete, counts, _, _ = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), []
