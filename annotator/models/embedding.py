"""What image embeddings are to be made."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q

from annotator.models.bundle import Bundle
from annotator.models.image import Image
from annotator.models.job import LeasedJob
from annotator.models.visibility import VisibleQuerySet


class EmbeddingJobQuerySet(VisibleQuerySet):
    project_path = "image__project"

    def of_whole_images(self) -> Self:
        return self.filter(region="")

    def of_regions(self) -> Self:
        return self.exclude(region="")


class EmbeddingJob(LeasedJob):
    """ "This image, or this region of it, needs an embedding of this bundle." """

    # Nobody cancels an embedding: somebody will open the image sooner or later.
    STATES = [choice for choice in LeasedJob.State.choices if choice[0] != LeasedJob.State.CANCELLED]

    class Priority(models.IntegerChoices):
        """Smaller comes first."""

        OPENED = 0
        NEXT = 1
        UPLOADED = 2
        # Regions that somebody may come to: only when there is nothing else to do.
        FORESEEN = 3

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="embedding_jobs")
    bundle = models.ForeignKey(Bundle, on_delete=models.CASCADE, related_name="embedding_jobs")
    state = models.CharField(max_length=16, choices=STATES, default=LeasedJob.State.QUEUED)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.UPLOADED)
    queued_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    checksum = models.CharField(
        max_length=8,
        blank=True,
        help_text="CRC-32 of the stored file; empty: it was made before these were kept.",
    )
    region = models.CharField(
        max_length=40, blank=True, help_text="x,y,width,height in image pixels; empty: the whole image."
    )
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the region's embedding was last asked for, to the hour."
    )

    objects = EmbeddingJobQuerySet.as_manager()

    class Meta:
        ordering = ["priority", "queued_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["image", "bundle", "region"], name="one_job_per_image_bundle_and_region"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_token__isnull=False, lease_expires_at__isnull=False),
                name="running_job_has_a_lease",
            ),
        ]
        indexes = [models.Index(fields=["state", "priority", "queued_at"], name="embedding_queue_order")]

    def __str__(self) -> str:
        part = f" ({self.region})" if self.region else ""
        return f"embedding of {self.image_id}{part} with {self.bundle_id}: {self.state}"

    @classmethod
    def takeable(cls) -> models.QuerySet[Self]:
        return cls.objects.filter(bundle__is_available=True, image__deleted_at__isnull=True).order_by(
            "priority", "queued_at", "pk"
        )
