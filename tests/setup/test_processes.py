"""The processes `make run` starts: watched, restarted, stopped to the last child. All of them are real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.processes import Child, describe_exit, stop, watch

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 20
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
POLITE = "import time; print('up', flush=True); time.sleep(60)"
PARENT = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print('up', child.pid, flush=True); time.sleep(60)"
)


@pytest.fixture
def child(tmp_path):
    """Makes a Child that runs Python code; whatever is left of it is killed after the test."""
    made: list[Child] = []

    def make(code: str, **options) -> Child:
        log = tmp_path / f"{len(made)}.log"
        made.append(Child("thing", [sys.executable, "-c", code], log, ROOT, dict(os.environ), **options))
        return made[-1]

    yield make
    stop(made, lambda: True)


def wait_until(condition) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_up(child: Child) -> bool:
    return child.log.exists() and b"up" in child.log.read_bytes()


def exists(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped counts as gone."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_a_polite_process_is_stopped_by_sigterm(child):
    polite = child(POLITE)
    polite.start()
    wait_until(lambda: is_up(polite))
    process = polite.process
    stop([polite], lambda: False)
    assert process.returncode == -signal.SIGTERM


def test_a_stubborn_process_is_killed_after_its_grace(child):
    stubborn = child(STUBBORN, stop_grace_s=0.3)
    stubborn.start()
    wait_until(lambda: is_up(stubborn))
    process = stubborn.process
    stop([stubborn], lambda: False)
    assert process.returncode == -signal.SIGKILL


def test_a_second_ctrl_c_kills_at_once(child):
    stubborn = child(STUBBORN, stop_grace_s=60)
    stubborn.start()
    wait_until(lambda: is_up(stubborn))
    started_s = time.monotonic()
    stop([stubborn], lambda: True)
    assert time.monotonic() - started_s < 10


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_children_of_a_process_are_stopped_with_it(child):
    parent = child(PARENT)
    parent.start()
    wait_until(lambda: len(parent.log.read_text().split()) == 2)
    grandchild = int(parent.log.read_text().split()[1])
    assert exists(grandchild)
    stop([parent], lambda: False)
    wait_until(lambda: not exists(grandchild))


def test_whatever_dies_is_started_again_and_that_is_said_with_how_it_died(child, capsys):
    worker = child("print('up', flush=True); raise SystemExit(3)")
    server = child("import os; print('up', flush=True); os.kill(os.getpid(), 9)")
    for each in (worker, server):
        each.start()
    watch([worker, server], lambda: all(each.log.read_text().count("up") >= 2 for each in (worker, server)))
    said = capsys.readouterr().out
    assert "The thing ended (exit code 3); it starts again in 1 s" in said
    assert "The thing ended (killed by SIGKILL); it starts again in 1 s" in said


def test_a_log_that_grows_too_long_is_put_aside_while_the_process_writes(child, monkeypatch):
    monkeypatch.setattr("scripts.processes.MAX_LOG_BYTES", 2000)
    talker = child("import time\nfor k in range(10**9): print(f'line {k}', flush=True); time.sleep(0.001)")
    talker.start()
    aside = talker.log.with_suffix(".1.log")
    seen = []

    def enough() -> bool:
        seen.append(talker.log.stat().st_size)
        return aside.exists() and len(seen) > 8

    watch([talker], enough)
    assert talker.exit_code() is None
    assert aside.read_text().startswith("line ") or aside.read_text()[0].isdigit()
    assert max(seen) < 100_000 and "\0" not in talker.log.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_nothing_is_left_when_the_parent_is_killed(tmp_path):
    code = (
        "import sys, os; from pathlib import Path; from scripts.processes import Child\n"
        f"child = Child('thing', [sys.executable, '-c', {POLITE!r}], Path(sys.argv[1]), Path('.'), dict(os.environ))\n"
        "child.start(); print(child.process.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "child.log")]
    parent = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    assert exists(pid)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not exists(pid))


def test_a_log_that_grew_too_long_is_put_aside(child, monkeypatch):
    monkeypatch.setattr("scripts.processes.MAX_LOG_BYTES", 10)
    polite = child("print('a line of more than ten bytes')")
    polite.start()
    polite.process.wait()
    polite.start()
    polite.process.wait()
    assert polite.log.read_text().count("line") == 1
    assert polite.log.with_suffix(".1.log").read_text().count("line") == 1


def test_the_end_of_a_process_is_told_in_words():
    assert describe_exit(1) == "exit code 1"
    assert describe_exit(-9) == "killed by SIGKILL"
