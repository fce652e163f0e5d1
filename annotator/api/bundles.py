from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.files import file_response
from annotator.api.serializers import BYTES, BundleSerializer, ErrorSerializer
from annotator.bundles import decoders
from annotator.models import Bundle


class BundlesView(generics.ListAPIView):
    """The installed model bundles."""

    serializer_class = BundleSerializer
    queryset = Bundle.objects.available()


class BundleView(generics.RetrieveAPIView):
    serializer_class = BundleSerializer
    queryset = Bundle.objects.available()
    lookup_field = "name"


class BundleDecoderView(generics.GenericAPIView):
    queryset = Bundle.objects.available()
    lookup_field = "name"

    @extend_schema(
        parameters=[
            OpenApiParameter("sha256", str, description="With the file's sha256, it may be cached for ever.")
        ],
        responses={(200, "application/octet-stream"): BYTES, 503: ErrorSerializer},
    )
    def get(self, request: Request, name: str) -> HttpResponse | Response:
        """The ONNX decoder the browser runs."""
        bundle = self.get_object()
        path = decoders.require_decoder(bundle)
        return file_response(
            request,
            lambda: open(path, "rb"),
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
    def get(self, request: Request, name: str) -> HttpResponse | Response:
        """The fast decoder: graphs, weights and kernel in one file. Only some families have one."""
        bundle = self.get_object()
        version = decoders.fast_decoder_version(bundle)
        if version is None:
            raise NotFound(f"The bundle {bundle.name} has no fast decoder; use its decoder.")
        return file_response(
            request,
            lambda: open(decoders.fast_decoder_file(bundle), "rb"),
            etag=f'"{version}"',
            content_type="application/octet-stream",
            immutable=request.query_params.get("version") == version,
            file_name=f"{bundle.name}.fast.safetensors",
        )
