"""What lists say about projects, images and categories beyond their columns, without a query per row.

These readers stand above the tables: what belongs to a row lies in tables that point to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from django.db.models import Case, Count, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from annotator.models.annotation import Annotation
from annotator.models.bundle import used_bundle
from annotator.models.category import Category
from annotator.models.embedding import EmbeddingJob
from annotator.models.image import Image
from annotator.models.project import Project

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    ProjectWithProgress = WithAnnotations[Project, "Progress"]
    ImageWithDetails = WithAnnotations[Image, "Details"]
    CategoryWithCount = WithAnnotations[Category, "AnnotationCount"]

NO_JOB = "missing"  # an image's embedding state where no bundle is installed


class Progress(TypedDict):
    image_count: int
    done_count: int
    in_progress_count: int
    skipped_count: int
    open_count: int
    flagged_count: int
    annotation_count: int


class AnnotationCount(TypedDict):
    annotation_count: int


class Details(AnnotationCount):
    embedding_state: str
    embedding_error: str | None


def with_progress(projects: QuerySet[Project]) -> QuerySet[ProjectWithProgress]:
    """Adds how many images there are: all, in some of the states, open (neither done nor skipped), flagged.

    And annotation_count (deleted annotations left out).
    """
    images = Image.objects.all()
    return projects.annotate(
        image_count=count_per_row(images, "project"),
        done_count=count_per_row(images.filter(state=Image.State.DONE), "project"),
        in_progress_count=count_per_row(images.filter(state=Image.State.IN_PROGRESS), "project"),
        skipped_count=count_per_row(images.filter(state=Image.State.SKIPPED), "project"),
        open_count=count_per_row(images.exclude(state__in=Image.FINISHED), "project"),
        flagged_count=count_per_row(images.filter(flagged_at__isnull=False), "project"),
        annotation_count=count_per_row(Annotation.objects.live().on_live_images(), "image__project"),
    )


def with_details(images: QuerySet[Image]) -> QuerySet[ImageWithDetails]:
    """Adds annotation_count (deleted ones left out), embedding_state, embedding_error, and who marked the image.

    The state and the error are those of the job for the bundle that the project uses. An image whose job the worker has
    still to make is queued; `NO_JOB` means that there is no bundle.
    """
    jobs = EmbeddingJob.objects.of_whole_images()
    job = jobs.filter(image=OuterRef("pk"), bundle=OuterRef("used_bundle"))
    marked = images.select_related("state_by", "flagged_by")
    return marked.alias(used_bundle=used_bundle()).annotate(
        annotation_count=count_per_row(Annotation.objects.live(), "image"),
        embedding_state=Coalesce(
            Subquery(job.values("state")[:1]),
            Case(
                When(used_bundle__isnull=False, then=Value(EmbeddingJob.State.QUEUED)), default=Value(NO_JOB)
            ),
        ),
        embedding_error=Subquery(job.values("error")[:1]),
    )


def with_annotation_count(categories: QuerySet[Category]) -> QuerySet[CategoryWithCount]:
    """Adds annotation_count (deleted ones left out)."""
    live = Annotation.objects.live().on_live_images()
    return categories.annotate(annotation_count=count_per_row(live, "category"))


def count_per_row(rows: QuerySet, path: str) -> Coalesce:
    """In SQL: how many of `rows` lead to the outer row by `path`. Joins instead would multiply."""
    counted = rows.filter(**{path: OuterRef("pk")}).order_by().values(path).annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)
