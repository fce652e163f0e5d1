"""Embedding files in Django's storage: one per (model bundle digest, image content digest).

Named by what goes in, so a file never changes its meaning: it may be cached for ever, and two projects with the same
photograph share it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from annotator.models import Bundle, EmbeddingJob, Image
from segmentation.embedding_file import as_int8

FOLDER = "embeddings"
SUFFIX = ".safetensors"


def file_name(bundle_digest: str, image_digest: str) -> str:
    return f"{FOLDER}/{bundle_digest}/{image_digest}{SUFFIX}"


def exists(bundle_digest: str, image_digest: str) -> bool:
    return default_storage.exists(file_name(bundle_digest, image_digest))


def size_bytes(bundle_digest: str, image_digest: str) -> int:
    return default_storage.size(file_name(bundle_digest, image_digest))


def save(bundle_digest: str, image_digest: str, content: bytes) -> str:
    """Writes an embedding file, whole or not at all; returns its storage name."""
    return default_storage.save(file_name(bundle_digest, image_digest), ContentFile(content))


def open_file(bundle_digest: str, image_digest: str) -> BinaryIO:
    """The file opened for reading. Raises FileNotFoundError."""
    return default_storage.open(file_name(bundle_digest, image_digest), "rb")


def open_for_wire(bundle_digest: str, image_digest: str) -> BinaryIO:
    """What the browser is sent: the file, or its int8 form, by setting. Raises FileNotFoundError.

    The int8 form is made anew each time: tens of ms of a server's time, once per image and browser, are less than a
    second copy of every embedding on the disk.
    """
    file = open_file(bundle_digest, image_digest)
    if settings.EMBEDDING_ENCODING == "float16":
        return file
    with file:
        return io.BytesIO(as_int8(file.read()))


def etag(bundle_digest: str, image_digest: str) -> str:
    """Of what `open_for_wire` gives."""
    encoding = "" if settings.EMBEDDING_ENCODING == "float16" else f"-{settings.EMBEDDING_ENCODING}"
    return f'"{bundle_digest[:32]}-{image_digest[:32]}{encoding}"'


def delete_unused(image_digests: Iterable[str]) -> int:
    """Removes the embeddings of pixels that no image in any project has any more; how many files."""
    unused = set(image_digests) - set(
        Image.objects.filter(digest__in=list(image_digests)).values_list("digest", flat=True)
    )
    removed = 0
    for bundle_digest in _folders():
        for digest in unused:
            if exists(bundle_digest, digest):
                default_storage.delete(file_name(bundle_digest, digest))
                removed += 1
    return removed


def sweep_unused(min_age_s: float = 3600) -> list[str]:
    """Removes embeddings nobody will ask for: of bundles that others replaced, and of pixels no image has.

    A bundle that is merely away keeps its embeddings: its folder may come back, and they may have taken days. Rows of
    what is removed go too, before the files, so that an older bundle put back in place gets new jobs.

    Args:
        min_age_s: younger files stay, since a worker writes the file before the row. In seconds.

    Returns:
        The storage names of the removed files.
    """
    replaced = Bundle.objects.filter(is_available=False, name__in=Bundle.objects.available().values("name"))
    EmbeddingJob.objects.filter(bundle__in=replaced).delete()
    wanted = set(Bundle.objects.exclude(pk__in=replaced).values_list("digest", flat=True))
    pixels = set(Image.objects.values_list("digest", flat=True))
    oldest_kept = timezone.now() - timedelta(seconds=min_age_s)
    removed = []
    for bundle_digest in _folders():
        for name in default_storage.listdir(f"{FOLDER}/{bundle_digest}")[1]:
            if bundle_digest in wanted and name.removesuffix(SUFFIX) in pixels:
                continue
            path = f"{FOLDER}/{bundle_digest}/{name}"
            try:
                if default_storage.get_modified_time(path) < oldest_kept:
                    default_storage.delete(path)
                    removed.append(path)
            except FileNotFoundError:  # another machine's worker sweeps too
                continue
    return removed


def _folders() -> list[str]:
    try:
        return default_storage.listdir(FOLDER)[0]
    except FileNotFoundError:
        return []
