from __future__ import annotations

import io

from django.core.management.base import OutputWrapper

from annotator.management.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_each_count_takes_the_place_of_the_one_before(monkeypatch):
    monkeypatch.setattr("annotator.management.progress.TERMINAL_INTERVAL_S", 0.0)
    terminal = Terminal()
    progress = ProgressLine(OutputWrapper(terminal))
    progress.show("9 of 10")
    progress.show("10 of 10")
    progress.show("done")
    progress.clear()
    assert terminal.getvalue() == "\r9 of 10\r10 of 10\rdone    \r    \r"


def test_a_log_gets_whole_lines(monkeypatch):
    monkeypatch.setattr("annotator.management.progress.LOG_INTERVAL_S", 0.0)
    log = io.StringIO()
    progress = ProgressLine(OutputWrapper(log))
    progress.show("1 of 2")
    progress.show("2 of 2")
    progress.clear()
    assert log.getvalue() == "1 of 2\n2 of 2\n"
