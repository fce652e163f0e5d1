"""How the log says things: one line for what only a sender did wrong."""

from __future__ import annotations

import logging


class OneLineFormatter(logging.Formatter):
    """Without tracebacks: a wrong Host header, a forged form and the like come by the thousand from the Internet, and
    where in Django they were noticed tells nobody anything."""

    def formatException(self, info: object) -> str:  # noqa: N802  # logging's name
        return ""

    def format(self, record: logging.LogRecord) -> str:
        # What a sender wrote must not look like lines of ours.
        text = super().format(logging.makeLogRecord(record.__dict__ | {"exc_info": None, "exc_text": None}))
        return text.replace("\r", "\\r").replace("\n", "\\n")
