"""Ports for the processes that tests start."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port of this machine on which nothing listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
