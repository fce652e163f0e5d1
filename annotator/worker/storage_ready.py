"""Whether there is any use in taking jobs: all of them read or write files."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from django.core.files.storage import default_storage

from annotator.models import Image
from annotator.site import storage_mark
from annotator.site.full_disk import FULL

# Less than one embedding and its row need: what would be made could not be kept.
LEAST_FREE_BYTES = 16 * 1024 * 1024
# So many pictures tell whether one is gone or all of them are away.
PICTURES_LOOKED_FOR = 20
# Until a worker looks again whether they are back.
PICTURES_DELAY_S = 15.0

# What an operating system says of a disk, a mount or a network drive, and never of what is in a file.
NOT_THE_FILES_FAULT = FULL | {
    errno.EIO,
    errno.EROFS,
    errno.ESTALE,
    errno.ENOTCONN,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EACCES,
    errno.EPERM,
    errno.ENODEV,
    errno.ENXIO,
    errno.EBUSY,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
}


def why_not() -> str:
    """Why no job should be taken now, with what to do; empty: nothing speaks against it. Asks for no file's content."""
    return storage_mark.why_away() or _why_full()


def are_pictures_away(image: Image) -> bool:
    """Whether other images' files are missing as this one's is: then the folder is away, and the image is not to
    blame. False where there is no other image to ask for."""
    others = Image.objects.exclude(pk=image.pk).exclude(file="").order_by("-pk")
    names = others.values_list("file", flat=True)[:PICTURES_LOOKED_FOR]
    return bool(names) and not any(default_storage.exists(name) for name in names)


def is_fault_of_storage(error: OSError) -> bool:
    """Whether storage refused, rather than that a file is missing or is not what it should be."""
    return error.errno in NOT_THE_FILES_FAULT or isinstance(error, storage_mark.StorageAway)


def _why_full() -> str:
    try:
        folder = Path(default_storage.path(""))
        free_bytes = shutil.disk_usage(folder).free
    except (
        NotImplementedError,
        OSError,
    ):  # no disk of this machine, or a folder that comes with the first file
        return ""
    if free_bytes >= LEAST_FREE_BYTES:
        return ""
    return f"the disk of {folder} is full ({free_bytes / 1e6:.0f} MB are free): make room"
