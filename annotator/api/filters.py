from __future__ import annotations

import django_filters as filters

from annotator.models import Annotation, EmbeddingJob, Export, Image, Project


class ProjectFilter(filters.FilterSet):
    search = filters.CharFilter("name", lookup_expr="icontains")
    ordering = filters.OrderingFilter(fields=["name", "created_at", "id"])

    class Meta:
        model = Project
        fields = []


class ImageFilter(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Image.State.choices)
    embedding_state = filters.MultipleChoiceFilter(
        choices=[*EmbeddingJob.State.choices, ("missing", "missing")]
    )
    search = filters.CharFilter("name", lookup_expr="icontains")
    id_min = filters.NumberFilter("pk", lookup_expr="gte")
    id_max = filters.NumberFilter("pk", lookup_expr="lte")
    category = filters.NumberFilter(
        method="having_category", label="Images with an annotation of this category"
    )
    ordering = filters.OrderingFilter(fields=["id", "name", "created_at", "state", "annotation_count"])

    class Meta:
        model = Image
        fields = []

    def having_category(self, queryset, name, value):
        having = Annotation.objects.live().filter(category=int(value)).values("image")
        return queryset.filter(pk__in=having)


class AnnotationFilter(filters.FilterSet):
    author = filters.CharFilter("author__username")
    category = filters.NumberFilter("category_id")

    class Meta:
        model = Annotation
        fields = []


class ExportFilter(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Export.State.choices)

    class Meta:
        model = Export
        fields = []
