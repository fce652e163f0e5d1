"""How values look in the admin's lists."""

from __future__ import annotations

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

# State -> (sign, CSS class): the colour is never the only sign.
STATES = {
    "queued": ("◷", "waiting"),
    "running": ("◌", "working"),
    "ready": ("✓", "good"),
    "failed": ("▲", "bad"),
    "cancelled": ("×", "waiting"),
    "missing": ("–", "waiting"),
    "not_started": ("○", "waiting"),
    "in_progress": ("◐", "working"),
    "done": ("✓", "good"),
    "skipped": ("⊘", "waiting"),
    "live": ("✓", "good"),
    "deleted": ("×", "waiting"),
}
UNITS = ("bytes", "kB", "MB", "GB", "TB")


def state_badge(state: str) -> SafeString:
    sign, css_class = STATES.get(state, ("", "waiting"))
    return format_html('<span class="state state-{}">{} {}</span>', css_class, sign, state.replace("_", " "))


def swatch(color: str, text: str) -> SafeString:
    return format_html('<span class="swatch" style="background:{}"></span> {}', color, text)


def picture(url: str, alt: str) -> SafeString:
    return format_html('<img class="admin-thumbnail" loading="lazy" src="{}" alt="{}">', url, alt)


def link_to(row: Model | None, text: str | None = None) -> SafeString:
    """A link to the admin page of a row; a dash for None."""
    if row is None:
        return format_html("–")
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, text or str(row))


def link_to_list(model: str, text: object, **filters: object) -> SafeString:
    """A link to a model's filtered list, so that every figure leads to the rows behind it."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return format_html('<a href="{}?{}">{}</a>', reverse(f"admin:annotator_{model}_changelist"), query, text)


def size(size_bytes: int | None) -> str:
    """`3.1 MB`, in powers of 1000 as file managers show it."""
    if size_bytes is None:
        return "–"
    value, unit = float(size_bytes), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {UNITS[unit]}" if unit == 0 or value >= 100 else f"{value:.1f} {UNITS[unit]}"


def figure(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
