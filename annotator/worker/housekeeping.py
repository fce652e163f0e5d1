"""What is cleared away now and then, as a table: what it is -> the function that removes it and returns how many."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages
from django.db import close_old_connections
from django.utils import timezone

from annotator.bundles import decoders, downloads, folders
from annotator.datasets import exports, imports, versions
from annotator.embeddings import regions
from annotator.embeddings import store as embedding_store
from annotator.media import partial_uploads, removal, trash
from annotator.models import WorkerHeartbeat
from annotator.people import invitations, login_attempts, tokens
from annotator.site.storage import part_folder_of

logger = logging.getLogger(__name__)

HEARTBEAT_KEEP_S = 24 * 3600
TEMPORARY_KEEP_S = 24 * 3600  # no upload and no installation takes that long


def forget_old_heartbeats() -> int:
    """Forgets workers that went away without a word; how many."""
    old = timezone.now() - timedelta(seconds=HEARTBEAT_KEEP_S)
    return WorkerHeartbeat.objects.filter(last_seen__lt=old).delete()[0]


def clear_temporary_files() -> int:
    """Removes what killed processes were writing: half files of the storages, unpacked uploads and installations."""
    folders = [part_folder_of(storages[alias]) for alias in settings.STORAGES]
    oldest_kept = time.time() - TEMPORARY_KEEP_S
    count = 0
    for folder in filter(None, [*folders, Path(settings.FILE_UPLOAD_TEMP_DIR)]):
        for path in folder.iterdir() if folder.is_dir() else ():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest_kept:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    count += 1
    return count


CHORES: dict[str, Callable[[], int]] = {
    "images that were in the trash long enough": trash.remove_old,
    "files of uploads that came to nothing": lambda: len(removal.sweep_unowned()),
    "large uploads that nobody went on with": partial_uploads.remove_expired,
    "files of exports that came to nothing": lambda: len(exports.sweep_unowned()),
    "files of versions that came to nothing": lambda: len(versions.sweep_unowned()),
    "files of imports that came to nothing": lambda: len(imports.sweep_unowned()),
    "files of replaced bundles": lambda: len(folders.sweep_unowned()) + len(decoders.sweep_unowned()),
    "embeddings of replaced bundles or deleted images": lambda: len(embedding_store.sweep_unused()),
    "embeddings of regions that nobody came back to": regions.forget_old,
    "temporary files of killed processes": clear_temporary_files,
    "published weights that nobody went on to install": downloads.sweep,
    "old exports": exports.delete_old,
    "old imports": imports.delete_old,
    "old failures to sign in": login_attempts.forget_old,
    "API tokens that expired long ago": tokens.forget_expired,
    "invitations that expired long ago": invitations.forget_old,
    "workers long gone": forget_old_heartbeats,
}


def keep_house() -> None:
    """Does every chore; one that fails is logged and does not stop the others."""
    for what, chore in CHORES.items():
        try:
            count = chore()
        except Exception:
            logger.exception("clearing away %s failed", what)
            close_old_connections()
        else:
            if count:
                logger.info("cleared away %s %s", count, what)
