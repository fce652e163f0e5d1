"""What one person has made in a project since a moment, for nobody's eyes but the person's own."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from annotator.models import Annotation, Project, User


class OwnProgress(TypedDict):
    mask_count: int
    median_seconds: float | None
    median_clicks: float | None


def own_progress(project: Project, user: User, since: datetime) -> OwnProgress:
    """Masks that `user` made since then and that were not deleted, with the medians of their effort."""
    own = (
        Annotation.objects.live()
        .on_live_images()
        .filter(image__project=project, author=user, created_at__gte=since)
    )
    efforts = list(own.values_list("time_spent_s", "clicks"))
    return {
        "mask_count": len(efforts),
        "median_seconds": median_of_measured(seconds for seconds, _ in efforts),
        "median_clicks": median_of_measured(clicks for _, clicks in efforts),
    }


def median_of_measured(efforts: Iterable[float]) -> float | None:
    """The median of the seconds or clicks that masks took; 0 means that nobody measured, and does not count."""
    measured = [effort for effort in efforts if effort > 0]
    return float(statistics.median(measured)) if measured else None
