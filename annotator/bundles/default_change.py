"""What it costs to make another bundle the default one."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from annotator import durations
from annotator.embeddings.figures import figures_of
from annotator.models import Bundle, EmbeddingJob, Image, Project


@dataclass(frozen=True)
class DefaultChange:
    """
    title           of the bundle
    projects        without a bundle of their own: they follow the default one
    embeddings      that these lack
    seconds         for one worker to make them; None where none of the bundle was measured yet
    """

    title: str
    projects: int
    embeddings: int
    seconds: float | None

    @property
    def text(self) -> str:
        """For people."""
        if not self.projects:
            return "Every project has a model of its own and keeps it."
        followers = (
            "1 project has no model of its own and follows it"
            if self.projects == 1
            else f"{self.projects} projects have no model of their own and follow it"
        )
        return f"{followers}: {to_be_made(self.embeddings, self.seconds, self.title)}."


def default_change(bundle: Bundle) -> DefaultChange:
    followers = Project.objects.exclude(bundle__is_available=True)
    ready = EmbeddingJob.objects.of_whole_images().filter(
        image=OuterRef("pk"), bundle=bundle, state=EmbeddingJob.State.READY
    )
    missing = Image.objects.filter(~Exists(ready), project__in=followers).count()
    median_ms = figures_of(bundle).median_ms
    seconds = None if median_ms is None else missing * median_ms / 1000
    return DefaultChange(bundle.title or bundle.name, followers.count(), missing, seconds)


def to_be_made(embeddings: int, seconds: float | None, title: str) -> str:
    """So many embeddings and how long they take, as a part of a sentence."""
    if not embeddings:
        return "every embedding that needs is there"
    what = f"{embeddings} embedding{' is' if embeddings == 1 else 's are'} to be made"
    if seconds is None:
        return f"{what} (nothing of {title} was measured yet, so nobody knows how long that takes)"
    return f"{what} (about {durations.short(seconds)} for one worker)"
