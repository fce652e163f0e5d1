"""Times and sizes in words, for pages and sentences."""

from __future__ import annotations

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def image_time(milliseconds: float | None) -> str:
    """ "780 ms", "2.2 s", "45 s"; "–" where nobody has measured it."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def file_size(count: int | None) -> str:
    """ "375 MB", "7.5 MB", "1.2 GB": powers of ten, as publishers and the command line say it."""
    if count is None:
        return "–"
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            value = count / size
            return (
                f"{value:.1f}{NO_BREAK_SPACE}{unit}" if value < 100 else f"{value:.0f}{NO_BREAK_SPACE}{unit}"
            )
    return f"{count}{NO_BREAK_SPACE}bytes"
