"""One claimed job -> one embedding file. Runs in worker processes and commands; torch comes in here."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from annotator.embeddings import queue as embedding_queue
from annotator.embeddings import store as embedding_store
from annotator.errors import LeaseLost
from annotator.jobs.lease import LeaseKeeper
from annotator.media.errors import DamagedImage
from annotator.media.pixels import read_pixels
from annotator.models import Bundle, EmbeddingJob, Project, WorkerHeartbeat

logger = logging.getLogger(__name__)

# The encoder of the last job's bundle stays loaded: loading costs seconds and, for ViT-H, gigabytes.
_encoders: dict[str, object] = {}


def run_next(worker: str, project: Project | None = None) -> EmbeddingJob | None:
    """Claims and does the next job; None when there was none. Every outcome is written to the job's row.

    Args:
        worker: who does it, for the row.
        project: only jobs of this one.
    """
    job = embedding_queue.claim_next(worker, project)
    if job is not None:
        run(job, worker)
    return job


def run(job: EmbeddingJob, worker: str) -> None:
    """Does a claimed job."""
    try:
        with LeaseKeeper(job):
            started_s = time.perf_counter()
            size_bytes = _make_embedding(job, worker)
            duration_ms = round((time.perf_counter() - started_s) * 1000)
            embedding_queue.finish(job, size_bytes=size_bytes, duration_ms=duration_ms)
        logger.info("embedding of image %s made in %s ms", job.image_id, duration_ms)
    except LeaseLost as error:
        logger.warning("%s", error)
    except DamagedImage as error:
        logger.error("embedding of image %s failed: %s", job.image_id, error)
        embedding_queue.fail(job, str(error), permanent=True)
    except FileNotFoundError as error:  # tried again: a network drive may be away for a moment
        logger.error("embedding of image %s failed: %s", job.image_id, error)
        embedding_queue.fail(job, "A file is missing from the server's storage; its log says which.")
    except Exception as error:  # the one place that may catch everything: log, mark failed, take the next
        logger.exception("embedding of image %s failed", job.image_id)
        embedding_queue.fail(job, f"{type(error).__name__}: {error}")


def _make_embedding(job: EmbeddingJob, worker: str) -> int:
    """Encodes and stores; size in bytes. Another project's image of the same pixels may have done it already."""
    bundle, image = job.bundle, job.image
    if embedding_store.exists(bundle.digest, image.digest):
        return embedding_store.size_bytes(bundle.digest, image.digest)

    from segmentation.embedding_file import write_embedding

    pixels = read_pixels(image)
    tensors = _encoder_for(bundle, worker).encode(pixels)
    content = write_embedding(tensors, bundle_digest=bundle.digest, image_hw=image.hw)
    embedding_store.save(bundle.digest, image.digest, content)
    return len(content)


def _encoder_for(bundle: Bundle, worker: str):
    if bundle.digest not in _encoders:
        from segmentation.bundle import load_manifest
        from segmentation.encoder import ImageEncoder

        manifest = load_manifest(Path(bundle.path))
        if manifest.digest != bundle.digest:
            raise RuntimeError(
                f"the bundle in {bundle.path} has changed; run: manage.py install_bundle {bundle.name}"
            )
        _encoders.clear()
        _encoders[bundle.digest] = encoder = ImageEncoder(Path(bundle.path), device=settings.DEVICE)
        WorkerHeartbeat.objects.filter(name=worker).update(
            device=str(encoder.device), last_seen=timezone.now()
        )
        logger.info("image encoder %s loaded on %s", bundle.name, encoder.device)
    return _encoders[bundle.digest]
