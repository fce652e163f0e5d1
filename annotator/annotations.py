"""Rules of annotations: create, update, delete, restore. Ids come from the client, every write names its version.

A save that is repeated (the answer got lost on the way) is harmless; a save over somebody else's is a conflict that
carries the current row, never a silent overwrite.
"""

from __future__ import annotations

import math
import uuid
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from annotator.errors import (
    AnnotationDeleted,
    EmptyMask,
    IdTaken,
    InvalidMask,
    InvalidPrompt,
    InvalidValue,
    MaskSizeMismatch,
    UnknownBundle,
    UnknownCategory,
    VersionConflict,
    VersionRequired,
)
from annotator.models import Annotation, Bundle, Category, Image
from segmentation import rle
from segmentation.bundle import DEFAULT_OUTPUTS, Outputs, outputs_of

# Pointers report fractions of pixels at the very edge; anything further outside is a mistake.
PROMPT_TOLERANCE_PX = 1.0
PROMPT_KEYS = {"point_coords", "point_labels", "box", "box_step", "mask_indices"}
# A repeated save is recognised by these; the effort fields may have moved on in between.
CONTENT_FIELDS = (
    "category_id",
    "segmentation",
    "prompt",
    "predicted_iou",
    "stability_score",
    "bundle_digest",
)
EFFORT_FIELDS = ("time_spent_s", "clicks")


def create(
    image: Image, *, author, id: uuid.UUID, category: int, segmentation: dict, **optional
) -> tuple[Annotation, bool]:
    """Saves a new annotation.

    Args:
        id: the client's UUID.
        category: primary key of one of the project's categories.
        segmentation: COCO RLE of the image's size.
        optional: prompt, predicted_iou, stability_score, bundle_digest, time_spent_s, clicks.

    Returns:
        The row and whether it is new; False: the same save came before.

    Raises:
        VersionConflict: the id exists on this image with other content.
        AnnotationDeleted: it exists there and was deleted.
        IdTaken: it belongs to another image.
        AnnotationError: a field is refused.
    """
    values = _checked_values(image, {"category": category, "segmentation": segmentation} | optional)
    with transaction.atomic():
        existing = Annotation.objects.select_for_update().filter(pk=id).first()
        if existing is None:
            try:
                with transaction.atomic():
                    annotation = Annotation.objects.create(id=id, image=image, author=author, **values)
            except IntegrityError:  # the same save at the same moment, on a database that lets both this far
                existing = Annotation.objects.select_for_update().filter(pk=id).first()
                if existing is None:
                    raise
            else:
                _mark_in_progress(image)
                return annotation, True
        if existing.image_id != image.pk:
            raise IdTaken("This id is taken; make a new UUID.", fields={"id": ["This id is taken."]})
        if existing.deleted_at:
            raise AnnotationDeleted("This annotation was deleted; restore it first.", existing)
        if not _has(existing, values, CONTENT_FIELDS):
            raise VersionConflict(
                "An annotation with this id exists and differs from what was sent.", existing
            )
        return existing, False


def update(annotation: Annotation, *, version: int | None, **changes) -> Annotation:
    """Changes the fields in `changes`, if nobody has written since `version`.

    The same change sent twice counts as saved, not as a conflict.

    Raises:
        VersionRequired: `version` is None.
        VersionConflict: somebody else wrote in between; carries the current row.
        AnnotationDeleted: it is deleted.
        AnnotationError: a field is refused.
    """
    if version is None:
        raise VersionRequired(
            'Send the "version" this change starts from.', fields={"version": ["This field is required."]}
        )
    values = _checked_values(annotation.image, changes, annotation.bundle_digest)
    with transaction.atomic():
        written = Annotation.objects.live().filter(pk=annotation.pk, version=version)
        if written.update(version=F("version") + 1, updated_at=timezone.now(), **values) != 1:
            current = Annotation.objects.get(pk=annotation.pk)
            if current.deleted_at:
                raise AnnotationDeleted("This annotation was deleted; restore it first.", current)
            if current.version == version + 1 and _has(current, values, values):
                return current
            raise VersionConflict(
                f"The annotation is at version {current.version}, the change started from {version}.", current
            )
    return Annotation.objects.select_related("author").get(pk=annotation.pk)


def delete(annotation: Annotation, *, version: int | None = None) -> None:
    """Deletes softly. Deleting what is deleted already is harmless.

    Args:
        version: where given, the delete happens only if nobody has written since.
    """
    live = Annotation.objects.live().filter(pk=annotation.pk)
    if version is not None:
        live = live.filter(version=version)
    with transaction.atomic():
        now = timezone.now()
        if live.update(deleted_at=now, updated_at=now, version=F("version") + 1) == 1:
            return
        current = Annotation.objects.filter(pk=annotation.pk).first()
        if current and not current.deleted_at:
            raise VersionConflict(
                f"The annotation is at version {current.version}, the delete started from {version}.", current
            )


def restore(annotation: Annotation) -> Annotation:
    """Brings a deleted annotation back. Restoring what is there is harmless."""
    Annotation.objects.filter(pk=annotation.pk, deleted_at__isnull=False).update(
        deleted_at=None, updated_at=timezone.now(), version=F("version") + 1
    )
    return Annotation.objects.select_related("author").get(pk=annotation.pk)


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


def _mark_in_progress(image: Image) -> None:
    Image.objects.filter(pk=image.pk, state=Image.State.NOT_STARTED).update(
        state=Image.State.IN_PROGRESS, updated_at=timezone.now()
    )


def _has(annotation: Annotation, values: dict[str, Any], names) -> bool:
    return all(getattr(annotation, name) == values[name] for name in names if name in values)


# --- checks: what was sent -> column values ---
def _checked_values(image: Image, sent: dict[str, Any], bundle_digest: str = "") -> dict[str, Any]:
    """Column values for the fields in `sent`; area and bbox_xywh are computed here and never taken from outside.

    Args:
        bundle_digest: of the bundle that the annotation was made with, where `sent` does not say.
    """
    unknown = set(sent) - {
        "category",
        "segmentation",
        "prompt",
        "predicted_iou",
        "stability_score",
        "bundle_digest",
        *EFFORT_FIELDS,
    }
    if unknown:
        raise InvalidValue(
            f"Unknown fields: {', '.join(sorted(unknown))}.",
            fields={name: ["Unknown field."] for name in unknown},
        )
    values: dict[str, Any] = {}
    if "category" in sent:
        values["category_id"] = _check_category(image, sent["category"])
    if "segmentation" in sent:
        values |= _check_segmentation(image, sent["segmentation"])
    if "prompt" in sent:
        outputs = _outputs_of(sent.get("bundle_digest") or bundle_digest)
        values["prompt"] = check_prompt(image, sent["prompt"], outputs.count)
    if "bundle_digest" in sent:
        values["bundle_digest"] = _check_bundle_digest(sent["bundle_digest"] or "")
    for name in ("predicted_iou", "stability_score"):
        if name in sent:
            values[name] = None if sent[name] is None else _finite(name, sent[name])
    for name in EFFORT_FIELDS:
        if name in sent:
            values[name] = sent[name]
    return values


def _check_category(image: Image, category: int) -> int:
    if not Category.objects.filter(pk=category, project=image.project_id).exists():
        raise UnknownCategory(
            f"This project has no category {category}.",
            fields={"category": ["No such category in this project."]},
        )
    return category


def _check_segmentation(image: Image, segmentation: Any) -> dict[str, Any]:
    """Refuses anything but a well-formed, non-empty compressed RLE of exactly this image's size."""
    if not isinstance(segmentation, dict) or set(segmentation) != {"size", "counts"}:
        raise _invalid_mask('The segmentation is {"size": [height, width], "counts": "..."}.')
    size, counts = segmentation["size"], segmentation["counts"]
    if (
        not isinstance(size, list)
        or len(size) != 2
        or not all(type(side) is int and 0 < side <= settings.MAX_IMAGE_SIDE_PX for side in size)
    ):
        raise _invalid_mask("The size is [height, width] in pixels.")
    if not isinstance(counts, str):
        raise _invalid_mask("counts is COCO's compressed string.")
    if len(counts) > settings.MAX_RLE_CHARACTERS:
        raise _invalid_mask(f"counts is longer than {settings.MAX_RLE_CHARACTERS} characters.")
    if tuple(size) != image.hw:
        raise MaskSizeMismatch(
            f"The mask is {size[0]} x {size[1]} (height x width), the image {image.height} x {image.width}.",
            fields={"segmentation": ["The size differs from the image's."]},
        )
    try:
        rle.check(segmentation, image.hw)
    except ValueError as error:
        raise _invalid_mask(f"The mask's RLE is malformed: {error}.") from error
    area = int(rle.area(segmentation))
    if area == 0:
        raise EmptyMask("The mask is empty.", fields={"segmentation": ["The mask is empty."]})
    return {
        "segmentation": {"size": size, "counts": counts},
        "area": area,
        "bbox_xywh": [int(value) for value in rle.bbox_xywh(segmentation)],
    }


def _invalid_mask(message: str) -> InvalidMask:
    return InvalidMask(message, fields={"segmentation": [message]})


def check_prompt(
    image: Image, prompt: Any, output_count: int = DEFAULT_OUTPUTS.count
) -> dict[str, Any] | None:
    """A prompt in image pixels with steps that fit together; None stays None.

    Steps are the points in order, the box inserted as step `box_step`; `mask_indices` is empty or has one decoder
    output per step, of the bundle's `output_count`.

    Raises:
        InvalidPrompt: with the field and the rule.
    """
    if prompt is None:
        return None
    if not isinstance(prompt, dict):
        raise _invalid_prompt("The prompt is an object.")
    if unknown := set(prompt) - PROMPT_KEYS:
        raise _invalid_prompt(f"Unknown keys in the prompt: {', '.join(sorted(map(str, unknown)))}.")
    points = _check_list(prompt, "point_coords")
    labels = _check_list(prompt, "point_labels")
    box, box_step = prompt.get("box"), prompt.get("box_step")
    if len(points) > settings.MAX_PROMPT_POINTS:
        raise _invalid_prompt(f"{len(points)} points; at most {settings.MAX_PROMPT_POINTS} are taken.")
    if len(points) != len(labels):
        raise _invalid_prompt(f"{len(points)} points but {len(labels)} labels.")
    checked_points = [_check_point(image, point) for point in points]
    if not all(type(label) is int and label in (0, 1) for label in labels):
        raise _invalid_prompt("A point's label is 0 (background) or 1 (foreground).")
    if box is not None:
        box = _check_box(image, box)
        if type(box_step) is not int or not 0 <= box_step <= len(points):
            raise _invalid_prompt(f"box_step is the box's place among the steps, 0 to {len(points)}.")
    elif box_step is not None:
        raise _invalid_prompt("box_step without a box.")
    steps = len(points) + (box is not None)
    if steps == 0:
        raise _invalid_prompt("A prompt has at least one point or a box; send null for none.")
    mask_indices = _check_list(prompt, "mask_indices")
    if len(mask_indices) not in (0, steps):
        raise _invalid_prompt(f"{len(mask_indices)} mask_indices for {steps} steps.")
    if not all(type(index) is int and 0 <= index < output_count for index in mask_indices):
        raise _invalid_prompt(f"mask_indices are 0 to {output_count - 1}.")
    return {
        "point_coords": checked_points,
        "point_labels": labels,
        "box": box,
        "box_step": box_step,
        "mask_indices": mask_indices,
    }


def _check_list(prompt: dict, key: str) -> list:
    value = prompt.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _invalid_prompt(f"{key} is a list.")
    return value


def _check_point(image: Image, point: Any) -> list[float]:
    if not isinstance(point, list) or len(point) != 2 or not all(map(_is_finite_number, point)):
        raise _invalid_prompt("A point is [x, y]: two finite numbers in image pixels.")
    x, y = point
    if not (_inside(x, image.width) and _inside(y, image.height)):
        raise _invalid_prompt(
            f"The point ({x}, {y}) lies outside the image ({image.width} x {image.height})."
        )
    return [x, y]


def _check_box(image: Image, box: Any) -> list[float]:
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_finite_number, box)):
        raise _invalid_prompt("A box is [x0, y0, x1, y1]: four finite numbers in image pixels.")
    x0, y0, x1, y1 = box
    if x0 > x1 or y0 > y1:
        raise _invalid_prompt("A box is [x0, y0, x1, y1] with x0 <= x1 and y0 <= y1.")
    if not all(_inside(x, image.width) for x in (x0, x1)) or not all(
        _inside(y, image.height) for y in (y0, y1)
    ):
        raise _invalid_prompt(f"The box {box} lies outside the image ({image.width} x {image.height}).")
    return box


def _is_finite_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _inside(value: float, length: int) -> bool:
    return -PROMPT_TOLERANCE_PX <= value <= length + PROMPT_TOLERANCE_PX


def _invalid_prompt(message: str) -> InvalidPrompt:
    return InvalidPrompt(message, fields={"prompt": [message]})


def _outputs_of(bundle_digest: str) -> Outputs:
    bundle = Bundle.objects.filter(digest=bundle_digest).first() if bundle_digest else None
    return outputs_of(bundle.manifest) if bundle else DEFAULT_OUTPUTS


def _check_bundle_digest(digest: str) -> str:
    if digest and not Bundle.objects.filter(digest=digest).exists():
        raise UnknownBundle(
            "No model bundle of this installation has this digest; reload the page to get the current model.",
            fields={"bundle_digest": ["Unknown bundle."]},
        )
    return digest


def _finite(name: str, value: Any) -> float:
    if not _is_finite_number(value):
        raise InvalidValue(f"{name} is a finite number.", fields={name: ["Not a finite number."]})
    return float(value)
