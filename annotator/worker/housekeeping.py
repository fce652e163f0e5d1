"""What is cleared away now and then, as a table: what it is -> the function that removes it and returns how many."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import close_old_connections
from django.utils import timezone

from annotator.bundles import decoders, folders
from annotator.datasets import exports
from annotator.embeddings import store as embedding_store
from annotator.media import removal
from annotator.models import WorkerHeartbeat
from annotator.people import login_attempts

logger = logging.getLogger(__name__)

HEARTBEAT_KEEP_S = 24 * 3600


def forget_old_heartbeats() -> int:
    """Forgets workers that went away without a word; how many."""
    old = timezone.now() - timedelta(seconds=HEARTBEAT_KEEP_S)
    return WorkerHeartbeat.objects.filter(last_seen__lt=old).delete()[0]


CHORES: dict[str, Callable[[], int]] = {
    "files of uploads that came to nothing": lambda: len(removal.sweep_unowned()),
    "files of exports that came to nothing": lambda: len(exports.sweep_unowned()),
    "files of replaced bundles": lambda: len(folders.sweep_unowned()) + len(decoders.sweep_unowned()),
    "embeddings of replaced bundles or deleted images": lambda: len(embedding_store.sweep_unused()),
    "old exports": exports.delete_old,
    "old failures to sign in": login_attempts.forget_old,
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
