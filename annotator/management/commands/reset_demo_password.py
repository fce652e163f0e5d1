"""`manage.py reset_demo_password`: new passwords for the demo's people."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.errors import MaskwrightError
from annotator.management.commands.create_demo import PASSWORD_VARIABLE
from annotator.operations import demo
from annotator.site.environment import read


class Command(BaseCommand):
    help = (
        "Gives the demo users manager, annotator and admin new passwords and prints them "
        f"(or the one in {PASSWORD_VARIABLE})."
    )

    def handle(self, **options: Any) -> None:
        password = read(PASSWORD_VARIABLE)
        try:
            passwords = demo.reset_passwords(password)
        except MaskwrightError as error:
            raise CommandError(error.message) from error
        for username, made in passwords.items():
            shown = f"password as in {PASSWORD_VARIABLE}" if password else made
            self.stdout.write(f"  {username:<10} {shown}")
