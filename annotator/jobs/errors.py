"""How a job can end other than well."""

from __future__ import annotations

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
