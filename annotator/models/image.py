"""An image of a project, and the order in which images are worked on."""

from __future__ import annotations

from typing import Any, Self, cast

from django.conf import settings
from django.db import models
from django.db.models import F, Max, Q

from annotator.models.project import Project
from annotator.models.visibility import VisibleQuerySet
from annotator.site.name_key import MAX_LENGTH, name_key


class ImageQuerySet(VisibleQuerySet):
    def following(self, image: Image) -> Self:
        """The images of the project after `image`, in the project's order."""
        at_place = Q(position=image.position)
        is_later = (
            Q(position__gt=image.position)
            | at_place & Q(name_key__gt=image.name_key)
            | at_place & Q(name_key=image.name_key, pk__gt=image.pk)
        )
        return self.filter(is_later, project=image.project_id).order_by("position", "name_key", "pk")

    def position_for(self, project: Project, batch: str) -> int:
        """Where an upload goes: to the others of its batch, else to the end.

        Two batches that begin at the same moment may share one position.
        """
        images = self.filter(project=project)
        of_batch = images.filter(batch=batch).values_list("position", flat=True).first() if batch else None
        if of_batch is not None:
            return of_batch
        last = images.aggregate(last=Max("position"))["last"]
        return 1 if last is None else last + 1

    def in_trash(self) -> Self:
        """The softly deleted ones, the latest first."""
        return self.filter(deleted_at__isnull=False).order_by("-deleted_at", "-pk")


_Images = models.Manager.from_queryset(ImageQuerySet)


class LiveImages(_Images):
    """Without the softly deleted images: lists, counts, exports and jobs never meet those."""

    def get_queryset(self) -> ImageQuerySet:
        return cast(ImageQuerySet, super().get_queryset().filter(deleted_at__isnull=True))


class Image(models.Model):
    """What is annotated: upright 8-bit RGB pixels in storage. `width` and `height` are theirs, in pixels."""

    class Source(models.TextChoices):
        UPLOAD = "upload"
        FRAME = "frame", "frame of a video or sequence"

    class State(models.TextChoices):
        NOT_STARTED = "not_started", "not started"
        IN_PROGRESS = "in_progress", "in progress"
        DONE = "done", "done"
        SKIPPED = "skipped", "skipped"

    class SkipReason(models.TextChoices):
        BLURRED = "blurred", "blurred"
        NOTHING = "nothing", "nothing to annotate"
        UNSURE = "unsure", "not sure what to annotate"
        OTHER = "other", "other"

    # An image in one of these needs no more work; in any other it is open.
    FINISHED = (State.DONE, State.SKIPPED)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="images")
    source = models.CharField(max_length=16, choices=Source.choices, default=Source.UPLOAD)
    position = models.PositiveBigIntegerField(
        default=0, help_text="Order in the project; images of one position are ordered by their names."
    )
    batch = models.CharField(
        max_length=64, blank=True, help_text="Files that were uploaded together have the same one."
    )
    name = models.CharField(max_length=255, help_text="The file's name as uploaded.")
    folder = models.CharField(
        max_length=1000, blank=True, help_text="Where it lay in the zip or the dataset that brought it."
    )
    name_key = models.CharField(
        max_length=MAX_LENGTH, blank=True, editable=False, help_text="Sorts as the name should: 2 before 10."
    )
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    digest = models.CharField(max_length=64, help_text="sha256 of the upright RGB pixels and their size.")
    file = models.FileField(max_length=255)
    thumbnail = models.FileField(max_length=255)
    content_type = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.NOT_STARTED)
    state_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="Who set the state; nobody: it followed from a mask, or is as it was at first.",
    )
    state_at = models.DateTimeField(null=True, blank=True)
    skip_reason = models.CharField(max_length=16, choices=SkipReason.choices, blank=True)
    skip_note = models.CharField(max_length=200, blank=True, help_text="The reason in words.")
    flagged_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when somebody is asked to look at the image; empty: nobody is.",
    )
    flagged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    flag_note = models.CharField(max_length=500, blank=True, help_text="What the look is asked for.")
    last_number = models.PositiveIntegerField(
        default=0, help_text="The highest number that an annotation of this image was ever given."
    )
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the image is in the trash; empty: it is not."
    )
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )

    objects = LiveImages()
    with_deleted = _Images()

    class Meta:
        ordering = ["position", "name_key", "pk"]
        constraints = [
            # Frames are free of it: two of one video may be equal.
            models.UniqueConstraint(
                fields=["project", "digest"],
                condition=Q(source="upload"),
                name="same_upload_once_per_project",
            ),
            models.CheckConstraint(condition=Q(width__gte=1, height__gte=1), name="image_has_pixels"),
        ]
        indexes = [
            models.Index(F("project"), F("state"), name="image_project_state"),
            models.Index(fields=["project", "position"], name="image_order_in_project"),
            models.Index(fields=["project", "name_key"], name="image_names_in_project"),
            models.Index(fields=["project", "batch"], name="image_batch_in_project"),
            models.Index(fields=["digest"], name="image_digest"),
            # Few rows: only what the sweep and the trash look for.
            models.Index(
                fields=["project", "deleted_at"],
                name="image_trash",
                condition=Q(deleted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_key = name_key(self.name)
        super().save(*args, **kwargs)

    @property
    def is_flagged(self) -> bool:
        return self.flagged_at is not None

    @property
    def skipped_because(self) -> str:
        """The reason in words, for people: "Blurred", or what was written instead. Empty where it is not skipped."""
        if self.skip_reason == self.SkipReason.OTHER:
            return self.skip_note
        words = self.get_skip_reason_display().capitalize()
        return f"{words}: {self.skip_note}" if self.skip_note else words

    @property
    def flagged_because(self) -> str:
        """Who asks for a look, and why: "Flagged by bob: two cats or one?". The query needs `flagged_by`."""
        by = f" by {self.flagged_by.get_username()}" if self.flagged_by else ""
        return f"Flagged{by}: {self.flag_note}" if self.flag_note else f"Flagged{by}"

    @property
    def is_long(self) -> bool:
        """Whether a tile of it would show a small part only: a panorama, a strip."""
        return max(self.width, self.height) > 2 * min(self.width, self.height)

    @property
    def hw(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width
