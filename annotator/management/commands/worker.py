"""`manage.py worker`: does jobs until it is stopped."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.jobs.kinds import KINDS
from annotator.site import migrations
from annotator.worker.supervisor import run_worker


class Command(BaseCommand):
    help = "Starts a worker that does jobs of every kind (image embeddings, exports) until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only", choices=list(KINDS), help="Do jobs of this kind only, as on a machine with a GPU."
        )

    def handle(self, *, only: str | None, **options: Any) -> None:
        try:
            is_outdated = migrations.count_pending() > 0
        except migrations.NewerDatabase as error:
            raise CommandError(str(error)) from error
        if is_outdated:
            raise CommandError("The database is not up to date. Run: manage.py migrate")
        run_worker([KINDS[only]] if only else KINDS.values())
