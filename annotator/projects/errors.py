"""Why a category stays, and why nothing is done to many images."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class CategoryInUse(MaskwrightError):
    code = "category_in_use"
    status = 409


class FoundChanged(MaskwrightError):
    """Filters find another number of images than the person has seen."""

    code = "found_changed"
    status = 409
