"""An installation with workers that run, and what can be seen and done from outside."""

from __future__ import annotations

import base64
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from tests.annotator.world import ROOT, Installation, encode_image

WAIT_S = 60


class Site(Installation):
    def __init__(self, *arguments, **environment) -> None:
        super().__init__(*arguments, **environment)
        self.workers: list[subprocess.Popen] = []

    def upload(self, *seeds: int) -> None:
        files = [base64.b64encode(encode_image((40, 60), seed=seed)).decode() for seed in seeds]
        self.python(
            f"""
import base64, io
from annotator.media import intake
from annotator.models import Project
files = [io.BytesIO(base64.b64decode(text)) for text in {files!r}]
for number, file in enumerate(files):
    file.name = f"{{number}}.png"
intake.ingest_files(Project.objects.get(), files)
"""
        )

    def lose_messages(self) -> int:
        messages = list((self.data_dir / "broker" / "messages").iterdir())
        for message in messages:
            message.unlink()
        return len(messages)

    def start_worker(self, *arguments: str, cwd: Path = ROOT) -> subprocess.Popen:
        self.workers.append(self.start(str(ROOT / "manage.py"), "worker", *arguments, cwd=cwd))
        return self.workers[-1]

    def kill_workers(self) -> None:
        """kill -9 for every worker and its processes: nobody can tidy up."""
        for process in self.workers:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def rows(self, sql: str) -> list[tuple]:
        with closing(sqlite3.connect(self.data_dir / "maskwright.sqlite3", timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def states(self) -> list[str]:
        return [state for (state,) in self.rows("select state from annotator_embeddingjob order by id")]

    def log(self) -> str:
        return (self.data_dir / "process.log").read_text()

    def wait(self, condition, what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"gave up waiting until {what}; {self.states()}\n{self.log()}")
            time.sleep(0.05)


def children_of(worker) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
