"""What a project's dashboard says: four figures, masks per day, and who did what."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from annotator.models import Annotation, Project
from annotator.models.annotation import AnnotationQuerySet
from annotator.projects.own_progress import median_of_measured

DAYS_SHOWN = 30


def figures(project: Project) -> dict:
    """Everything the page shows, in a fixed number of queries; `project` needs `with_progress`."""
    live = Annotation.objects.live().on_live_images().filter(image__project=project)
    is_counted = Q(annotations__deleted_at__isnull=True, annotations__image__deleted_at__isnull=True)
    efforts = list(live.order_by().values_list("author__username", "time_spent_s", "clicks"))
    times_s = defaultdict(list)
    for author, seconds, _ in efforts:
        times_s[author].append(seconds)
    per_day = _per_day(live)
    return {
        "median_seconds": median_of_measured(seconds for _, seconds, _ in efforts),
        "median_clicks": median_of_measured(clicks for _, _, clicks in efforts),
        "per_day": per_day,
        "masks_shown": sum(per_day["masks"]),
        "most_per_day": max(per_day["masks"]),
        "by_category": list(
            project.categories.annotate(
                masks=Count("annotations", filter=is_counted),
                images_with=Count("annotations__image", filter=is_counted, distinct=True),
            ).order_by("position", "pk")
        ),
        "by_person": [
            row | {"median_seconds": median_of_measured(times_s[row["author__username"]])}
            for row in live.order_by()
            .values("author__username")
            .annotate(
                masks=Count("pk"),
                images_with=Count("image", distinct=True),
                duration=Sum("time_spent_s"),
            )
            .order_by("-masks")
        ],
    }


def _per_day(live: AnnotationQuerySet) -> dict[str, list]:
    """The last days without gaps: `days` as seconds since 1970 (uPlot's time axis), `masks` beside them."""
    today = timezone.now().date()
    first = today - timedelta(days=DAYS_SHOWN - 1)
    counted = dict(
        live.filter(created_at__date__gte=first)
        .order_by()
        .annotate(day=TruncDate("created_at"))
        .values_list("day")
        .annotate(Count("pk"))
    )
    days = [first + timedelta(days=index) for index in range(DAYS_SHOWN)]
    return {
        "days": [int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in days],
        "masks": [counted.get(day, 0) for day in days],
    }
