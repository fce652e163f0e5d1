"""`{% percent part whole %}`: how much of something is done, for the width of a bar."""

from __future__ import annotations

from django import template

register = template.Library()


@register.simple_tag
def percent(part: int, whole: int) -> str:
    """0 to 100 with two digits, e.g. "66.67"; "0" of nothing."""
    return f"{100 * part / whole:.2f}" if whole else "0"
