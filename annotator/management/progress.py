"""One line that counts, on a terminal; a line now and then elsewhere, so that a log stays short."""

from __future__ import annotations

import math
import shutil
import time

from django.core.management.base import OutputWrapper

TERMINAL_INTERVAL_S = 0.1
LOG_INTERVAL_S = 10.0


class ProgressLine:
    """Shows `text` at most every so often; `clear` makes room for another line."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._interval_s = TERMINAL_INTERVAL_S if self._is_terminal else LOG_INTERVAL_S
        self._shown_at_s = time.monotonic()
        self._width = 0

    def show(self, text: str) -> None:
        now_s = time.monotonic()
        if now_s - self._shown_at_s < self._interval_s:
            return
        self._shown_at_s = now_s
        if self._is_terminal:
            # What is longer than the terminal's line would stay when the next text is written over it.
            text = text[: shutil.get_terminal_size().columns - 1]
            self._stream.write(f"\r{text.ljust(self._width)}", ending="")
            self._width = len(text)
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def hurry(self) -> None:
        """The next text is shown at once."""
        self._shown_at_s = -math.inf

    def clear(self) -> None:
        """Makes room for another line."""
        if self._is_terminal and self._width:
            self._stream.write(f"\r{' ' * self._width}\r", ending="")
            self._stream.flush()
            self._width = 0


class DownloadLine(ProgressLine):
    """How far a download is, and what it waits for while nothing comes."""

    def __init__(self, stream: OutputWrapper) -> None:
        super().__init__(stream)
        self._waits_for = ""

    def wait(self, text: str) -> None:
        """Is told what the download waits for; "": for nothing any more."""
        if bool(text) != bool(self._waits_for):
            self.hurry()
        self._waits_for = text

    def progress(self, done: int, total: int | None) -> None:
        self.show(f"{megabytes(done, total)}{'; ' if self._waits_for else ''}{self._waits_for}")


def megabytes(done: int, total: int | None) -> str:
    """How far a download is: "12 of 375 MB"; without the total where nobody knows it."""
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else f"{done / 1e6:.0f} MB"
