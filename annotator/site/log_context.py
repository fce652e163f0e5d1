"""What every line of the log is about: the request, who sent it, the job. JSON logs carry it (LOG_FORMAT=json)."""

from __future__ import annotations

import contextvars
import logging
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

REQUEST_ID_HEADER = "X-Request-ID"
# Somebody else's text in our log is short and has neither blanks nor line ends.
SOUND_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")

_request: contextvars.ContextVar[HttpRequest | None] = contextvars.ContextVar("request", default=None)
_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
_job: contextvars.ContextVar[str] = contextvars.ContextVar("job", default="")


class RequestIdMiddleware:
    """Gives each request an id, or keeps the proxy's, and sends it back: people can quote it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(REQUEST_ID_HEADER, "")
        request_id = given if SOUND_ID.fullmatch(given) else uuid.uuid4().hex
        _request.set(request)
        _request_id.set(request_id)
        response = self.get_response(request)
        response.headers[REQUEST_ID_HEADER] = request_id
        return response


@receiver(request_finished)
def _forget_request(**_: object) -> None:
    """Not at the middleware's end: Django logs what was refused after that."""
    _request.set(None)
    _request_id.set("")


@contextmanager
def about_job(name: str) -> Iterator[None]:
    """Lines of the log within are about this job, such as `exports:17`."""
    token = _job.set(name)
    try:
        yield
    finally:
        _job.reset(token)


class ContextFilter(logging.Filter):
    """Adds `request_id`, `user_id` and `job_id` to each record; "" or None where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = _request_id.get()
        record.user_id = _user_id(_request.get())
        record.job_id = _job.get()
        return True


def _user_id(request: HttpRequest | None) -> int | None:
    """Only of somebody who is known already: a line of the log must not ask the database."""
    if request is None:
        return None
    known = request.__dict__
    # By a session, which Django has looked up; by a token, whose owner DRF has put there.
    user = known.get("_cached_user") or known.get("user")
    return user.pk if user is not None and hasattr(type(user), "USERNAME_FIELD") else None
