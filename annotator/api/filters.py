from __future__ import annotations

import django_filters as filters
from django.core.validators import MaxValueValidator

from annotator.models import Annotation, EmbeddingJob, Export, Image, Project

LARGEST_ID = 2**63 - 1


class IdFilter(filters.NumberFilter):
    """A primary key: what no database column could hold is refused in words."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, min_value=0, **kwargs)

    def get_max_validator(self) -> MaxValueValidator:
        return MaxValueValidator(LARGEST_ID)


class ProjectFilter(filters.FilterSet):
    search = filters.CharFilter("name", lookup_expr="icontains")
    ordering = filters.OrderingFilter(fields=["name", "created_at", "id"])

    class Meta:
        model = Project
        fields = []


class ImageFilter(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Image.State.choices)
    embedding_state = filters.MultipleChoiceFilter(choices=[*EmbeddingJob.STATES, ("missing", "missing")])
    search = filters.CharFilter("name", lookup_expr="icontains")
    id_min = IdFilter("pk", lookup_expr="gte")
    id_max = IdFilter("pk", lookup_expr="lte")
    category = IdFilter(method="having_category", label="Images with an annotation of this category")
    ordering = filters.OrderingFilter(
        fields=["id", "position", "name", "created_at", "state", "annotation_count"]
    )

    class Meta:
        model = Image
        fields = []

    def having_category(self, queryset, name, value):
        having = Annotation.objects.live().filter(category=value).values("image")
        return queryset.filter(pk__in=having)


class AnnotationFilter(filters.FilterSet):
    author = filters.CharFilter("author__username")
    category = IdFilter("category_id")

    class Meta:
        model = Annotation
        fields = []


class ExportFilter(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Export.State.choices)

    class Meta:
        model = Export
        fields = []
