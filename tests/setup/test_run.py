"""What `make run` refuses before it does anything, and how it says so."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.console import SetupFailed, duration
from scripts.run import address, close_to_others, refuse_taken_port
from scripts.stamps import locked

ROOT = Path(__file__).resolve().parents[2]


def run(data_dir: Path, **env: str) -> subprocess.CompletedProcess:
    """`make run`'s script; only for runs that are refused at once."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.run"],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(data_dir), "PORT": "8765"} | env,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_two_runs_on_one_data_folder_refuse_clearly(tmp_path):
    with locked(tmp_path / "run.lock", wait=False):
        refused = run(tmp_path)
    assert refused.returncode == 1
    assert str(tmp_path) in refused.stderr
    assert "DATA_DIR=" in refused.stderr


def test_a_taken_port_names_the_variable_to_set(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        refused = run(tmp_path, PORT=str(listener.getsockname()[1]))
    assert refused.returncode == 1
    assert "PORT=" in refused.stderr


def test_a_port_that_was_just_let_go_is_free():
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.listen()
        client = socket.create_connection(("127.0.0.1", port))
        server_side, _ = listener.accept()
        server_side.close()  # closed here first, so TIME_WAIT stays on our side
        client.close()
    refuse_taken_port("127.0.0.1", port)


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(tmp_path, port):
    refused = run(tmp_path, PORT=port)
    assert refused.returncode == 1
    assert "1 to 65535" in refused.stderr


def test_a_host_that_is_not_this_machine_is_refused():
    with pytest.raises(SetupFailed):
        refuse_taken_port("192.0.2.1", 8765)  # TEST-NET-1, RFC 5737: nobody has it


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    refused = run(tmp_path / "file" / "data")
    assert refused.returncode == 1
    assert "Set DATA_DIR" in refused.stderr


def test_a_data_folder_that_others_can_look_into_is_closed_to_them(tmp_path):
    """Former versions made it 0755, with password hashes in files of 0644."""
    for before, after in ((0o755, 0o700), (0o777, 0o700), (0o750, 0o750), (0o700, 0o700)):
        tmp_path.chmod(before)
        close_to_others(tmp_path)
        assert stat.S_IMODE(tmp_path.stat().st_mode) == after


def test_the_folder_of_a_run_that_is_refused_is_closed_too(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    with locked(folder / "run.lock", wait=False):
        assert run(folder).returncode == 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_address_is_one_a_browser_can_open():
    assert address("127.0.0.1", 8000) == "http://127.0.0.1:8000/"
    assert address("0.0.0.0", 8000) == "http://127.0.0.1:8000/"
    assert address("::1", 8000) == "http://[::1]:8000/"


def test_times_are_told_as_people_read_them():
    assert [duration(0.04), duration(12.3), duration(200)] == ["0.0 s", "12 s", "3 min 20 s"]


def test_help_lists_every_target():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    for target in set(phony) - {"need-python"}:
        assert f"make {target} " in listed
