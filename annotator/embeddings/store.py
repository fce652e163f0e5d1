"""Embedding files in Django's storage: one per (model bundle digest, image content digest, region of the image).

A region is written as in `EmbeddingJob.region`: "" for the whole image. Files are named by what goes in, so a file
never changes its meaning: it may be cached for ever, and two projects with the same image share it. The job's row has
the size and the checksum of the file, which a disk that damages it does not change.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import BinaryIO

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotator.files import stored, unowned
from annotator.models import Bundle, EmbeddingJob, Image
from segmentation.bundle import BundleDigestMismatch
from segmentation.embedding_file import EmbeddingFileInvalid, as_int8, checksum, read_embedding

FOLDER = "embeddings"
SUFFIX = ".safetensors"


def file_name(bundle_digest: str, image_digest: str, region: str = "") -> str:
    return f"{FOLDER}/{bundle_digest}/{image_digest}{_part(region)}{SUFFIX}"


def whole_file(bundle_digest: str, image_digest: str, region: str = "") -> bytes | None:
    """The content of an embedding file that is there and can be read; else None."""
    try:
        with open_file(bundle_digest, image_digest, region) as file:
            content = file.read()
        read_embedding(content, bundle_digest)
    except (FileNotFoundError, EmbeddingFileInvalid, BundleDigestMismatch):
        return None
    return content


def is_sound(job: EmbeddingJob, *, thoroughly: bool = False) -> bool:
    """Whether the file of a ready job is what the job's row says of it.

    Each process reads a file once and then only asks for its size and time: bytes that go bad on the disk later are
    noticed by the page, which then asks thoroughly.

    Raises:
        FileNotFoundError: it is gone.
    """
    name = file_name(job.bundle.digest, job.image.digest, job.region)
    size_bytes = default_storage.size(name)
    if job.size_bytes is not None and job.size_bytes != size_bytes:
        return False
    if not job.checksum:  # made before checksums were kept
        return not thoroughly or whole_file(job.bundle.digest, job.image.digest, job.region) is not None
    if thoroughly:
        return _checksum_of(name) == job.checksum
    return _known_checksum(name, size_bytes, default_storage.get_modified_time(name)) == job.checksum


@lru_cache(maxsize=20_000)
def _known_checksum(name: str, size_bytes: int, modified: datetime) -> str:
    return _checksum_of(name)


def _checksum_of(name: str) -> str:
    with stored.open_file(name) as file:
        return checksum(file.read())


def save(bundle_digest: str, image_digest: str, content: bytes, region: str = "") -> str:
    """Writes an embedding file, whole or not at all, as one that no row owns yet; returns its storage name."""
    name = file_name(bundle_digest, image_digest, region)
    unowned.note([name])
    return default_storage.save(name, ContentFile(content))


def open_file(bundle_digest: str, image_digest: str, region: str = "") -> BinaryIO:
    """The file opened for reading. Raises FileNotFoundError."""
    return stored.open_file(file_name(bundle_digest, image_digest, region))


def open_for_wire(bundle_digest: str, image_digest: str, region: str = "") -> BinaryIO:
    """What the browser is sent: the file, or its int8 form, by setting. Raises FileNotFoundError.

    The int8 form is made anew each time: tens of ms of a server's time, once per image and browser, are less than a
    second copy of every embedding on the disk.
    """
    file = open_file(bundle_digest, image_digest, region)
    if settings.EMBEDDING_ENCODING == "float16":
        return file
    with file:
        return io.BytesIO(as_int8(file.read()))


def etag(job: EmbeddingJob) -> str:
    """Of what `open_for_wire` gives: another one for a file that was made anew."""
    bundle_digest, image_digest, region = job.bundle.digest, job.image.digest, job.region
    encoding = "" if settings.EMBEDDING_ENCODING == "float16" else f"-{settings.EMBEDDING_ENCODING}"
    return f'"{bundle_digest[:32]}-{image_digest[:32]}{_part(region)}-{job.checksum}{encoding}"'


def names_of(images: Iterable[Image]) -> list[str]:
    """The storage names of the images' embeddings; other projects' images of the same pixels may share them."""
    ids = [image.pk for image in images]
    # Locked, so that none becomes ready between this and the rows' end.
    jobs = EmbeddingJob.objects.select_for_update(of=("self",)).filter(image__in=ids)
    ready = [job.pk for job in jobs if job.state == EmbeddingJob.State.READY]
    return names_of_jobs(EmbeddingJob.objects.filter(pk__in=ready))


def names_of_jobs(jobs: QuerySet[EmbeddingJob]) -> list[str]:
    """The storage names of jobs that are ready."""
    columns = ("bundle__digest", "image__digest", "region")
    return [file_name(*digests) for digests in jobs.order_by().values_list(*columns).distinct()]


def discard(names: Iterable[str]) -> list[str]:
    """Deletes noted embeddings that no image needs any more; the names of the deleted ones.

    One that waits for its job, of an image of the same pixels, is left to that job, or to the sweep.
    """
    return unowned.discard([name for name in names if not _jobs_of(name).exists()], is_wanted=_is_owned)


def sweep_unused(min_age_s: float = unowned.MIN_AGE_S) -> list[str]:
    """Removes embeddings nobody will ask for: of bundles that others replaced, and those that came to nothing.

    A bundle that is merely away keeps its embeddings: its folder may come back, and they may have taken days. Rows of
    what is removed go too, before the files, so that an older bundle put back in place gets new jobs.

    Args:
        min_age_s: younger ones stay. In seconds.

    Returns:
        The storage names of the removed files.
    """
    replaced = Bundle.objects.filter(is_available=False, name__in=Bundle.objects.available().values("name"))
    oldest_kept = timezone.now() - timedelta(seconds=min_age_s)
    with transaction.atomic():
        jobs = EmbeddingJob.objects.filter(bundle__in=replaced).exclude(finished_at__gte=oldest_kept)
        names = names_of_jobs(jobs.filter(state=EmbeddingJob.State.READY))
        unowned.note(names)
        EmbeddingJob.objects.filter(pk__in=list(jobs.values_list("pk", flat=True))).delete()
    return discard(names) + unowned.sweep(f"{FOLDER}/", min_age_s, _is_owned)


def _is_owned(name: str) -> bool:
    """Whether a job says that its embedding is there: two of the same pixels have one file."""
    return _jobs_of(name).filter(state=EmbeddingJob.State.READY).exists()


def _jobs_of(name: str) -> QuerySet[EmbeddingJob]:
    _, bundle_digest, rest = name.removesuffix(SUFFIX).split("/")
    image_digest, *region = rest.split("-")
    return EmbeddingJob.objects.filter(
        bundle__digest=bundle_digest, image__digest=image_digest, region=",".join(region)
    )


def _part(region: str) -> str:
    """What names and tags have for a region; "" for the whole image."""
    return f"-{region.replace(',', '-')}" if region else ""
