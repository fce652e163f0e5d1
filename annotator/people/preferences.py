"""What people set for themselves at the workbench: the same at every machine they sign in at."""

from __future__ import annotations

import re

from rest_framework import serializers

from annotator.models import User

MOST_COMMANDS = 200
MOST_KEYS = 4
MOST_PROJECTS = 5000
LARGEST_ID = 2**63 - 1
MOST_CATEGORY_KEYS = 1000  # of all projects together


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,19}", text) is not None


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
        if len(categories) > MOST_PROJECTS or not all(map(_is_id, categories)):
            raise serializers.ValidationError(f"At most {MOST_PROJECTS} projects, by their ids.")
        return categories

    def validate_category_keys(self, keys: dict[str, str]) -> dict[str, str]:
        if len(keys) > MOST_CATEGORY_KEYS or not all(map(_is_id, keys)):
            raise serializers.ValidationError(f"At most {MOST_CATEGORY_KEYS} categories, by their ids.")
        return keys

    def validate_keys(self, keys: dict[str, list[str]]) -> dict[str, list[str]]:
        if len(keys) > MOST_COMMANDS or any(len(action) > 40 for action in keys):
            raise serializers.ValidationError(f"At most {MOST_COMMANDS} commands, of 40 characters each.")
        return keys


def preferences_of(user: User) -> dict:
    """All of them; what the person never set, or what no longer fits, is as it usually is."""
    form = PreferencesSerializer(data=user.preferences)
    if not form.is_valid():
        form = PreferencesSerializer(data={})
        form.is_valid(raise_exception=True)
    return form.validated_data
