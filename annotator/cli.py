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
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        # What a command keeps for the next time it has written by now.
        print("Stopped.", file=sys.stderr)
        sys.exit(130)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except Exception as error:
        from annotator.site.full_disk import how_to_make_room, means_full

        if means_full(error):
            sys.exit(how_to_make_room())
        if not isinstance(error, PermissionError):
            raise
        sys.exit(
            f"{error.filename or error} may not be read or written by this user. Run the command as the user whose "
            "site it is, or set DATA_DIR to a folder of your own."
        )
