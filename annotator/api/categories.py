"""A project's categories over HTTP."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.names import NameField
from annotator.api.base.scope import ProjectScopedView, RowView
from annotator.models import Category
from annotator.models.figures import with_annotation_count
from annotator.models.limits import LARGEST_ID, LARGEST_INTEGER
from annotator.people.permissions import signed_in
from annotator.projects import categories

MOST_AT_ONCE = 1000  # in one list
LONGEST_NAME = 100


class CategorySerializer(serializers.ModelSerializer):
    name = NameField(max_length=LONGEST_NAME, error_messages={"blank": "A category needs a name."})
    supercategory = NameField(max_length=LONGEST_NAME, required=False, allow_blank=True)
    coco_id = serializers.IntegerField(min_value=1, max_value=LARGEST_INTEGER, required=False)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False)
    position = serializers.IntegerField(min_value=0, max_value=LARGEST_INTEGER, required=False)
    annotation_count = serializers.IntegerField(read_only=True, default=0)

    class Meta:
        model = Category
        fields = ["id", "coco_id", "name", "color", "supercategory", "position", "annotation_count"]
        validators: list[object] = []  # uniqueness in the project is checked by annotator.projects.categories

    def validate_color(self, value: str) -> str:
        return value.lower()


class CategoriesView(ProjectScopedView, generics.ListCreateAPIView):
    """A project's categories in their order."""

    serializer_class = CategorySerializer
    queryset = Category.objects.none()

    def get_queryset(self) -> QuerySet[Category]:
        return with_annotation_count(Category.objects.filter(project=self.project))

    def perform_create(self, form: serializers.BaseSerializer) -> None:
        form.instance = categories.create_category(self.project, **form.validated_data)


class CategoryListRowSerializer(serializers.ModelSerializer):
    name = NameField(max_length=LONGEST_NAME)
    supercategory = NameField(max_length=LONGEST_NAME, required=False, allow_blank=True)

    class Meta:
        model = Category
        fields = ["name", "supercategory"]
        validators: list[object] = []


class CategoryListSerializer(serializers.Serializer):
    categories = serializers.ListField(
        child=CategoryListRowSerializer(),
        allow_empty=False,
        max_length=MOST_AT_ONCE,
        error_messages={
            "max_length": f"At most {MOST_AT_ONCE} categories are added at once: add the list in parts."
        },
    )


class CategoryListAnswerSerializer(serializers.Serializer):
    created = CategorySerializer(many=True)
    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="Names that the project has, or that the list had twice."
    )


class CategoryListView(ProjectScopedView):
    """Adds a list of categories in its order, all of them or, where one is refused, none."""

    http_method_names = ["post", "options"]

    @extend_schema(
        request=CategoryListSerializer,
        responses={201: CategoryListAnswerSerializer, 400: ErrorSerializer},
    )
    def post(self, request: Request, project_id: int) -> Response:
        form = CategoryListSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        created, left_out = categories.add_list(self.project, form.validated_data["categories"])
        answer = CategoryListAnswerSerializer({"created": created, "left_out": left_out})
        return Response(answer.data, status=201)


class CategoryView(RowView, generics.RetrieveUpdateDestroyAPIView):
    """A category that annotations have cannot be deleted, 409, unless `move_to` says which one they get."""

    lookup_url_kwarg = "category_id"
    serializer_class = CategorySerializer
    queryset = Category.objects.none()

    def get_queryset(self) -> QuerySet[Category]:
        return with_annotation_count(Category.objects.all())

    def perform_update(self, form: serializers.BaseSerializer) -> None:
        categories.update_category(cast(Category, form.instance), **form.validated_data)

    @extend_schema(
        parameters=[OpenApiParameter("move_to", int, description="The category that its annotations get.")],
        responses={204: None, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().delete(request, *args, **kwargs)

    def perform_destroy(self, category: Category) -> None:
        move_to = None
        if "move_to" in self.request.query_params:
            number = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
            move_to = number.run_validation(self.request.query_params["move_to"])
        categories.delete_category(category, move_to=move_to, by=signed_in(self.request.user))
