"""What the admin's overview, the page of models and the doctor say about the workers and their queues."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils import timezone

from annotator.jobs.kinds import KINDS
from annotator.models import WorkerHeartbeat

# A worker writes its sign of life every JOB_SWEEP_INTERVAL_S; three missed ones mean it is gone.
MISSED_SIGNS = 3


def alive_workers() -> QuerySet[WorkerHeartbeat]:
    alive_since = timezone.now() - timedelta(seconds=MISSED_SIGNS * settings.JOB_SWEEP_INTERVAL_S)
    return WorkerHeartbeat.objects.filter(last_seen__gte=alive_since)


def counts() -> dict[str, dict[str, int]]:
    """Kind of job -> state -> number of jobs."""
    table = {}
    for kind in KINDS.values():
        counted = dict(kind.model.objects.order_by().values_list("state").annotate(Count("pk")))
        # Some wait that no worker takes now: of images in the trash, of bundles that are away.
        counted["queued"] = kind.model.takeable().filter(state="queued").count()
        table[kind.name] = {state: counted.get(state, 0) for state in kind.model.states()}
    return table
