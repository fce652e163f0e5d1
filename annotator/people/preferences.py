"""What people set for themselves at the workbench: the same at every machine they sign in at."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from django.db import transaction
from rest_framework import serializers

from annotator.models import User
from annotator.models.limits import LARGEST_ID

MOST_COMMANDS = 200
MOST_KEYS = 4
MOST_PROJECTS = 5000
MOST_CATEGORY_KEYS = 1000  # of all projects together
Rows = TypeVar("Rows", bound=dict[str, Any])


def _by_ids(rows: Rows, most: int, what: str) -> Rows:
    """`rows`, whose keys are ids. Raises ValidationError where they are not, or too many."""
    if len(rows) > most or not all(re.fullmatch(r"[0-9]{1,19}", key) for key in rows):
        raise serializers.ValidationError(f"At most {most} {what}, by their ids.")
    return rows


class PreferencesSerializer(serializers.Serializer):
    accept_on_leave = serializers.BooleanField(
        default=True, help_text="A decent mask that is open is accepted when its image is left."
    )
    far_click_accepts = serializers.BooleanField(
        default=False, help_text="A click far from a finished mask accepts it and begins the next object."
    )
    quick_mode = serializers.BooleanField(default=False, help_text="One click or box is one saved mask.")
    filmstrip = serializers.BooleanField(
        default=True, help_text="A strip of the images' thumbnails, in a window that has room for it."
    )
    refine_automatically = serializers.BooleanField(
        default=False,
        help_text="Zoomed in on an image of more than 2 megapixels, prompts are answered at full resolution.",
    )
    keys = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=40), max_length=MOST_KEYS),
        default=dict,
        help_text="The person's own keys of the workbench, by command.",
    )

    category_keys = serializers.DictField(
        child=serializers.CharField(max_length=40),
        default=dict,
        help_text="Keys of the person's own that pick categories, by the category's id.",
    )

    last_categories = serializers.DictField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID),
        default=dict,
        help_text="The category that the person used last, by the project's id.",
    )

    def validate_last_categories(self, categories: dict[str, int]) -> dict[str, int]:
        return _by_ids(categories, MOST_PROJECTS, "projects")

    def validate_category_keys(self, keys: dict[str, str]) -> dict[str, str]:
        return _by_ids(keys, MOST_CATEGORY_KEYS, "categories")

    def validate_keys(self, keys: dict[str, list[str]]) -> dict[str, list[str]]:
        if len(keys) > MOST_COMMANDS or any(len(action) > 40 for action in keys):
            raise serializers.ValidationError(f"At most {MOST_COMMANDS} commands, of 40 characters each.")
        return keys


def change(user: User, changes: Any) -> dict[str, Any]:
    """Sets some of them, and leaves the others as they are, which another tab may have set; all of them, then.

    Args:
        changes: by the serializer's names. `last_categories` is for the projects that it names.

    Raises:
        ValidationError: a value is refused; nothing is changed.
    """
    form = PreferencesSerializer(data=changes, partial=True)
    form.is_valid(raise_exception=True)
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=user.pk)
        before = preferences_of(row)
        wanted = before | form.validated_data
        wanted["last_categories"] = before["last_categories"] | wanted["last_categories"]
        whole = PreferencesSerializer(data=wanted)
        whole.is_valid(raise_exception=True)
        User.objects.filter(pk=user.pk).update(preferences=whole.validated_data)
    return whole.validated_data


def preferences_of(user: User) -> dict:
    """All of them; what the person never set, or what no longer fits, is as it usually is."""
    form = PreferencesSerializer(data=user.preferences)
    if not form.is_valid():
        form = PreferencesSerializer(data={})
        form.is_valid(raise_exception=True)
    return form.validated_data
