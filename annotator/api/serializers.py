"""Rows on the wire, in and out. No rules here: those are the domain modules'."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotator import bundles
from annotator.models import (
    Annotation,
    Bundle,
    Category,
    EmbeddingJob,
    Export,
    Image,
    Membership,
    Project,
    Role,
)
from exporters.options import SEGMENTATIONS
from exporters.registry import EXPORTERS
from segmentation.bundle import outputs_of

LARGEST_ID = 2**63 - 1
LARGEST_INTEGER = 2**31 - 1
LONGEST_EFFORT_S = 1e7


class ErrorDetailSerializer(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()
    fields = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))


class ErrorSerializer(serializers.Serializer):
    error = ErrorDetailSerializer()


# --- accounts ---
class CredentialsSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, style={"input_type": "password"})


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField()


class MeSerializer(serializers.Serializer):
    username = serializers.CharField()
    is_staff = serializers.BooleanField()


# --- projects ---
class ProjectSerializer(serializers.ModelSerializer):
    """Reading needs a queryset `with_progress().with_role(user)`."""

    role = serializers.ChoiceField(choices=Role.choices, read_only=True)
    bundle = serializers.SlugRelatedField(
        slug_field="name", queryset=Bundle.objects.available(), required=False, allow_null=True
    )
    image_count = serializers.IntegerField(read_only=True)
    done_count = serializers.IntegerField(read_only=True)
    in_progress_count = serializers.IntegerField(read_only=True)
    annotation_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Project
        fields = [
            "id",
            "name",
            "description",
            "role",
            "bundle",
            "image_count",
            "done_count",
            "in_progress_count",
            "annotation_count",
            "created_at",
        ]


class CategorySerializer(serializers.ModelSerializer):
    coco_id = serializers.IntegerField(min_value=1, max_value=LARGEST_INTEGER, required=False)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False)
    position = serializers.IntegerField(min_value=0, max_value=LARGEST_INTEGER, required=False)
    annotation_count = serializers.IntegerField(read_only=True, default=0)

    class Meta:
        model = Category
        fields = ["id", "coco_id", "name", "color", "supercategory", "position", "annotation_count"]
        validators = []  # uniqueness in the project is checked by annotator.projects

    def validate_color(self, value: str) -> str:
        return value.lower()


class MemberSerializer(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username", max_length=150)

    class Meta:
        model = Membership
        fields = ["id", "username", "role"]


class MemberRoleSerializer(serializers.Serializer):
    role = serializers.ChoiceField(choices=Role.choices)


# --- images ---
class ImageSerializer(serializers.ModelSerializer):
    """Reading needs a queryset `with_details()`."""

    embedding_state = serializers.ChoiceField(
        choices=[*EmbeddingJob.State.values, "missing"],
        read_only=True,
        help_text='"missing": no model bundle is installed.',
    )
    annotation_count = serializers.IntegerField(read_only=True)
    file_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()

    class Meta:
        model = Image
        fields = [
            "id",
            "project",
            "name",
            "width",
            "height",
            "state",
            "embedding_state",
            "annotation_count",
            "digest",
            "file_url",
            "thumbnail_url",
            "created_at",
        ]
        read_only_fields = [name for name in fields if name != "state"]

    def get_file_url(self, image: Image) -> str:
        # With the digest in it, the address may be cached for ever.
        return f"{reverse('api:image-file', args=[image.pk])}?digest={image.digest}"

    def get_thumbnail_url(self, image: Image) -> str:
        return f"{reverse('api:image-thumbnail', args=[image.pk])}?digest={image.digest}"


class UploadedImageSerializer(ImageSerializer):
    duplicate = serializers.BooleanField(read_only=True)

    class Meta(ImageSerializer.Meta):
        fields = [*ImageSerializer.Meta.fields, "duplicate"]
        read_only_fields = fields


class UploadSerializer(serializers.Serializer):
    files = serializers.ListField(child=serializers.FileField(), help_text="Images, or zips of images.")


class RefusedFileSerializer(serializers.Serializer):
    name = serializers.CharField()
    code = serializers.CharField(source="error.code")
    message = serializers.CharField(source="error.message")


class UploadReportSerializer(serializers.Serializer):
    results = UploadedImageSerializer(many=True)
    errors = RefusedFileSerializer(many=True)


class EmbeddingStateSerializer(serializers.Serializer):
    state = serializers.ChoiceField(choices=EmbeddingJob.State.choices)
    attempts = serializers.IntegerField()
    error = serializers.CharField()
    position = serializers.IntegerField(
        allow_null=True, help_text="Jobs before this one, while it is queued."
    )


# --- annotations ---
class RleSerializer(serializers.Serializer):
    size = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)
    counts = serializers.CharField()


class PromptSerializer(serializers.Serializer):
    point_coords = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
    point_labels = serializers.ListField(child=serializers.IntegerField())
    box = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    box_step = serializers.IntegerField(allow_null=True)
    mask_indices = serializers.ListField(child=serializers.IntegerField())


@extend_schema_field(RleSerializer)
class RleField(serializers.JSONField):
    """Passed on as sent; `annotator.annotations` checks it against the image."""


@extend_schema_field(PromptSerializer)
class PromptField(serializers.JSONField):
    """Passed on as sent; `annotator.annotations` checks it against the image."""


class AnnotationSerializer(serializers.ModelSerializer):
    segmentation = RleField()
    prompt = PromptField(allow_null=True)
    bbox = serializers.ListField(child=serializers.IntegerField(), source="bbox_xywh")
    author = serializers.CharField(source="author.username", default=None, allow_null=True)

    class Meta:
        model = Annotation
        fields = [
            "id",
            "image",
            "category",
            "segmentation",
            "area",
            "bbox",
            "prompt",
            "predicted_iou",
            "stability_score",
            "bundle_digest",
            "author",
            "time_spent_s",
            "clicks",
            "version",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class AnnotationChangeSerializer(serializers.Serializer):
    """What a PATCH may carry. `area` and `bbox` are the server's, whatever is sent."""

    category = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    segmentation = RleField(required=False)
    prompt = PromptField(required=False, allow_null=True)
    predicted_iou = serializers.FloatField(required=False, allow_null=True)
    stability_score = serializers.FloatField(required=False, allow_null=True)
    bundle_digest = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=64)
    time_spent_s = serializers.FloatField(required=False, min_value=0, max_value=LONGEST_EFFORT_S)
    clicks = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_INTEGER)


class AnnotationPatchSerializer(AnnotationChangeSerializer):
    version = serializers.IntegerField(min_value=1, max_value=LARGEST_INTEGER, required=False)


class AnnotationCreateSerializer(AnnotationChangeSerializer):
    id = serializers.UUIDField()
    category = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    segmentation = RleField()


# --- exports ---
class ExportStartSerializer(serializers.Serializer):
    format = serializers.ChoiceField(choices=sorted(EXPORTERS))
    segmentation = serializers.ChoiceField(choices=SEGMENTATIONS, default="rle")
    include_images = serializers.BooleanField(default=False)
    states = serializers.ListField(
        child=serializers.ChoiceField(choices=Image.State.choices),
        required=False,
        help_text="Only images in these states; all when left out.",
    )


class ExportSerializer(serializers.ModelSerializer):
    progress = serializers.FloatField(read_only=True)
    file_url = serializers.SerializerMethodField()

    class Meta:
        model = Export
        fields = [
            "id",
            "format",
            "options",
            "state",
            "progress",
            "done",
            "total",
            "error",
            "size_bytes",
            "file_url",
            "file_name",
            "created_at",
        ]
        read_only_fields = fields

    def get_file_url(self, export: Export) -> str | None:
        if export.state != Export.State.READY:
            return None
        return reverse("api:export-file", args=[export.pk])


# --- bundles ---
class OutputsSerializer(serializers.Serializer):
    """The masks that one decode gives: how many, the one for a clear prompt, those for an ambiguous one."""

    count = serializers.IntegerField()
    single = serializers.IntegerField()
    candidates = serializers.ListField(child=serializers.IntegerField())


class BundleSerializer(serializers.ModelSerializer):
    embedding = serializers.DictField(child=serializers.ListField(child=serializers.IntegerField()))
    decoder_url = serializers.SerializerMethodField()
    fast_decoder_url = serializers.SerializerMethodField()
    outputs = serializers.SerializerMethodField()
    session_url = serializers.SerializerMethodField()

    class Meta:
        model = Bundle
        fields = [
            "name",
            "title",
            "family",
            "digest",
            "input_side",
            "mask_threshold",
            "low_res_side",
            "embedding",
            "is_default",
            "decoder_url",
            "decoder_sha256",
            "fast_decoder_url",
            "outputs",
            "session_url",
        ]
        read_only_fields = fields

    def get_decoder_url(self, bundle: Bundle) -> str:
        url = reverse("api:bundle-decoder", args=[bundle.name])
        return f"{url}?sha256={bundle.decoder_sha256}" if bundle.decoder_sha256 else url

    def get_fast_decoder_url(self, bundle: Bundle) -> str | None:
        version = bundles.fast_decoder_version(bundle)
        url = reverse("api:bundle-fast-decoder", args=[bundle.name])
        return version and f"{url}?version={version}"

    @extend_schema_field(OutputsSerializer)
    def get_outputs(self, bundle: Bundle) -> dict[str, Any]:
        return outputs_of(bundle.manifest).as_dict()

    def get_session_url(self, bundle: Bundle) -> str | None:
        module = bundles.session_module(bundle.family)
        return module and static(module)


BYTES = OpenApiTypes.BINARY
