"""One job about a model: a published one is fetched, converted, installed and tested, or an installed one is tested."""

from __future__ import annotations

import time
from dataclasses import asdict

from annotator.bundles import catalogue
from annotator.bundles.errors import (
    DigestNotAccepted,
    DownloadBusy,
    DownloadStopped,
    FetchFailed,
    WeightsUnavailable,
)
from annotator.bundles.published import install_member
from annotator.bundles.selftest import self_test
from annotator.errors import MaskwrightError
from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, LeaseLost, NotNow
from annotator.models import Bundle, BundleJob
from annotator.worker import stopping

PROGRESS_INTERVAL_S = 0.5
STAGE_CHARACTERS = BundleJob._meta.get_field("stage").max_length or 0
BUSY_RETRY_S = 10.0  # until it is looked again whether another process is done with the same file


def run(job: BundleJob) -> None:
    """Does a claimed job.

    Raises:
        JobFailed: it cannot be done; for good, but where a connection was lost.
        NotNow: another process fetches the same file, or this process is to end.
        LeaseLost: it was cancelled. What was fetched stays, a bundle that was installed by then stays, too.
    """
    try:
        bundle = _installed(job)
        _say(job, "Testing: an image is embedded, and the decoder compared with the network")
        found = self_test(bundle)
    except LeaseLost:
        raise
    except (DownloadBusy, DownloadStopped) as error:
        raise NotNow(error.message, BUSY_RETRY_S) from error
    except FetchFailed as error:
        raise JobFailed(error.on_page) from error
    except DigestNotAccepted as error:
        queue.update(job, result={"sha256": error.sha256})
        raise JobFailed(error.on_page, permanent=True) from error
    except WeightsUnavailable as error:
        raise JobFailed(error.on_page, permanent=True) from error
    except MaskwrightError as error:
        raise JobFailed(error.message, permanent=True) from error
    queue.finish(job, stage="", result=asdict(found))


def _installed(job: BundleJob) -> Bundle:
    """The bundle the job is about; installed by it where that is asked for and not done yet."""
    if job.action != BundleJob.Action.INSTALL:
        return catalogue.by_name(job.name)
    progress = _Progress(job)
    return install_member(
        job.name,
        accept_digest=job.accept_digest,
        progress=progress,
        waiting=progress.wait,
        should_stop=stopping.is_asked,
        say=progress.say,
    )


def _say(job: BundleJob, text: str, **values: int) -> None:
    shown = text[:1].upper() + text[1:]
    queue.update(job, stage=shown[:STAGE_CHARACTERS], **values)


class _Progress:
    """Writes to the row what is done, and now and then how far the download is and what it waits for. A row that is no
    longer ours stops it (LeaseLost)."""

    def __init__(self, job: BundleJob) -> None:
        self._job = job
        self._step = ""
        self._written_s = time.monotonic()
        self._written_bytes: int | None = None

    def say(self, step: str) -> None:
        self._step = step
        _say(self._job, step)

    def wait(self, text: str) -> None:
        """What the download waits for; "": for nothing any more."""
        _say(
            self._job, text or self._step, rate=0
        )  # the rate of before would look as if something still came

    def __call__(self, done: int, total: int | None) -> None:
        passed_s = time.monotonic() - self._written_s
        if self._written_bytes is not None and passed_s < PROGRESS_INTERVAL_S and done != total:
            return
        # The first report tells where an earlier attempt had come to, and nothing of the speed.
        rate = round(max(0, done - self._written_bytes) / passed_s) if self._written_bytes is not None else 0
        queue.update(self._job, done=done, total=total, rate=rate)
        self._written_s += passed_s
        self._written_bytes = done
