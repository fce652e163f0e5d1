"""How long the decoder takes in people's browsers, as their pages report it; the metrics show it."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base.errors import ErrorSerializer
from annotator.operations import metrics

MOST_AT_ONCE = 200
LONGEST_MS = 600_000


class TimingsSerializer(serializers.Serializer):
    decode_ms = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=LONGEST_MS),
        max_length=MOST_AT_ONCE,
        help_text="One number a decode, in milliseconds.",
    )


class TimingsView(APIView):
    @extend_schema(request=TimingsSerializer, responses={204: None, 400: ErrorSerializer})
    def post(self, request: Request) -> Response:
        """Counts the times of some decodes. Nothing is kept of who sent them."""
        form = TimingsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        for milliseconds in form.validated_data["decode_ms"]:
            metrics.DECODE_SECONDS.observe(milliseconds / 1000)
        return Response(status=204)
