"""What Prometheus is told: what this machine's web processes counted, and what the database says about the queues.

Each web process counts for itself, in files of a folder that all processes of one server share
(`annotator.site.metrics_folder`); whichever process is asked adds them up.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from annotator.embeddings import figures
from annotator.jobs import report
from annotator.jobs.kinds import KINDS
from annotator.site import metrics_folder

# Only what a web process counts by itself; nothing of the interpreter.
COUNTED = CollectorRegistry()
REQUESTS = Counter(
    "maskwright_requests",
    "Requests; view is the name of the address, such as api:annotations.",
    ["view", "method", "status"],
    registry=COUNTED,
)
REQUEST_SECONDS = Histogram(
    "maskwright_request_seconds",
    "Until the answer begins.",
    ["view"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
    registry=COUNTED,
)
SIGN_IN_FAILURES = Counter(
    "maskwright_sign_in_failures",
    "Wrong names or passwords, and tries that came too often.",
    registry=COUNTED,
)
DECODE_SECONDS = Histogram(
    "maskwright_decode_seconds",
    "A click in somebody's browser, from the prompt to the mask, as the pages report it.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 3),
    registry=COUNTED,
)
NO_VIEW = "none"


@receiver(user_login_failed)
def _count_failure(**_: object) -> None:
    SIGN_IN_FAILURES.inc()


class TablesCollector(Collector):
    """What the tables say, read when somebody asks."""

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("maskwright_jobs", "Jobs by kind and state.", labels=["kind", "state"])
        for kind, states in report.counts().items():
            for state, count in states.items():
                jobs.add_metric([kind, state], count)
        yield jobs
        yield _ages()
        yield _gauge(
            "maskwright_workers", "Workers that gave a sign of life.", report.alive_workers().count()
        )
        seconds = figures.mean_recent_ms()
        if seconds is not None:
            yield _gauge("maskwright_embedding_seconds", "Mean of the latest embeddings.", seconds / 1000)
        disk = shutil.disk_usage(settings.DATA_DIR)
        yield _gauge("maskwright_disk_free_bytes", "On the disk of DATA_DIR.", disk.free)
        yield _gauge("maskwright_disk_bytes", "Size of the disk of DATA_DIR.", disk.total)


def _ages() -> GaugeMetricFamily:
    ages = GaugeMetricFamily(
        "maskwright_oldest_waiting_seconds", "Since the oldest waiting job came.", labels=["kind"]
    )
    now = timezone.now()
    for kind in KINDS.values():
        columns = {field.name for field in kind.model._meta.fields}
        since = "queued_at" if "queued_at" in columns else "created_at"
        waiting = kind.model.takeable().filter(state="queued").order_by(since)
        oldest = waiting.values_list(since, flat=True).first()
        ages.add_metric([kind.name], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
    return ages


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)


def text() -> bytes:
    """All figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(TablesCollector())
    if metrics_folder.folder():
        MultiProcessCollector(registry)
        return generate_latest(registry)
    return generate_latest(COUNTED) + generate_latest(registry)
