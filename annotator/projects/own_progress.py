"""What one person has made in a project since a moment, for nobody's eyes but the person's own."""

from __future__ import annotations

import statistics
from datetime import datetime
from typing import TypedDict

from annotator.models import Annotation, Project, User


class OwnProgress(TypedDict):
    mask_count: int
    median_seconds: float | None
    median_clicks: float | None


def own_progress(project: Project, user: User, since: datetime) -> OwnProgress:
    """Masks that `user` made since then and that were not deleted, with the medians of their effort.

    Masks without a time, or without a click, are left out of that median: nobody measured what they took.
    """
    own = (
        Annotation.objects.live()
        .on_live_images()
        .filter(image__project=project, author=user, created_at__gte=since)
    )
    efforts = list(own.values_list("time_spent_s", "clicks"))
    return {
        "mask_count": len(efforts),
        "median_seconds": _median([seconds for seconds, _ in efforts if seconds > 0]),
        "median_clicks": _median([clicks for _, clicks in efforts if clicks > 0]),
    }


def _median(values: list) -> float | None:
    return float(statistics.median(values)) if values else None
