"""`make setup`: installs what is missing and starts nothing. Arguments: extras of pyproject.toml (test, servers)."""

from __future__ import annotations

import sys

from scripts import environment
from scripts.console import SetupFailed, report_failure, say


def main(extras: list[str]) -> int:
    try:
        environment.install_python_packages(*extras)
        environment.install_browser_packages()
        if "test" in extras:
            environment.install_readers()
    except SetupFailed as failure:
        report_failure(failure)
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
