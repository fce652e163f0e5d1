"""How a job can end other than well."""

from __future__ import annotations

from django.db.models import Q

from annotator.errors import MaskwrightError


class LeaseLost(MaskwrightError):
    """The job now belongs to another worker, or to none: it was cancelled, or its lease ran out."""

    code = "lease_lost"
    status = 409


class JobFailed(MaskwrightError):
    """An attempt failed for a reason that can be said in words.

    Attributes:
        permanent: whether another attempt would fail in the same way.
    """

    code = "job_failed"

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class NotNow(MaskwrightError):
    """The job cannot be done now, through no fault of its own: it is put back, and the attempt does not count.

    Attributes:
        delay_s: for how long this process leaves it alone.
        fellows: selects the jobs of its kind that cannot be done either; None: it alone.
    """

    code = "job_not_now"

    def __init__(self, message: str, delay_s: float, fellows: Q | None = None) -> None:
        super().__init__(message)
        self.delay_s = delay_s
        self.fellows = fellows
