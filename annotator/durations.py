"""Stretches of time in words."""

from __future__ import annotations


def short(seconds: float) -> str:
    """ "42 s", "5 min", "3 h 20 min"."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
