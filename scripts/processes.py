"""The site's processes: started in groups of their own, watched, and stopped to the last child."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scripts.console import say

MAX_LOG_BYTES = 10_000_000
RESTART_DELAYS_S = (1, 2, 4, 8, 15, 30)
# One that ran this long was well; its next death starts the delays from the beginning.
HEALTHY_AFTER_S = 60
POLL_INTERVAL_S = 0.2
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass
class Child:
    """One process and its log file.

    Attributes:
        stop_grace_s: how long it may take to end after SIGTERM before its whole group is killed.
    """

    title: str
    command: list[str]
    log: Path
    cwd: Path
    env: dict[str, str]
    stop_grace_s: float = 10.0
    process: subprocess.Popen | None = None
    started_at: float = 0.0
    deaths: int = 0
    start_at: float = field(default=0.0)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.shorten_log()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Its own session: the terminal's Ctrl-C reaches only us, and we stop it in order.
                start_new_session=True,
                preexec_fn=_stop_with_parent if sys.platform == "linux" else None,
            )
        self.started_at = time.monotonic()

    def shorten_log(self) -> None:
        """Puts a log that grew too long aside, and goes on in an empty one. The process appends, so it need not know.

        What it writes between the copy and the cut is lost: a moment of log, where a full disk would lose more.
        """
        with contextlib.suppress(OSError):  # none so far, or no room for the copy: then the log is cut off
            if self.log.stat().st_size <= MAX_LOG_BYTES:
                return
            with contextlib.suppress(OSError):
                shutil.copyfile(self.log, self.log.with_suffix(".1.log"))
            os.truncate(self.log, 0)

    def exit_code(self) -> int | None:
        return self.process.poll() if self.process else None

    def signal(self, number: int, *, group: bool = False) -> None:
        if self.process is None:
            return
        # The group's id is the process's: it leads its session.
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.process.pid, number)

    def log_tail(self, lines: int = 15) -> str:
        try:
            with open(self.log, "rb") as log:
                log.seek(max(0, self.log.stat().st_size - 20_000))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(f"      {line}" for line in text.splitlines()[-lines:])


def watch(children: list[Child], stopping: Callable[[], bool]) -> None:
    """Until `stopping()`: says of each child that ends how it ended, and starts it again; keeps the logs short."""
    while not stopping():
        now = time.monotonic()
        for child in children:
            child.shorten_log()
            if child.process is None:
                if now >= child.start_at:
                    child.start()
                continue
            code = child.exit_code()
            if code is None:
                continue
            child.signal(signal.SIGKILL, group=True)  # children it may have left behind
            child.deaths = 1 if now - child.started_at > HEALTHY_AFTER_S else child.deaths + 1
            delay_s = RESTART_DELAYS_S[min(child.deaths, len(RESTART_DELAYS_S)) - 1]
            child.process, child.start_at = None, now + delay_s
            say(
                f"  !!  The {child.title} ended ({describe_exit(code)}); it starts again in {delay_s} s. "
                f"Log: {child.log}"
            )
        time.sleep(POLL_INTERVAL_S)


def stop(children: list[Child], force: Callable[[], bool]) -> None:
    """SIGTERM to each, SIGKILL to the groups of those still there after their grace or at once when `force()`."""
    running = [child for child in children if child.process is not None]
    for child in running:
        child.signal(signal.SIGTERM)
    deadline = time.monotonic() + max((child.stop_grace_s for child in running), default=0)
    while any(child.exit_code() is None for child in running):
        if force() or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    for child in running:
        child.signal(signal.SIGKILL, group=True)
        child.process.wait()
        child.process = None


def describe_exit(code: int) -> str:
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"exit code {code}"


def _stop_with_parent() -> None:
    """Linux sends SIGTERM when the parent dies, even by SIGKILL: no orphan holds the port or the queue."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
