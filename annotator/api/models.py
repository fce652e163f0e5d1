"""The catalogue of published models over HTTP, and what admins have done with models: installed, tested, removed."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.scope import StaffWriteMixin
from annotator.bundles import catalogue, jobs, licences
from annotator.bundles.default_change import default_change
from annotator.models import Bundle, BundleJob, Project
from annotator.people.permissions import signed_in
from segmentation.catalogue import Member, UnknownMember, member, members

ROW_FIELDS = (
    "name",
    "family",
    "variant",
    "title",
    "licence",
    "good_for",
    "speed",
    "gpu_speed",
    "input_side",
    "prompt_hint",
    "size",
)


class BundleJobSerializer(serializers.ModelSerializer):
    class Meta:
        model = BundleJob
        fields = [
            "id", "action", "name", "state", "stage", "done", "total", "rate", "error", "result", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def to_representation(self, job: BundleJob) -> dict[str, Any]:
        """Errors name folders of the server, which are its admins' business."""
        shown = super().to_representation(job)
        if job.error and not signed_in(self.context["request"].user).is_staff:
            shown["error"] = "It failed; whoever runs this server sees why."
        return shown


class CatalogueRowSerializer(serializers.Serializer):
    """A published model. `licence_accepted` also where the licence asks for nothing."""

    name = serializers.CharField()
    family = serializers.CharField()
    variant = serializers.CharField()
    title = serializers.CharField()
    licence = serializers.CharField()
    licence_accepted = serializers.BooleanField()
    good_for = serializers.CharField()
    speed = serializers.CharField(help_text="Of its image encoder on a CPU: fast, medium or slow.")
    gpu_speed = serializers.CharField(help_text="Likewise on a GPU: fast or medium.")
    input_side = serializers.IntegerField(help_text="Pixels of the square that its image encoder sees.")
    prompt_hint = serializers.CharField(help_text="The prompt to begin with.")
    size = serializers.IntegerField(allow_null=True, help_text="Bytes to fetch; null where nobody says.")
    can_be_fetched = serializers.BooleanField()
    is_installed = serializers.BooleanField()


class InstallSerializer(serializers.Serializer):
    accept_licence = serializers.BooleanField(
        default=False, help_text="Needed once where the licence does not allow everything to everybody."
    )
    accept_digest = serializers.RegexField(
        r"^([0-9a-f]{64})?$",
        default="",
        allow_blank=True,
        help_text="The sha256 that is taken where nobody publishes one.",
    )


class CatalogueView(generics.GenericAPIView):
    """The published models that can be installed by name."""

    pagination_class = None
    queryset = Bundle.objects.none()  # of the API's schema
    serializer_class = CatalogueRowSerializer

    @extend_schema(responses=CatalogueRowSerializer(many=True))
    def get(self, request: Request) -> Response:
        rows = members()
        asking = {row.name for row in licences.still_to_accept(rows)}
        installed = set(Bundle.objects.available().values_list("name", flat=True))
        return Response(
            [
                {field: getattr(row, field) for field in ROW_FIELDS}
                | {
                    "licence_accepted": row.name not in asking,
                    "can_be_fetched": catalogue.can_be_fetched(row),
                    "is_installed": row.name in installed,
                }
                for row in rows
            ]
        )


class CatalogueInstallView(StaffWriteMixin, generics.GenericAPIView):
    serializer_class = InstallSerializer

    @extend_schema(request=InstallSerializer, responses={202: BundleJobSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Has a worker fetch, check, convert, install and test the model; follow it under `/api/bundle-jobs/{id}/`."""
        row = _row(name)
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        job = jobs.install(row, signed_in(request.user), **form.validated_data)
        return Response(BundleJobSerializer(job, context=self.get_serializer_context()).data, status=202)


class DefaultChangeSerializer(serializers.Serializer):
    """What it costs to make a bundle the default one."""

    projects = serializers.IntegerField(help_text="Without a bundle of their own: they follow.")
    embeddings = serializers.IntegerField(help_text="That these lack.")
    seconds = serializers.FloatField(
        allow_null=True,
        help_text="For one worker to make them; null where none of the bundle was measured yet.",
    )
    text = serializers.CharField(help_text="For people.")


class BundleDefaultView(StaffWriteMixin, generics.GenericAPIView):
    queryset = Bundle.objects.available()
    lookup_field = "name"

    @extend_schema(responses=DefaultChangeSerializer)
    def get(self, request: Request, name: str) -> Response:
        """How many projects would follow, and what that costs."""
        return Response(DefaultChangeSerializer(default_change(self.get_object())).data)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, name: str) -> Response:
        """New projects get this bundle, and so do those that chose none: their images are queued."""
        catalogue.set_default(self.get_object())
        return Response(status=204)


class BundleSelfTestView(StaffWriteMixin, generics.GenericAPIView):
    queryset = Bundle.objects.available()
    lookup_field = "name"

    @extend_schema(request=None, responses={202: BundleJobSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Has a worker read the bundle's files, embed an image and compare the decoder with the network."""
        job = jobs.self_test(self.get_object(), signed_in(request.user))
        return Response(BundleJobSerializer(job, context=self.get_serializer_context()).data, status=202)


class BundleJobView(StaffWriteMixin, generics.RetrieveDestroyAPIView):
    """Managers of any project see it. Deleting cancels a job that waits or runs; its row stays until it is deleted once
    more."""

    lookup_url_kwarg = "job_id"
    serializer_class = BundleJobSerializer
    queryset = BundleJob.objects.all()

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        user = signed_in(request.user)
        if not (user.is_staff or Project.objects.managed_by(user).exists()):
            self.permission_denied(
                request, message="Only managers of a project see what is done with models."
            )

    def perform_destroy(self, job: BundleJob) -> None:
        jobs.cancel(job)


def _row(name: str) -> Member:
    try:
        return member(name)
    except UnknownMember as error:
        raise Http404(str(error)) from error
