from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotator.models.job import LeasedJob, LeasedJobQuerySet
from annotator.models.visibility import VisibleQuerySet


class BundleQuerySet(models.QuerySet):
    def available(self):
        """Bundles whose files are on disk; a retired row stays for the annotations that name its digest."""
        return self.filter(is_available=True)

    def default(self) -> Bundle | None:
        return self.available().filter(is_default=True).first()


class Bundle(models.Model):
    """A model bundle known to this installation; the row mirrors the manifest on disk (`bundles.sync`)."""

    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    title = models.CharField(max_length=200, blank=True)
    family = models.CharField(max_length=50)
    input_side = models.PositiveIntegerField(
        help_text="Side of the square the image encoder sees, in pixels."
    )
    mask_threshold = models.FloatField(default=0.0)
    low_res_side = models.PositiveIntegerField(default=256)
    embedding = models.JSONField(help_text="Tensor name -> shape without the batch.")
    manifest = models.JSONField()
    path = models.CharField(max_length=1000, blank=True, help_text="Folder of manifest and weights.")
    decoder_sha256 = models.CharField(
        max_length=64, blank=True, help_text="sha256 of the exported ONNX decoder; empty: not exported yet."
    )
    is_default = models.BooleanField(default=False)
    is_available = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BundleQuerySet.as_manager()

    class Meta:
        ordering = ["name", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_bundle"
            ),
            models.UniqueConstraint(
                fields=["name"], condition=Q(is_available=True), name="bundle_name_unique_where_available"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.digest[:8]})"


class EmbeddingJobQuerySet(VisibleQuerySet, LeasedJobQuerySet):
    project_path = "image__project"

    def takeable(self):
        return self.filter(bundle__is_available=True).order_by("priority", "queued_at", "pk")


class EmbeddingJob(LeasedJob):
    """ "This image needs an embedding of this bundle." """

    # Nobody cancels an embedding: somebody will open the image sooner or later.
    STATES = [choice for choice in LeasedJob.State.choices if choice[0] != LeasedJob.State.CANCELLED]

    class Priority(models.IntegerChoices):
        """Smaller comes first."""

        OPENED = 0
        NEXT = 1
        UPLOADED = 2

    image = models.ForeignKey("annotator.Image", on_delete=models.CASCADE, related_name="embedding_jobs")
    bundle = models.ForeignKey(Bundle, on_delete=models.CASCADE, related_name="embedding_jobs")
    state = models.CharField(max_length=16, choices=STATES, default=LeasedJob.State.QUEUED)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.UPLOADED)
    queued_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)

    objects = EmbeddingJobQuerySet.as_manager()

    class Meta:
        ordering = ["priority", "queued_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["image", "bundle"], name="one_job_per_image_and_bundle"),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_token__isnull=False, lease_expires_at__isnull=False),
                name="running_job_has_a_lease",
            ),
        ]
        indexes = [models.Index(fields=["state", "priority", "queued_at"], name="embedding_queue_order")]

    def __str__(self) -> str:
        return f"embedding of {self.image_id} with {self.bundle_id}: {self.state}"


class WorkerHeartbeat(models.Model):
    """A worker process that was alive at `last_seen`; looked at by doctor, admin and pages."""

    name = models.CharField(max_length=200, unique=True)
    hostname = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    device = models.CharField(
        max_length=100, blank=True, help_text="The torch device in use; empty before the first embedding."
    )
    started_at = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField()

    class Meta:
        ordering = ["-last_seen"]

    def __str__(self) -> str:
        return self.name
