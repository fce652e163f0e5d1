from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from annotator.worker_process import PROCESSES, run_worker


class Command(BaseCommand):
    help = "Starts a worker that makes image embeddings and exports until Ctrl-C or SIGTERM."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--processes",
            type=int,
            default=PROCESSES,
            help="Processes of this worker (default 2: embeddings and exports do not wait for each other).",
        )
        parser.add_argument("--log-level", default="INFO")

    def handle(self, *, processes: int, log_level: str, **options) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError("The database is not up to date. Run: manage.py migrate")
        raise SystemExit(run_worker(processes, log_level))
