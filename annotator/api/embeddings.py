"""Image embeddings over HTTP: the bytes, or how far their job is."""

from __future__ import annotations

import logging

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.base.errors import ErrorSerializer
from annotator.api.base.files import BYTES, file_response
from annotator.api.base.scope import RowView
from annotator.embeddings import queue as embedding_queue
from annotator.embeddings import regions
from annotator.embeddings import store as embedding_store
from annotator.embeddings.which_bundle import asked_bundle
from annotator.models import Bundle, EmbeddingJob, Image
from segmentation.embedding_file import EmbeddingFileInvalid

logger = logging.getLogger(__name__)


class EmbeddingStateSerializer(serializers.Serializer):
    state = serializers.ChoiceField(choices=EmbeddingJob.STATES)
    attempts = serializers.IntegerField()
    error = serializers.CharField()
    position = serializers.IntegerField(
        allow_null=True, help_text="Jobs before this one, while it is queued."
    )


REGION = OpenApiParameter(
    "region",
    str,
    description="x,y,width,height in image pixels: the embedding of this part at full resolution. Needs the right to "
    "annotate.",
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
                description="Digest of the bundle the embedding is wanted for: the project's, or the "
                "one that stands in for it; 409 for another one.",
            ),
            REGION,
            OpenApiParameter(
                "ahead",
                bool,
                description="With a region: it may be needed soon, and is made when there is nothing else to do.",
            ),
        ],
        responses={
            (200, "application/octet-stream"): BYTES,
            202: EmbeddingStateSerializer,
            304: OpenApiResponse(description="The browser has it."),
            400: ErrorSerializer,
            409: ErrorSerializer,
        },
    )
    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        """The image embedding, or 202 with its job's state. Asking moves the job to the front of the queue.

        A file that is not what was stored is made anew. With `Cache-Control: no-cache`, as a browser sends it that
        found the bytes damaged, the file is read and compared before it is sent.
        """
        image = self.get_object()
        is_ahead = self._is_ahead()
        wanted = request.query_params.get("digest", "")
        bundle = asked_bundle(image.project, wanted)
        job = self._open(image, bundle, is_ahead)
        if job.state == EmbeddingJob.State.READY:
            try:
                if not embedding_store.is_sound(job, thoroughly=_passes_caches(request)):
                    raise EmbeddingFileInvalid(f"the embedding of image {image_id} is not what was stored")
                return file_response(
                    request,
                    lambda: embedding_store.open_for_wire(bundle.digest, image.digest, job.region),
                    etag=embedding_store.etag(job),
                    content_type="application/octet-stream",
                    immutable=bool(wanted),
                )
            except FileNotFoundError:
                job = embedding_queue.requeue_lost(job)
            except EmbeddingFileInvalid as error:
                logger.error("%s; it is made anew", error)
                job = embedding_queue.requeue_lost(job, "The stored embedding was damaged.")
        return _job_state(job)

    @extend_schema(
        parameters=[OpenApiParameter("digest", str, description="As above."), REGION],
        request=None,
        responses={202: EmbeddingStateSerializer, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def post(self, request: Request, image_id: int) -> HttpResponseBase:
        """Tries a failed embedding again."""
        image = self.get_object()
        bundle = asked_bundle(image.project, request.query_params.get("digest", ""))
        if self._region:
            job = regions.open_region(image, regions.region_of(self._region, image), bundle=bundle)
        else:
            job = embedding_queue.ensure_job(image, bundle)
        return _job_state(embedding_queue.retry(job))

    def right(self) -> str:
        """To ask for a region makes work, which only those may who will prompt in it."""
        return self.write_right if self._region else super().right()

    @property
    def _region(self) -> str:
        return self.request.query_params.get("region", "")

    def _is_ahead(self) -> bool:
        try:
            return serializers.BooleanField().run_validation(self.request.query_params.get("ahead", "false"))
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"ahead": error.detail}) from error

    def _open(self, image: Image, bundle: Bundle, is_ahead: bool) -> EmbeddingJob:
        if not self._region:
            return embedding_queue.open_image(image, bundle)
        return regions.open_region(image, regions.region_of(self._region, image), is_ahead, bundle)


def _passes_caches(request: Request) -> bool:
    return "no-cache" in request.headers.get("Cache-Control", "").lower()


def _job_state(job: EmbeddingJob) -> Response:
    row = {
        "state": job.state,
        "attempts": job.attempts,
        "error": job.error,
        "position": embedding_queue.position(job),
    }
    return Response(row, status=202, headers={"Cache-Control": "no-store"})
