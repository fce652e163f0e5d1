"""`make test`: installs what the suite needs, runs every check and says at the end which failed.

With `--lint` only ruff and the type check of the JavaScript.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from scripts import environment
from scripts.console import SetupFailed, duration, report_failure, say

# Of a developer's shell; the tests make their own.
NOT_FOR_TESTS = ("DATA_DIR", "DATABASE_URL", "CELERY_BROKER_URL", "HOST", "PORT", "MASKWRIGHT_DEMO_PASSWORD")


def main(arguments: list[str]) -> int:
    lint_only = "--lint" in arguments
    try:
        environment.install_python_packages("test", "training")
        environment.install_browser_packages()
        if not lint_only:
            environment.install_chromium()
        return run_checks(checks(lint_only))
    except SetupFailed as failure:
        report_failure(failure)
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130


def checks(lint_only: bool) -> dict[str, list[str]]:
    """Title -> command, the quick ones first."""
    python = str(environment.VENV_PYTHON)
    rows = {
        "ruff": [python, "-m", "ruff", "check", "."],
        "tsc": ["npm", "run", "--silent", "check"],
    }
    if lint_only:
        return rows
    workers = str(min(os.cpu_count() or 1, 4))
    return rows | {
        "JavaScript tests": ["npm", "test", "--silent"],
        "Python tests": [python, "-m", "pytest", "-q", "-n", workers, "--ignore=tests/e2e"],
        # One at a time: they share a site, and some measure how fast it answers.
        "browser tests": [python, "-m", "pytest", "-q", "tests/e2e"],
    }


def run_checks(commands: dict[str, list[str]]) -> int:
    """Runs all of them even when one fails, output unaltered; 0 when all passed."""
    env = {name: value for name, value in os.environ.items() if name not in NOT_FOR_TESTS}
    env["PATH"] = f"{environment.node_folder()}{os.pathsep}{env.get('PATH', '')}"
    results: list[tuple[str, int, float]] = []
    for title, command in commands.items():
        say(f"\n=== {title}: {' '.join(command[-4:])}")
        started = time.monotonic()
        code = subprocess.run(command, cwd=environment.ROOT, env=env, check=False).returncode
        results.append((title, code, time.monotonic() - started))
    say("\n=== summary")
    for title, code, took_s in results:
        say(f"  {'ok    ' if code == 0 else 'FAILED'}  {title} ({duration(took_s)})")
    return 1 if any(code for _, code, _ in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
