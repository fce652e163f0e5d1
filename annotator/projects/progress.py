"""What people say of an image: how far the work on it is, why it was skipped, that somebody should look at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from django.db import transaction
from django.utils import timezone

from annotator.errors import InvalidValue
from annotator.models import Annotation, Image, Project, User
from annotator.site.parts import in_parts


class Marks(TypedDict, total=False):
    """What is to be changed; what is left out stays. `skip_reason` and `skip_note` come with the state "skipped",
    `flag_note` with `flagged`.
    """

    state: str
    skip_reason: str
    skip_note: str
    flagged: bool
    flag_note: str


def mark(image_ids: Sequence[int], marks: Marks, *, by: User | None) -> int:
    """Marks images; returns how many there were. All of them or none.

    Imported masks on an image that a person marks done are checked with that.

    Args:
        by: who marks them; None for a command.

    Raises:
        InvalidValue: a value is unknown, or two of them do not fit together; the field is named.
    """
    columns = _state_columns(marks, by) | _flag_columns(marks, by)
    if not columns:
        raise InvalidValue('Say what to mark: "state", "flagged" or both.')
    now = timezone.now()
    is_looked_at = marks.get("state") == Image.State.DONE and by is not None
    with transaction.atomic():
        if is_looked_at:
            for part in in_parts(image_ids):
                Annotation.objects.filter(image__in=part, to_check=True).update(to_check=False)
        return sum(
            Image.objects.filter(pk__in=part).update(updated_at=now, **columns)
            for part in in_parts(image_ids)
        )


def first_unfinished(project: Project) -> Image | None:
    """Where the work goes on: the first image that is neither done nor skipped."""
    return project.images.exclude(state__in=Image.FINISHED).first()


def mark_in_progress(image: Image) -> None:
    """Somebody has annotated: an image that was not started is in progress now."""
    Image.objects.filter(pk=image.pk, state=Image.State.NOT_STARTED).update(
        state=Image.State.IN_PROGRESS, updated_at=timezone.now()
    )


def _state_columns(marks: Marks, by: User | None) -> dict[str, Any]:
    """Column values; none where the state is left alone."""
    reason, note = marks.get("skip_reason", ""), marks.get("skip_note", "").strip()
    state = marks.get("state")
    if state != Image.State.SKIPPED and (reason or note):
        raise _invalid("skip_reason" if reason else "skip_note", 'A reason comes with the state "skipped".')
    if state is None:
        return {}
    if state not in Image.State.values:
        raise _invalid("state", f"{state!r} is not a state; the states are {', '.join(Image.State.values)}.")
    if state == Image.State.SKIPPED:
        if reason not in Image.SkipReason.values:
            reasons = ", ".join(Image.SkipReason.values)
            raise _invalid("skip_reason", f"Say why it is skipped; the reasons are {reasons}.")
        if reason == Image.SkipReason.OTHER and not note:
            raise _invalid("skip_note", "Say in words why it is skipped.")
    return {
        "state": state,
        "skip_reason": reason,
        "skip_note": note,
        "state_by": by,
        "state_at": timezone.now(),
    }


def _flag_columns(marks: Marks, by: User | None) -> dict[str, Any]:
    """Column values; none where the flag is left alone."""
    flagged, note = marks.get("flagged"), marks.get("flag_note", "").strip()
    if not flagged and note:
        raise _invalid("flag_note", 'A note comes with "flagged": true.')
    if flagged is None:
        return {}
    if not flagged:
        return {"flagged_at": None, "flagged_by": None, "flag_note": ""}
    return {"flagged_at": timezone.now(), "flagged_by": by, "flag_note": note}


def _invalid(field: str, message: str) -> InvalidValue:
    return InvalidValue(message, fields={field: [message]})
