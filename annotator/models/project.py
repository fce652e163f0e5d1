from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, CharField, Count, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Lower

from annotator.models.visibility import VisibleQuerySet, sees_everything


class Role(models.TextChoices):
    MANAGER = "manager"
    ANNOTATOR = "annotator"
    VIEWER = "viewer"


def count_per_row(queryset, path: str):
    """Subquery: how many rows of `queryset` lead to the outer row by `path`. Joins instead would multiply."""
    counted = queryset.filter(**{path: OuterRef("pk")}).order_by().values(path).annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)


class ProjectQuerySet(VisibleQuerySet):
    project_path = ""

    def with_progress(self):
        """Adds image_count, done_count, in_progress_count and annotation_count (deleted annotations left out)."""
        from annotator.models.annotation import Annotation
        from annotator.models.image import Image

        images = Image.objects.all()
        return self.annotate(
            image_count=count_per_row(images, "project"),
            done_count=count_per_row(images.filter(state=Image.State.DONE), "project"),
            in_progress_count=count_per_row(images.filter(state=Image.State.IN_PROGRESS), "project"),
            annotation_count=count_per_row(Annotation.objects.live(), "image__project"),
        )

    def with_role(self, user):
        """Adds `role`: the membership's, or manager for staff."""
        if sees_everything(user):
            return self.annotate(role=Value(Role.MANAGER.value, output_field=CharField()))
        own = Membership.objects.filter(project=OuterRef("pk"), user=user).values("role")
        return self.annotate(role=Subquery(own))


class Project(models.Model):
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    bundle = models.ForeignKey(
        "annotator.Bundle",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="projects",
        help_text="The model bundle its images are embedded with; empty: the default one.",
    )
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="annotator.Membership", related_name="annotation_projects"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(VisibleQuerySet):
    pass


class Membership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = [
            Case(
                *[models.When(role=role.value, then=Value(rank)) for rank, role in enumerate(Role)],
                default=Value(len(Role)),
            ),
            "pk",
        ]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_user"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


class CategoryQuerySet(VisibleQuerySet):
    def with_annotation_count(self):
        """Adds annotation_count (deleted ones left out)."""
        from annotator.models.annotation import Annotation

        return self.annotate(annotation_count=count_per_row(Annotation.objects.live(), "category"))


class Category(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="categories")
    coco_id = models.PositiveIntegerField(help_text="The category's id in exported COCO files.")
    name = models.CharField(max_length=100)
    color = models.CharField(
        max_length=7, validators=[RegexValidator(r"^#[0-9a-f]{6}\Z", "A color looks like #1f77b4.")]
    )
    supercategory = models.CharField(max_length=100, blank=True)
    position = models.PositiveIntegerField(
        default=0, help_text="Order in lists, and the digit key that picks it."
    )

    objects = CategoryQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(fields=["project", "coco_id"], name="coco_id_unique_in_project"),
            models.UniqueConstraint("project", Lower("name"), name="category_name_unique_in_project"),
            models.CheckConstraint(condition=Q(coco_id__gte=1), name="coco_id_positive"),
        ]

    def __str__(self) -> str:
        return self.name
