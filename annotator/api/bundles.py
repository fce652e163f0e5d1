"""Model bundles and their decoders over HTTP."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.files import BYTES, file_response
from annotator.api.base.scope import StaffWriteMixin
from annotator.bundles import decoders, removal
from annotator.files.stored import open_file
from annotator.models import Bundle
from segmentation.bundle import fit_of, outputs_of, takes_mask_of
from segmentation.frames import PAD, STRETCH


class OutputsSerializer(serializers.Serializer):
    """The masks that one decode gives: how many, the one for a clear prompt (null: the best rated of the others), those
    for an ambiguous one."""

    count = serializers.IntegerField()
    single = serializers.IntegerField(allow_null=True)
    candidates = serializers.ListField(child=serializers.IntegerField())


class QualitySerializer(serializers.Serializer):
    """Mean IoU with real masks, 0 to 1, of the mask shown for a first prompt; over how many masks."""

    one_click = serializers.FloatField()
    box = serializers.FloatField()
    masks = serializers.IntegerField()


class BundleSerializer(serializers.ModelSerializer):
    embedding = serializers.DictField(child=serializers.ListField(child=serializers.IntegerField()))
    decoder_url = serializers.SerializerMethodField()
    fast_decoder_url = serializers.SerializerMethodField()
    fit = serializers.SerializerMethodField()
    outputs = serializers.SerializerMethodField()
    quality = QualitySerializer(allow_null=True)
    session_url = serializers.SerializerMethodField()
    takes_mask = serializers.SerializerMethodField()

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
            "fit",
            "outputs",
            "quality",
            "session_url",
            "takes_mask",
        ]
        read_only_fields = fields

    def get_decoder_url(self, bundle: Bundle) -> str:
        url = reverse("api:bundle-decoder", args=[bundle.name])
        return f"{url}?sha256={bundle.decoder_sha256}" if bundle.decoder_sha256 else url

    def get_fast_decoder_url(self, bundle: Bundle) -> str | None:
        version = decoders.package_version(bundle)
        url = reverse("api:bundle-fast-decoder", args=[bundle.name])
        return version and f"{url}?version={version}"

    @extend_schema_field(serializers.ChoiceField([PAD, STRETCH]))
    def get_fit(self, bundle: Bundle) -> str:
        return fit_of(bundle.manifest)

    @extend_schema_field(OutputsSerializer)
    def get_outputs(self, bundle: Bundle) -> dict[str, Any]:
        return outputs_of(bundle.manifest).as_dict()

    def get_session_url(self, bundle: Bundle) -> str | None:
        module = decoders.session_module(bundle.family)
        return module and static(module)

    def get_takes_mask(self, bundle: Bundle) -> bool:
        """Whether a prompt can go on from a mask that was made otherwise."""
        return takes_mask_of(bundle.manifest)


class BundlesView(generics.ListAPIView):
    """The installed model bundles."""

    serializer_class = BundleSerializer
    queryset = Bundle.objects.available()


class BundleView(StaffWriteMixin, generics.RetrieveDestroyAPIView):
    """Deleting removes a bundle that nobody uses, with its decoder and its embeddings; for those who run the server."""

    serializer_class = BundleSerializer
    queryset = Bundle.objects.available()
    lookup_field = "name"

    def perform_destroy(self, bundle: Bundle) -> None:
        removal.remove(bundle)


class BundleDecoderView(generics.GenericAPIView):
    queryset = Bundle.objects.available()
    lookup_field = "name"

    @extend_schema(
        parameters=[
            OpenApiParameter("sha256", str, description="With the file's sha256, it may be cached for ever.")
        ],
        responses={(200, "application/octet-stream"): BYTES, 503: ErrorSerializer},
    )
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """The ONNX decoder the browser runs."""
        bundle = self.get_object()
        stored = decoders.require_decoder(bundle)
        return file_response(
            request,
            lambda: open_file(stored, decoders.decoder_storage()),
            etag=f'"{bundle.decoder_sha256 or bundle.digest}"',
            content_type="application/octet-stream",
            immutable=bool(bundle.decoder_sha256)
            and request.query_params.get("sha256") == bundle.decoder_sha256,
            file_name=f"{bundle.name}.onnx",
        )


class BundleFastDecoderView(generics.GenericAPIView):
    queryset = Bundle.objects.available()
    lookup_field = "name"

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "version", str, description="With the file's version, it may be cached for ever."
            )
        ],
        responses={(200, "application/octet-stream"): BYTES, 404: ErrorSerializer},
    )
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """The fast decoder: graphs, weights and kernel in one file. Only some families have one."""
        bundle = self.get_object()
        version = decoders.package_version(bundle)
        if version is None:
            raise NotFound(f"The bundle {bundle.name} has no fast decoder; use its decoder.")
        return file_response(
            request,
            lambda: open_file(decoders.package_name(bundle), decoders.decoder_storage()),
            etag=f'"{version}"',
            content_type="application/octet-stream",
            immutable=request.query_params.get("version") == version,
            file_name=f"{bundle.name}.fast.safetensors",
        )
