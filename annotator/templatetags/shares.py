"""`{% percent part whole %}` for the width of a bar; `{{ seconds|duration_short }}`, `{{ ms|image_time }}`,
`{{ bytes|file_size }}`, `{{ time|ago }}`, `{{ number|grouped }}` and `{{ memberships|people }}` in words.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.timesince import timesince

from annotator import durations
from annotator.models import Membership
from annotator.site.words import file_size, image_time

register = template.Library()
register.filter(image_time)
register.filter(file_size)


@register.simple_tag
def percent(part: int, whole: int) -> str:
    """0 to 100 with two digits, e.g. "66.67"; "0" of nothing."""
    return f"{100 * part / whole:.2f}" if whole else "0"


@register.filter
def duration_short(seconds: float | None) -> str:
    """ "42 s", "5 min", "3 h 20 min"."""
    if seconds is None:
        return "–"
    return durations.short(seconds)


@register.filter
def grouped(number: int) -> str:
    """ "1,234,567"."""
    return f"{number:,}"


@register.filter
def ago(time: datetime) -> str:
    """ "just now", "5 minutes ago"."""
    seconds = (timezone.now() - time).total_seconds()
    return "just now" if seconds < 60 else f"{timesince(time, depth=1)} ago"


@register.filter
def people(memberships: Iterable[Membership]) -> str:
    """ "alice (manager), bob (annotator)"."""
    return ", ".join(f"{member.user.get_username()} ({member.role})" for member in memberships)
