"""The models page: the installed bundles, how fast they are, and who works with them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotator.embeddings.figures import figures_of
from annotator.jobs import report
from annotator.models import Bundle


@require_GET
@login_required
def models(request: HttpRequest) -> HttpResponse:
    bundles = Bundle.objects.available().order_by("-is_default", "name")
    context = {
        "bundles": [(bundle, figures_of(bundle)) for bundle in bundles],
        "counts": report.counts()["embeddings"],
        "workers": list(report.alive_workers()),
    }
    return render(request, "pages/models.html", context)
