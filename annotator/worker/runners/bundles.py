"""One job about a model: a published one is fetched, converted, installed and tested, or an installed one is tested."""

from __future__ import annotations

import time
from dataclasses import asdict

from annotator.bundles import catalogue
from annotator.bundles.errors import DigestNotAccepted, DownloadBusy, DownloadStopped, FetchFailed
from annotator.bundles.published import install_member
from annotator.bundles.selftest import self_test
from annotator.errors import MaskwrightError
from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, LeaseLost, NotNow
from annotator.models import Bundle, BundleJob
from annotator.worker import stopping

PROGRESS_INTERVAL_S = 0.5
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
        raise JobFailed(error.message) from error
    except DigestNotAccepted as error:
        queue.update(job, result={"sha256": error.sha256})
        raise JobFailed(error.message, permanent=True) from error
    except MaskwrightError as error:
        raise JobFailed(error.message, permanent=True) from error
    queue.finish(job, stage="", result=asdict(found))


def _installed(job: BundleJob) -> Bundle:
    """The bundle the job is about; installed by it where that is asked for and not done yet."""
    if job.action != BundleJob.Action.INSTALL:
        return catalogue.by_name(job.name)
    return install_member(
        job.name,
        accept_digest=job.accept_digest,
        progress=_Progress(job),
        should_stop=stopping.is_asked,
        say=lambda text: _say(job, text),
    )


def _say(job: BundleJob, text: str) -> None:
    queue.update(job, stage=text[:1].upper() + text[1:])


class _Progress:
    """Writes to the row now and then how far the download is. A row that is no longer ours stops it (LeaseLost)."""

    def __init__(self, job: BundleJob) -> None:
        self._job = job
        self._written_s = time.monotonic()
        self._written_bytes: int | None = None

    def __call__(self, done: int, total: int | None) -> None:
        passed_s = time.monotonic() - self._written_s
        if self._written_bytes is not None and passed_s < PROGRESS_INTERVAL_S and done != total:
            return
        # The first report tells where an earlier attempt had come to, and nothing of the speed.
        rate = round(max(0, done - self._written_bytes) / passed_s) if self._written_bytes is not None else 0
        queue.update(self._job, done=done, total=total, rate=rate)
        self._written_s += passed_s
        self._written_bytes = done
