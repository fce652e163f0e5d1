"""`manage.py embed`: makes the missing image embeddings here and now."""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from annotator.bundles import catalogue
from annotator.bundles.sync import sync_bundles
from annotator.embeddings import queue as embedding_queue
from annotator.embeddings.which_bundle import bundle_of
from annotator.errors import MaskwrightError
from annotator.jobs import queue
from annotator.management import find_project
from annotator.management.progress import ProgressLine
from annotator.models import Bundle, EmbeddingJob, Image, Project
from annotator.worker import run_job, storage_ready
from annotator.worker.postponed import Postponed

State = EmbeddingJob.State


class Command(BaseCommand):
    help = (
        "Makes the missing image embeddings of a project here and now, with progress. It takes jobs from the same "
        "queue as the workers, so it may run beside them, and may be stopped and run again at any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", nargs="?", help=find_project.HELP)
        parser.add_argument("--all", action="store_true", help="All projects.")
        parser.add_argument(
            "--bundle", help="Name of a bundle; default: each project's own, else the default one."
        )
        parser.add_argument("--retry-failed", action="store_true", help="Try failed ones again.")

    def handle(
        self, *, project: str | None, all: bool, bundle: str | None, retry_failed: bool, **options: Any
    ) -> None:
        if project and not all:
            projects = [find_project.find_project(project)]
        elif all and not project:
            projects = list(Project.objects.all())
        else:
            raise CommandError("name a project, or say --all")
        try:
            sync_bundles()
            chosen = catalogue.by_name(bundle) if bundle else None
            wanted = EmbeddingJob.objects.none()
            for each in projects:
                wanted |= _ensure(each, chosen or bundle_of(each))
        except MaskwrightError as error:
            raise CommandError(error.message) from error
        if retry_failed:
            embedding_queue.retry_failed(wanted)
        self._work(wanted)

    def _work(self, wanted: QuerySet[EmbeddingJob]) -> None:
        worker = f"command-{os.getpid()}-{os.urandom(3).hex()}@{socket.gethostname()}"
        # We show progress ourselves.
        logging.getLogger("annotator.worker.runners.embeddings").setLevel(logging.WARNING)
        total = wanted.count()
        if problem := storage_ready.why_not():
            raise CommandError(f"nothing was made: {problem}")
        progress = ProgressLine(self.stdout)
        started_s, made = time.monotonic(), 0
        claimable = EmbeddingJob.takeable().filter(pk__in=wanted.values("pk"))
        postponed = Postponed()
        try:
            while (job := queue.claim(postponed.without(claimable), worker)) is not None:
                run_job.run(job, postponed)
                made += 1
                ready = wanted.filter(state=State.READY).count()
                per_image_s = (time.monotonic() - started_s) / made
                progress.show(
                    f"{ready} of {total} ready, {per_image_s:.2f} s per image, "
                    f"{per_image_s * (total - ready):.0f} s to go"
                )
        except KeyboardInterrupt:
            progress.clear()
            raise CommandError("stopped; run it again to go on", returncode=130) from None
        finally:
            queue.release(queue.held_by(EmbeddingJob, worker))
        progress.clear()
        failed = list(wanted.filter(state=State.FAILED).select_related("image")[:20])
        elsewhere = wanted.filter(state=State.RUNNING).count()
        ready = wanted.filter(state=State.READY).count()
        self.stdout.write(
            f"{ready} of {total} ready, {made} tries here in {time.monotonic() - started_s:.1f} s"
            + (f", {elsewhere} with another worker" if elsewhere else "")
        )
        for job in failed:
            self.stderr.write(f"image {job.image_id} {job.image.name}: {job.error}")
        waiting = claimable.filter(state=State.QUEUED)
        reason = waiting.exclude(error="").order_by("-started_at").values_list("error", flat=True).first()
        if reason and not failed:
            raise CommandError(f"{waiting.count()} wait: {reason}")
        if failed:
            raise CommandError(
                f"{wanted.filter(state=State.FAILED).count()} failed; once mended, try again with --retry-failed"
            )


def _ensure(project: Project, bundle: Bundle) -> QuerySet[EmbeddingJob]:
    """Jobs for all images of a project and one bundle, as a queryset."""
    batch: list[Image] = []
    for image in Image.objects.filter(project=project).iterator(chunk_size=1000):
        batch.append(image)
        if len(batch) == 1000:
            embedding_queue.ensure_jobs(batch, bundle)
            batch.clear()
    if batch:
        embedding_queue.ensure_jobs(batch, bundle)
    return EmbeddingJob.objects.of_whole_images().filter(image__project=project, bundle=bundle)
