"""The models page: the installed bundles and how fast they are, what can be installed, and who works with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from annotator.bundles import catalogue, downloads, folders, jobs, licences
from annotator.embeddings.figures import BundleFigures, figures_of, pace
from annotator.jobs import report
from annotator.models import Bundle, BundleJob, Project, User
from annotator.people.permissions import signed_in
from annotator.site.words import file_size, image_time
from segmentation.bundle import BUILT_IN_BUNDLE
from segmentation.catalogue import Member, licence_text, members

# What the catalogue's classes of speed mean, in words. Where a model was measured here, its time stands in their place.
SPEEDS = {
    "fast": "usually under a second an image on a CPU",
    "medium": "usually a few seconds an image on a CPU",
    "slow": "seconds to half a minute an image on a CPU, by its cores",
}
GPU_SPEEDS = {"fast": "under a tenth of a second on a GPU", "medium": "under a second on a GPU"}
NAMED_PROJECTS = 5
MODEL_CARD = "MODEL_CARD.md"


@dataclass(frozen=True)
class Installed:
    """A card of a bundle that is there.

    projects         that use it, the first few of those that the person may see
    project_count    that use it, all of them
    """

    bundle: Bundle
    figures: BundleFigures
    job: BundleJob | None
    waits_for: str
    weights_bytes: int | None
    row: Member | None
    projects: list[Project]
    project_count: int
    has_model_card: bool

    @property
    def licence(self) -> str:
        return self.bundle.manifest.get("licence") or (self.row.licence if self.row else "")

    @property
    def licence_text(self) -> str:
        """Address of the licence's text; "" where none is known."""
        is_the_rows = self.row is not None and self.row.licence == self.licence
        return self.row.licence_text if self.row and is_the_rows else licence_text(self.licence)

    @property
    def is_built_in(self) -> bool:
        return self.bundle.name == BUILT_IN_BUNDLE

    @property
    def used_by(self) -> str:
        """ "those without a choice, and 2 projects:"; the names follow."""
        count = f"{self.project_count} project{'' if self.project_count == 1 else 's'}{':' if self.projects else ''}"
        return f"those without a choice, and {count}" if self.bundle.is_default else count

    @property
    def other_projects(self) -> int:
        """How many use it that are not named."""
        return self.project_count - len(self.projects)

    @property
    def why_not_removable(self) -> str:
        """Why it cannot be removed, and what to do first; "" where it can."""
        reasons = []
        if self.bundle.path:
            reasons.append(
                "it comes with the program"
                if self.is_built_in
                else "it lies in a folder of this computer and goes when that does"
            )
        if self.bundle.is_default:
            reasons.append("it is the default: make another model the default first")
        if self.project_count:
            named = [project.name for project in self.projects]
            if self.other_projects:
                named.append(f"{self.other_projects} more")
            reasons.append(f"used by {_listed(named)}: give them another model first")
        return "; ".join(reasons)


@dataclass(frozen=True)
class Available:
    """A card of a published model that is not installed."""

    row: Member
    job: BundleJob | None
    waits_for: str
    can_be_fetched: bool
    licence_accepted: bool

    @property
    def speed(self) -> str:
        return f"{SPEEDS[self.row.speed]}, {GPU_SPEEDS[self.row.gpu_speed]}"

    @property
    def facts(self) -> str:
        """ "375 MB to fetch · usually under a second an image on a CPU, … · sees 1024 × 1024 px"."""
        row = self.row
        size = [f"{file_size(row.size)} to fetch"] if row.size else []
        return " · ".join([*size, self.speed, f"sees {row.input_side} × {row.input_side} px"])

    @property
    def words(self) -> str:
        """What a search looks through."""
        row = self.row
        return f"{row.title} {row.name} {row.good_for} {row.group} {row.licence}".lower()


@dataclass(frozen=True)
class Group:
    """Published models under one heading; the models that are installed have left it."""

    title: str
    is_only: bool
    cards: list[Available] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether its cards are shown before anybody asks: there is something to see, or nothing to choose among."""
        return self.is_only or any(card.row.recommended or card.job for card in self.cards)


@require_GET
@login_required
def models(request: HttpRequest) -> HttpResponse:
    user = signed_in(request.user)
    bundles = list(Bundle.objects.available().order_by("-is_default", "name"))
    rows = {row.name: row for row in members()}
    newest = jobs.latest()
    managed = _managed_by(user)
    workers = list(report.alive_workers())
    waits_for = _waits_for(newest, {row.name: row.title for row in rows.values()}, has_worker=bool(workers))
    installed = [
        _installed(bundle, rows.get(bundle.name), newest.get(bundle.name), waits_for, user)
        for bundle in bundles
    ]
    names = {bundle.name for bundle in bundles}
    asking = {row.name for row in licences.still_to_accept(rows.values())}
    available = [
        Available(
            row,
            newest.get(row.name),
            waits_for.get(row.name, ""),
            catalogue.can_be_fetched(row),
            row.name not in asking,
        )
        for row in rows.values()
        if row.name not in names
    ]
    has_gpu = any(worker.device.startswith(("cuda", "mps")) for worker in workers)
    context = {
        "installed": installed,
        "groups": _grouped(rows, available),
        "available": available,
        "recommended": {
            place: [row for row in rows.values() if row.recommended == place] for place in ("cpu", "gpu")
        },
        "advice": _advice(installed, has_gpu=has_gpu, has_worker=bool(workers)),
        "managed": managed,
        "sees_jobs": bool(managed) or user.is_staff,
        # Admins alone are shown it.
        "downloads_bytes": downloads.size_bytes() if user.is_staff else None,
        "counts": report.counts()["embeddings"],
        "workers": workers,
        "pace": pace(len(workers)),
    }
    return render(request, "pages/models.html", context)


@require_GET
@login_required
def model_card(request: HttpRequest, name: str) -> HttpResponse:
    """The model card that lies beside an installed bundle's weights: what its licence may refer to."""
    bundle = get_object_or_404(Bundle.objects.available(), name=name)
    file = _model_card_of(bundle)
    if file is None:
        raise Http404(f"{bundle.name} has no model card.")
    return HttpResponse(file.read_text(encoding="utf-8"), content_type="text/plain; charset=utf-8")


def _model_card_of(bundle: Bundle) -> Path | None:
    """Only a bundle in a folder has one; into storage go manifest and weights alone."""
    file = Path(bundle.path) / MODEL_CARD
    return file if bundle.path and file.is_file() else None


def _installed(
    bundle: Bundle, row: Member | None, job: BundleJob | None, waits_for: dict[str, str], user: User
) -> Installed:
    using = Project.objects.filter(bundle=bundle)
    seen = Project.objects.visible_to(user).filter(bundle=bundle).order_by("name").only("id", "name")
    return Installed(
        bundle=bundle,
        figures=figures_of(bundle),
        job=job,
        waits_for=waits_for.get(bundle.name, ""),
        weights_bytes=folders.weights_bytes(bundle),
        row=row,
        projects=list(seen[:NAMED_PROJECTS]),
        project_count=using.count(),
        has_model_card=_model_card_of(bundle) is not None,
    )


def _grouped(rows: dict[str, Member], available: list[Available]) -> list[Group]:
    """In the table's order; a group whose models are all installed stays, so that the page can fill it again."""
    titles = dict.fromkeys(row.group for row in rows.values())
    groups = {title: Group(title, is_only=len(titles) == 1) for title in titles}
    for card in available:
        groups[card.row.group].cards.append(card)
    return list(groups.values())


def _waits_for(newest: dict[str, BundleJob], titles: dict[str, str], *, has_worker: bool) -> dict[str, str]:
    """Name of a model whose job is queued -> what it waits for."""
    pending = sorted(
        (job for job in newest.values() if job.is_pending), key=lambda job: (job.created_at, job.pk)
    )
    found = {}
    for index, job in enumerate(pending):
        if job.state != BundleJob.State.QUEUED:
            continue
        before = [
            f"{'installing' if other.action == BundleJob.Action.INSTALL else 'the self-test of'} "
            f"{titles.get(other.name, other.name)}"
            for place, other in enumerate(pending)
            if place < index or (other.state == BundleJob.State.RUNNING and other is not job)
        ]
        if not has_worker:
            found[job.name] = "no worker is alive"
        elif before:
            found[job.name] = (
                f"downloads and self-tests are done one after the other; before it: {_listed(before)}"
            )
        else:
            found[job.name] = "it is next, and the worker begins as soon as it is free"
    return found


def _advice(installed: list[Installed], *, has_gpu: bool, has_worker: bool) -> str:
    """Which of the models is worth its time here. What was measured goes before what is usually so."""
    if has_gpu:
        return "A worker here has a GPU, so that any model below is quick enough; the larger ones find better borders."
    sentences = ["The workers here have no GPU."] if has_worker else []
    built_in = next((card for card in installed if card.is_built_in), None)
    if built_in:
        figures = built_in.figures
        if figures.self_test_ms is not None:
            time = f"takes {image_time(figures.self_test_ms)} an image here when nothing else runs"
        elif figures.median_ms is not None:
            time = f"took {image_time(figures.median_ms)} an image here, beside whatever else ran"
        else:
            time = "is the quickest"
        sentences.append(
            f"{built_in.bundle.title or built_in.bundle.name}, the small model that comes along, {time}; the ones "
            "marked fast come next, and a large one is worth its wait where borders count."
        )
    return " ".join(sentences)


def _listed(names: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _managed_by(user: User) -> list[Project]:
    """The projects whose model the person may change."""
    return list(Project.objects.managed_by(user).order_by("name").only("id", "name")[:100])
