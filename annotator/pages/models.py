"""The models page: the installed bundles and how fast they are, what can be installed, and who works with them."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotator.bundles import catalogue, downloads, folders, jobs, licences
from annotator.embeddings.figures import BundleFigures, figures_of, pace
from annotator.jobs import report
from annotator.models import Bundle, BundleJob, Project, User
from annotator.people.permissions import signed_in
from segmentation.bundle import BUILT_IN_BUNDLE
from segmentation.catalogue import Member, members

# What the catalogue's classes of speed mean, in words.
SPEEDS = {
    "fast": "under a second an image on a CPU",
    "medium": "a few seconds an image on a CPU",
    "slow": "ten seconds an image or more on a CPU",
}
GPU_SPEEDS = {"fast": "under a tenth of a second on a GPU", "medium": "under a second on a GPU"}


@dataclass(frozen=True)
class Installed:
    """A card of a bundle that is there."""

    bundle: Bundle
    figures: BundleFigures
    job: BundleJob | None
    weights_bytes: int | None
    row: Member | None
    projects: list[Project]

    @property
    def licence(self) -> str:
        return self.bundle.manifest.get("licence") or (self.row.licence if self.row else "")

    @property
    def is_built_in(self) -> bool:
        return self.bundle.name == BUILT_IN_BUNDLE

    @property
    def why_not_removable(self) -> str:
        """Why it cannot be removed; "" where it can."""
        if self.bundle.is_default:
            return "It is the default."
        if self.projects:
            return "Projects use it."
        if self.bundle.path:
            return "It lies in a folder of this computer and goes when the folder does."
        return ""


@dataclass(frozen=True)
class Available:
    """A card of a published model that is not installed."""

    row: Member
    job: BundleJob | None
    can_be_fetched: bool
    licence_accepted: bool

    @property
    def speed(self) -> str:
        return f"{SPEEDS[self.row.speed]}, {GPU_SPEEDS[self.row.gpu_speed]}"


@require_GET
@login_required
def models(request: HttpRequest) -> HttpResponse:
    user = signed_in(request.user)
    bundles = list(Bundle.objects.available().order_by("-is_default", "name"))
    rows = {row.name: row for row in members()}
    newest = jobs.latest()
    asking = {row.name for row in licences.still_to_accept(rows.values())}
    managed = _managed_by(user)
    names = {bundle.name for bundle in bundles}
    workers = list(report.alive_workers())
    context = {
        "installed": [
            Installed(
                bundle=bundle,
                figures=figures_of(bundle),
                job=newest.get(bundle.name),
                weights_bytes=folders.weights_bytes(bundle),
                row=rows.get(bundle.name),
                projects=list(Project.objects.filter(bundle=bundle).only("id", "name")),
            )
            for bundle in bundles
        ],
        "available": [
            Available(row, newest.get(row.name), catalogue.can_be_fetched(row), row.name not in asking)
            for row in rows.values()
            if row.name not in names
        ],
        "managed": managed,
        "sees_jobs": bool(managed) or user.is_staff,
        # Admins alone are shown it.
        "downloads_bytes": downloads.size_bytes() if user.is_staff else None,
        "counts": report.counts()["embeddings"],
        "workers": workers,
        "pace": pace(len(workers)),
        "has_gpu": any(worker.device.startswith(("cuda", "mps")) for worker in workers),
    }
    return render(request, "pages/models.html", context)


def _managed_by(user: User) -> list[Project]:
    """The projects whose model the person may change."""
    return list(Project.objects.managed_by(user).order_by("name").only("id", "name")[:100])
