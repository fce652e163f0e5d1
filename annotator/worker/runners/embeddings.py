"""One embedding job -> one embedding file. Runs in worker processes and commands; torch comes in here."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from annotator.bundles.encoders import open_encoder
from annotator.bundles.folders import folder_of
from annotator.embeddings import stand_ins
from annotator.embeddings import store as embedding_store
from annotator.errors import MaskwrightError
from annotator.files import unowned
from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, NotNow
from annotator.media import tiles
from annotator.media.errors import DamagedImage
from annotator.media.pixels import read_pixels
from annotator.models import Bundle, EmbeddingJob, Image, WorkerHeartbeat
from annotator.worker import storage_ready
from segmentation.embedding_file import checksum
from segmentation.regions import region_from_text

if TYPE_CHECKING:
    from segmentation.encoder import ImageEncoder

logger = logging.getLogger(__name__)

# Until a model that could not be opened is tried again: its weights may have to be read whole to know.
REOPEN_AFTER_S = 30.0

# The encoder of the last job's bundle stays loaded: loading costs seconds and, for ViT-H, gigabytes.
_encoders: dict[str, ImageEncoder] = {}


def run(job: EmbeddingJob) -> None:
    """Makes the embedding of a claimed job.

    Raises:
        JobFailed: the image's file is damaged or missing.
        NotNow: the bundle cannot be opened, or all pictures are missing, which is no image's fault; the other jobs that
            would meet the same wait as well.
        LeaseLost: the job belongs to somebody else by now.
    """
    started_s = time.perf_counter()
    try:
        content = _make_embedding(job)
    except DamagedImage as error:
        raise JobFailed(str(error), permanent=True) from error
    except FileNotFoundError as error:
        logger.error("%s: %s", job, error)
        if storage_ready.are_pictures_away(job.image):
            raise NotNow(
                "The server's pictures are away; this waits until they are back.",
                storage_ready.PICTURES_DELAY_S,
                Q(pk__isnull=False),
            ) from error
        # Tried again all the same: it may be the only image there is.
        raise JobFailed("A file is missing from the server's storage; its log says which.") from error
    duration_ms = round((time.perf_counter() - started_s) * 1000)
    with transaction.atomic():
        queue.finish(job, size_bytes=len(content), checksum=checksum(content), duration_ms=duration_ms)
        unowned.strike_out([embedding_store.file_name(job.bundle.digest, job.image.digest, job.region)])
    logger.info("embedding of image %s %s made in %s ms", job.image_id, job.region or "(whole)", duration_ms)
    if not job.region:
        _make_tiles(job.image)


def load_stand_in() -> None:
    """Loads the bundle that stands in for others, where there are images of others: that takes seconds."""
    stand_in = stand_ins.needed_stand_in()
    if stand_in:
        with suppress(NotNow):  # it is in the log, and the next job tries again
            _encoder_for(stand_in, worker="")


def _make_tiles(image: Image) -> None:
    """Of a large image: whoever opens it first need not wait. Where that fails, the first request tries again."""
    try:
        tiles.make(image)
    except (MaskwrightError, OSError):
        logger.exception("tiles of image %s could not be made", image.pk)


def _make_embedding(job: EmbeddingJob) -> bytes:
    """Encodes and stores; the file's content. Another project's image of the same pixels may have done it already; a
    file that is damaged is replaced."""
    bundle, image = job.bundle, job.image
    known = embedding_store.whole_file(bundle.digest, image.digest, job.region)
    if known is not None:
        return known

    from segmentation.embedding_file import write_embedding

    pixels = read_pixels(image)
    region = region_from_text(job.region, image.hw) if job.region else None
    encoder = _encoder_for(bundle, job.worker)
    tensors = encoder.encode(pixels[region.slices] if region else pixels)
    way = encoder.last_way
    content = write_embedding(tensors, bundle.digest, image.hw, region, way.precision, way.backend)
    embedding_store.save(bundle.digest, image.digest, content, job.region)
    return content


def _encoder_for(bundle: Bundle, worker: str) -> ImageEncoder:
    """Raises NotNow where the bundle cannot be opened."""
    if bundle.digest not in _encoders:
        try:
            encoder = _opened(bundle)
        except Exception as error:
            # Files, torch, onnxruntime, a device: whatever it is, it is no image's fault.
            logger.exception("the bundle %s cannot be opened", bundle.name)
            raise NotNow(
                f"The model {bundle.name} cannot be opened on the server, whose log says why; its images wait.",
                REOPEN_AFTER_S,
                Q(bundle__digest=bundle.digest),
            ) from error
        _encoders[bundle.digest] = encoder
        WorkerHeartbeat.objects.filter(name=worker).update(device=encoder.place, last_seen=timezone.now())
        logger.info("image encoder %s loaded on %s", bundle.name, encoder.place)
    return _encoders[bundle.digest]


def _opened(bundle: Bundle) -> ImageEncoder:
    from segmentation.bundle import load_manifest

    folder = folder_of(bundle)
    manifest = load_manifest(folder)
    if manifest.digest != bundle.digest:
        raise RuntimeError(f"the bundle in {folder} has changed; run: manage.py install_bundle {bundle.name}")
    _encoders.clear()
    return open_encoder(bundle)
