"""Installing and testing models by the worker: asked for, cancelled. `annotator.worker.runners.bundles` does them."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator.bundles import catalogue, decoders, licences
from annotator.bundles.errors import BundleBusy, WeightsUnavailable
from annotator.jobs import queue
from annotator.jobs.kinds import kind_of
from annotator.models import Bundle, BundleJob, User
from segmentation.catalogue import Member

Action = BundleJob.Action
State = BundleJob.State


def install(
    row: Member, user: User | None, *, accept_licence: bool = False, accept_digest: str = ""
) -> BundleJob:
    """Has a worker install a published model.

    Raises:
        LicenceNotAccepted: its licence has to be accepted first.
        WeightsUnavailable: it is installed, or no address of it is known.
        BundleBusy: a worker is at it.
    """
    installed = Bundle.objects.available().filter(name=row.name).first()
    if installed and decoders.is_exported(installed):
        raise WeightsUnavailable(f"{row.title} is installed.")
    catalogue.require_address(row)
    licences.require_accepted(row, user, accept_licence)
    return _start(Action.INSTALL, row.name, user, accept_digest)


def self_test(bundle: Bundle, user: User | None) -> BundleJob:
    """Has a worker test an installed bundle. Raises BundleBusy."""
    return _start(Action.SELFTEST, bundle.name, user)


def cancel(job: BundleJob) -> None:
    """Stops a job that waits or runs; what was fetched stays for the next attempt. One that is over is forgotten."""
    row = BundleJob.objects.filter(pk=job.pk)
    stopped = row.filter(state__in=[State.QUEUED, State.RUNNING]).update(
        state=State.CANCELLED, finished_at=timezone.now(), **queue.NO_LEASE
    )
    if not stopped:
        row.delete()


def latest() -> dict[str, BundleJob]:
    """Name of a model -> its newest job."""
    return {job.name: job for job in BundleJob.objects.order_by("created_at", "pk")}


def _start(action: Action, name: str, user: User | None, accept_digest: str = "") -> BundleJob:
    try:
        with transaction.atomic():
            # What came of the one before is of no more interest.
            BundleJob.objects.filter(name=name).exclude(state__in=[State.QUEUED, State.RUNNING]).delete()
            job = BundleJob.objects.create(
                action=action, name=name, accept_digest=accept_digest, created_by=user
            )
            kind_of(BundleJob).wake()
    except IntegrityError as error:
        raise BundleBusy(f"The worker already has something to do with {name}.") from error
    return job
