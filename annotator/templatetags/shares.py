"""`{% share part whole %}`: 0 to 1, written for a data attribute."""

from __future__ import annotations

from django import template

register = template.Library()


@register.simple_tag
def share(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else "0"
