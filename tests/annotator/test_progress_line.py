from __future__ import annotations

import io

from django.core.management.base import OutputWrapper

from annotator.management.progress import DownloadLine, ProgressLine


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


def test_a_log_hears_at_once_that_a_download_waits_and_that_it_goes_on():
    log = io.StringIO()
    line = DownloadLine(OutputWrapper(log))
    line.progress(7_000_000, 120_000_000)  # too soon for another line
    line.wait("connection lost, trying again in 2 s")
    line.progress(7_000_000, 120_000_000)
    line.progress(7_000_000, 120_000_000)
    line.wait("")
    line.progress(8_000_000, 120_000_000)
    assert log.getvalue() == "7 of 120 MB; connection lost, trying again in 2 s\n8 of 120 MB\n"
