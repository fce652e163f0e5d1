"""`manage.py password_link`: a link to set a new password, for whoever has lost theirs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.errors import MaskwrightError
from annotator.models import User
from annotator.people import passwords


class Command(BaseCommand):
    help = (
        "Prints a link by which a user's password is set anew, once. Also for an administrator's own that is lost: "
        "whoever can run this on the server may do everything."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--site",
            default="",
            metavar="ADDRESS",
            help="The site's address as people type it (default: http://HOST:PORT).",
        )

    def handle(self, *, username: str, site: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            close = User.objects.filter(username__icontains=username).values_list("username", flat=True)[:5]
            near = f" Do you mean {', '.join(close)}?" if close else ""
            raise CommandError(f"There is no user {username}.{near}")
        host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
        address = (site or f"http://{host}:{settings.PORT}").rstrip("/")
        try:
            path = passwords.link_path(user)
        except MaskwrightError as error:
            raise CommandError(error.message) from error
        hours = settings.PASSWORD_RESET_TIMEOUT // 3600
        self.stdout.write(address + path)
        self.stderr.write(f"It can be used once, within {hours} hour{'' if hours == 1 else 's'}.")
