"""`manage.py create_demo`: the demo project and the people in it."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.errors import MaskwrightError
from annotator.operations import demo

PASSWORD_VARIABLE = "MASKWRIGHT_DEMO_PASSWORD"


class Command(BaseCommand):
    help = "Makes what is missing of the demo: a project with photographs and the users manager, annotator, admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-images", action="store_true", help="Without the photographs.")
        parser.add_argument(
            "--password-env",
            default=PASSWORD_VARIABLE,
            metavar="NAME",
            help=f"Environment variable that holds the users' password (default {PASSWORD_VARIABLE}); "
            "where it is not set, each new user gets a password of its own, printed below.",
        )

    def handle(self, *, no_images: bool, password_env: str, **options: Any) -> None:
        password = os.environ.get(password_env, "")
        try:
            report = demo.create(password, with_images=not no_images)
        except MaskwrightError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Project {report.project.pk} {report.project.name!r}, {report.image_count} images")
        for username, made in report.passwords.items():
            shown = f"password as in {password_env}" if made == password else made
            self.stdout.write(f"  {username:<10} {shown}")
        if not report.passwords:
            self.stdout.write("The users are there already. New passwords: manage.py reset_demo_password")
        for username in report.not_ours:
            self.stderr.write(f"A user {username!r} exists that the demo did not make; left as it is.")
