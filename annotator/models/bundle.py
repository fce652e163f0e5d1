"""A model bundle, and which one a project uses."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Case, F, Q, Subquery, When


class BundleQuerySet(models.QuerySet["Bundle"]):
    def available(self) -> Self:
        """Bundles whose files are there; a retired row stays for the annotations that name its digest."""
        return self.filter(is_available=True)

    def default(self) -> Bundle | None:
        return self.available().filter(is_default=True).first()


class Bundle(models.Model):
    """A model bundle known to this installation.

    The row of a bundle in a folder mirrors the manifest there (`sync_bundles`); of one in storage it is the truth.
    """

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
    path = models.CharField(
        max_length=1000, blank=True, help_text="Folder of manifest and weights; empty: in storage by digest."
    )
    decoder_sha256 = models.CharField(
        max_length=64, blank=True, help_text="sha256 of the exported ONNX decoder; empty: not exported yet."
    )
    package_sha256 = models.CharField(
        max_length=64, blank=True, help_text="sha256 of the decoder package; empty: there is none."
    )
    quality = models.JSONField(
        null=True,
        blank=True,
        help_text="Mean IoU of first prompts as measured (segmentation.quality), or null.",
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


def used_bundle(project: str = "project") -> Case:
    """The primary key, in SQL, of the bundle that a project's images are embedded with.

    The rule is that of `which_bundle.bundle_of`: the project's own bundle while it is available, else the default
    one; NULL where there is none.

    Args:
        project: the lookup that leads from the row to its project.
    """
    default = Bundle.objects.available().filter(is_default=True).values("pk")[:1]
    return Case(
        When(**{f"{project}__bundle__is_available": True}, then=F(f"{project}__bundle")),
        default=Subquery(default),
    )
