"""Django's command line: `manage.py` in a checkout, `maskwright` where the package is installed."""

from __future__ import annotations

import os
import sys

from annotator.site import environment


def main() -> None:
    try:
        environment.check()
    except environment.WrongEnvironment as error:
        sys.exit(str(error))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
