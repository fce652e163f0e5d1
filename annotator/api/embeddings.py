"""Image embeddings over HTTP: the bytes, or how far their job is."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.files import BYTES, file_response
from annotator.api.base.scope import RowView
from annotator.embeddings import queue as embedding_queue
from annotator.embeddings import store as embedding_store
from annotator.embeddings.errors import BundleMismatch
from annotator.embeddings.which_bundle import bundle_of
from annotator.models import EmbeddingJob, Image


class EmbeddingStateSerializer(serializers.Serializer):
    state = serializers.ChoiceField(choices=EmbeddingJob.STATES)
    attempts = serializers.IntegerField()
    error = serializers.CharField()
    position = serializers.IntegerField(
        allow_null=True, help_text="Jobs before this one, while it is queued."
    )


class EmbeddingView(RowView):
    write_right = "annotate"
    lookup_url_kwarg = "image_id"
    serializer_class = EmbeddingStateSerializer
    queryset = Image.objects.select_related("project__bundle")

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "digest",
                str,
                description="Digest of the bundle the embedding is wanted for; 409 for another one.",
            )
        ],
        responses={
            (200, "application/octet-stream"): BYTES,
            202: EmbeddingStateSerializer,
            304: OpenApiResponse(description="The browser has it."),
            409: ErrorSerializer,
        },
    )
    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        """The image embedding, or 202 with its job's state. Asking moves the job to the front of the queue."""
        image = self.get_object()
        bundle = bundle_of(image.project)
        wanted = request.query_params.get("digest")
        if wanted and wanted != bundle.digest:
            raise BundleMismatch(
                f"The project's bundle is {bundle.name} {bundle.digest}; reload to get its decoder."
            )
        job = embedding_queue.open_image(image)
        if job.state == EmbeddingJob.State.READY:
            try:
                return file_response(
                    request,
                    lambda: embedding_store.open_for_wire(bundle.digest, image.digest),
                    etag=embedding_store.etag(bundle.digest, image.digest),
                    content_type="application/octet-stream",
                    immutable=bool(wanted),
                )
            except FileNotFoundError:
                job = embedding_queue.requeue_lost(job)
        return _job_state(job)

    @extend_schema(request=None, responses={202: EmbeddingStateSerializer, 409: ErrorSerializer})
    def post(self, request: Request, image_id: int) -> HttpResponseBase:
        """Tries a failed embedding again."""
        image = self.get_object()
        job = embedding_queue.ensure_job(image, bundle_of(image.project))
        return _job_state(embedding_queue.retry(job))


def _job_state(job: EmbeddingJob) -> Response:
    row = {
        "state": job.state,
        "attempts": job.attempts,
        "error": job.error,
        "position": embedding_queue.position(job),
    }
    return Response(row, status=202, headers={"Cache-Control": "no-store"})
