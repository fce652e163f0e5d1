"""What the admin's first page says: how much there is, who works, and what waits."""

from __future__ import annotations

from dataclasses import dataclass

from annotator.embeddings.figures import Pace, mean_recent_ms, pace
from annotator.jobs import report
from annotator.models import Annotation, Image, Project, WorkerHeartbeat


@dataclass(frozen=True)
class Overview:
    """`jobs`: kind of job -> state -> number. `mean_embedding_ms` is None before the first embedding."""

    jobs: dict[str, dict[str, int]]
    workers: list[WorkerHeartbeat]
    mean_embedding_ms: float | None
    pace: Pace
    projects: int
    images: int
    annotations: int


def look() -> Overview:
    workers = list(report.alive_workers())
    return Overview(
        jobs=report.counts(),
        workers=workers,
        mean_embedding_ms=mean_recent_ms(),
        pace=pace(len(workers)),
        projects=Project.objects.count(),
        images=Image.objects.count(),
        annotations=Annotation.objects.live().on_live_images().count(),
    )
