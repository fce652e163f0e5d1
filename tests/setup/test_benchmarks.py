"""Every benchmark answers by its path, from any folder."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMANDS = [path for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text()]


def test_benchmarks_explain_themselves_by_path_from_any_folder(tmp_path):
    assert len(COMMANDS) >= 6
    running = {
        path.name: subprocess.Popen(
            [sys.executable, path, "--help"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for path in COMMANDS
    }
    answers = {name: process.communicate(timeout=120)[0] for name, process in running.items()}
    failed = {name: answers[name] for name, process in running.items() if process.returncode}
    assert not failed
    assert all("usage:" in answer for answer in answers.values())
