"""How far the work on an image is: not started, in progress, done."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from annotator.errors import InvalidValue
from annotator.models import Image, Project


def set_image_state(image: Image, state: str) -> Image:
    """Marks an image not_started, in_progress or done."""
    if state not in Image.State.values:
        raise InvalidValue(
            f"The state is one of {', '.join(Image.State.values)}.",
            fields={"state": [f"{state!r} is not a state."]},
        )
    Image.objects.filter(pk=image.pk).update(state=state, updated_at=timezone.now())
    image.state = state
    return image


def set_states(images: QuerySet[Image], state: str) -> int:
    """Marks many images; returns how many there were. One statement: all of them or none."""
    return Image.objects.filter(pk__in=images.order_by().values("pk")).update(
        state=state, updated_at=timezone.now()
    )


def first_unfinished(project: Project) -> Image | None:
    """Where the work goes on: the first image that is not done."""
    return project.images.exclude(state=Image.State.DONE).first()


def mark_in_progress(image: Image) -> None:
    """Somebody has annotated: an image that was not started is in progress now."""
    Image.objects.filter(pk=image.pk, state=Image.State.NOT_STARTED).update(
        state=Image.State.IN_PROGRESS, updated_at=timezone.now()
    )
