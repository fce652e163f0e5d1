from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Starts a worker that makes image embeddings and exports until Ctrl-C or SIGTERM."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--processes",
            type=int,
            default=2,
            help="Processes of this worker (default 2: embeddings and exports do not wait for each other).",
        )
        parser.add_argument("--log-level", default="INFO")

    def handle(self, *, processes: int, log_level: str, **options) -> None:
        from annotator.worker_process import run_worker

        raise SystemExit(run_worker(processes, log_level))
