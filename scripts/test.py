"""`make test`: installs what the suite needs, runs every check and says at the end which failed.

`--fast` leaves out the browser tests and those marked slow; `--lint` runs only what reads the code.
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
    scope = next((name for name in ("lint", "fast") if f"--{name}" in arguments), "all")
    try:
        environment.install_python_packages("test", "training")
        environment.install_browser_packages()
        if scope != "lint":
            environment.install_readers()
        if scope == "all":
            environment.install_chromium()
        return run_checks(checks(scope))
    except SetupFailed as failure:
        report_failure(failure)
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130


def checks(scope: str) -> dict[str, list[str]]:
    """Title -> command, the quick ones first.

    Args:
        scope: "lint", "fast" or "all"; each holds what the one before it holds.
    """
    python = [str(environment.VENV_PYTHON), "-m"]
    lint = {
        "ruff": [*python, "ruff", "check", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "mypy": [*python, "mypy"],
        "prettier, eslint, tsc": ["npm", "run", "--silent", "lint"],
    }
    pytest = [*python, "pytest", "-q"]
    in_parallel = ["-n", str(min(os.cpu_count() or 1, 4)), "--ignore=tests/e2e"]
    javascript = {"JavaScript tests": ["npm", "test", "--silent"]}
    match scope:
        case "lint":
            return lint
        case "fast":
            return lint | javascript | {"Python tests": [*pytest, *in_parallel, "-m", "not slow"]}
        case _:
            return (
                lint
                | javascript
                | {
                    "Python tests": [*pytest, *in_parallel],
                    # One at a time: they share a site, and some measure how fast it answers.
                    "browser tests": [*pytest, "tests/e2e"],
                }
            )


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
