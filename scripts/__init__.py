"""Setting the project up and running it. Standard library only: these modules run before anything is installed."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is where an older one is told
    sys.exit(
        "Maskwright needs Python 3.11 or newer; this is {}.{}. "
        "Install python3.11, then: make PYTHON=python3.11 run".format(*sys.version_info)
    )
