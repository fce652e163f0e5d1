"""Why a project's category stays."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class CategoryInUse(MaskwrightError):
    code = "category_in_use"
    status = 409
