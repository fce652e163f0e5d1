"""`make run` from an empty data folder to Ctrl-C, and once more: the real servers, the real model."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 300  # exporting the decoder for the first time, on a busy machine
STOP_TIMEOUT_S = 60


class Run:
    def __init__(self, data_dir: Path) -> None:
        self.port = free_port()
        self.log = data_dir.with_name("run.log")
        env = {name: value for name, value in os.environ.items() if name != "MASKWRIGHT_DEMO_PASSWORD"}
        env |= {"DATA_DIR": str(data_dir), "PORT": str(self.port), "VENV": sys.prefix, "WEB_WORKERS": "1"}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scripts.run"],
                cwd=ROOT,
                env=env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while text not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.1)

    def get(self, path: str):
        return urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30)

    def children(self) -> list[int]:
        """Everything started by this run that is still there, by the data folder in its environment."""
        marker = f"DATA_DIR={self.log.parent / 'data'}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                is_ours = marker in (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if is_ours and int(entry.name) != self.process.pid:
                found.append(int(entry.name))
        return found


@contextmanager
def running(data_dir: Path) -> Iterator[Run]:
    run = Run(data_dir)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGTERM)
            try:
                run.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                run.process.kill()
                run.process.wait()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_site_comes_up_goes_down_and_comes_up_again_with_its_data(tmp_path):
    data = tmp_path / "data"
    with running(data) as run:
        run.wait_for("Stop: Ctrl-C")
        with run.get("/login/") as answer:
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        logins = dict(re.findall(r"^ +(manager|annotator|admin) +(\w{14})$", run.said, re.MULTILINE))
        assert set(logins) == {"manager", "annotator", "admin"}
        assert run.children()
        # An account that shares the machine reads none of it: password hashes, pictures, logs.
        readable = [
            path
            for path in [data, *data.rglob("*")]
            if path.lstat().st_mode & 0o077 and not path.is_symlink()
        ]
        assert readable == []
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(STOP_TIMEOUT_S) == 0, run.said
        assert run.children() == []

    with running(data) as run:
        run.wait_for("Stop: Ctrl-C")
        assert "were shown at the first run" in run.said
        assert not any(password in run.said for password in logins.values())
        body = f'{{"username": "manager", "password": "{logins["manager"]}"}}'.encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{run.port}/api/auth/token/", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert b"token" in answer.read()
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(STOP_TIMEOUT_S) == 0, run.said
