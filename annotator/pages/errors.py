"""The answer where a page failed."""

from __future__ import annotations

import logging
import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error as plain_server_error

from annotator.api.base.errors import error_body
from annotator.site.full_disk import SENTENCE, means_full

logger = logging.getLogger(__name__)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls it while it handles the exception."""
    if not means_full(sys.exc_info()[1]):
        return plain_server_error(request)
    logger.error("the disk is full: %s", sys.exc_info()[1])
    if request.path.startswith("/api/"):
        return JsonResponse(error_body("storage_full", SENTENCE), status=507)
    return HttpResponse(render_to_string("507.html", {"sentence": SENTENCE}), status=507)
