"""Rules of annotations: create, update, delete, restore. Ids come from the client, every write names its version.

A save that is repeated (the answer got lost on the way) is harmless; a save over somebody else's is a conflict that
carries the current row, never a silent overwrite.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from annotator.annotations.errors import (
    AnnotationDeleted,
    EmptyMask,
    IdTaken,
    InvalidMask,
    MaskSizeMismatch,
    UnknownCategory,
    VersionConflict,
    VersionRequired,
)
from annotator.annotations.prompt import check_prompt, is_finite_number
from annotator.bundles.errors import UnknownBundle
from annotator.errors import InvalidValue
from annotator.models import Annotation, Bundle, Category, Image, User
from annotator.projects import progress
from segmentation import rle, rle_batch
from segmentation.bundle import DEFAULT_OUTPUTS, Outputs, outputs_of
from segmentation.rle_batch import Measured

# A repeated save is recognised by these; the effort fields may have moved on in between.
CONTENT_FIELDS = (
    "category_id",
    "segmentation",
    "prompt",
    "predicted_iou",
    "stability_score",
    "bundle_digest",
    "name",
    "color",
    "is_locked",
    "rank",
)
# Whoever changes one of these has looked at the mask.
CHECKING_COLUMNS = ("category_id", "segmentation")
# These are stored as the API's serializer has checked them.
PLAIN_FIELDS = ("name", "color", "is_locked", "to_check", "time_spent_s", "clicks")


def create(
    image: Image, *, author: User | None, id: uuid.UUID, category: int, segmentation: dict, **optional: Any
) -> tuple[Annotation, bool]:
    """Saves a new annotation.

    Args:
        id: the client's UUID.
        category: primary key of one of the project's categories.
        segmentation: COCO RLE of the image's size.
        optional: prompt, predicted_iou, stability_score, bundle_digest, name, color, is_locked, rank,
            time_spent_s, clicks.

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
                    annotation = Annotation.objects.create(
                        id=id,
                        image=image,
                        number=_next_number(image),
                        author=author,
                        updated_by=author,
                        **values,
                    )
            except IntegrityError:  # the same save at the same moment, on a database that lets both this far
                existing = Annotation.objects.select_for_update().filter(pk=id).first()
                if existing is None:
                    raise
            else:
                progress.mark_in_progress(image)
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


def create_many(image: Image, annotations: Iterable[dict[str, Any]], *, author: User | None) -> int:
    """Saves new annotations of one image, all of them or none, with the checks of `create`.

    Args:
        annotations: each as the keywords of `create`, and `origin`; their ids are free.

    Returns:
        How many there were.

    Raises:
        AnnotationError: a field of one of them is refused.
    """
    sent = [dict(each) for each in annotations]
    ids = _check_categories(image, [fields.pop("category") for fields in sent])
    masks = _check_segmentations(image, [fields.pop("segmentation") for fields in sent])
    checked = [
        {"id": fields.pop("id"), "origin": fields.pop("origin", None), "category_id": category_id}
        | mask
        | _checked_values(image, fields)
        for fields, category_id, mask in zip(sent, ids, masks, strict=True)
    ]
    if not checked:
        return 0
    with transaction.atomic():
        last = _next_number(image, len(checked))
        first = last - len(checked) + 1
        Annotation.objects.bulk_create(
            [
                Annotation(image=image, number=number, author=author, updated_by=author, **values)
                for number, values in enumerate(checked, first)
            ],
            batch_size=200,
        )
        progress.mark_in_progress(image)
    return len(checked)


def _next_number(image: Image, count: int = 1) -> int:
    """The last of `count` numbers that no annotation of the image has or had. Others who make one wait until this
    transaction is over.
    """
    rows = Image.with_deleted.filter(pk=image.pk)
    rows.update(last_number=F("last_number") + count)
    return rows.values_list("last_number", flat=True).get()


def update(
    annotation: Annotation, *, version: int | None, by: User | None = None, **changes: Any
) -> Annotation:
    """Changes the fields in `changes`, if nobody has written since `version`.

    The same change sent twice counts as saved, not as a conflict. An imported mask that was to be checked is so no more
    once a person has changed its pixels or its category.

    Args:
        by: who changes it; None for a command.

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
    values = _checked_values(annotation.image, changes, annotation)
    if annotation.to_check and by and not _has(annotation, values, CHECKING_COLUMNS):
        values.setdefault("to_check", False)
    with transaction.atomic():
        written = Annotation.objects.live().filter(pk=annotation.pk, version=version)
        if written.update(version=F("version") + 1, updated_at=timezone.now(), updated_by=by, **values) != 1:
            current = Annotation.objects.get(pk=annotation.pk)
            if current.deleted_at:
                raise AnnotationDeleted("This annotation was deleted; restore it first.", current)
            if current.version == version + 1 and _has(current, values, values):
                return current
            raise VersionConflict(
                f"The annotation is at version {current.version}, the change started from {version}.", current
            )
    return Annotation.objects.select_related("author", "updated_by").get(pk=annotation.pk)


def delete(annotation: Annotation, *, version: int | None = None, by: User | None = None) -> None:
    """Deletes softly. Deleting what is deleted already is harmless.

    Args:
        version: where given, the delete happens only if nobody has written since.
        by: who deletes it; None for a command.
    """
    live = Annotation.objects.live().filter(pk=annotation.pk)
    if version is not None:
        live = live.filter(version=version)
    with transaction.atomic():
        now = timezone.now()
        if live.update(deleted_at=now, updated_at=now, updated_by=by, version=F("version") + 1) == 1:
            return
        current = Annotation.objects.filter(pk=annotation.pk).first()
        if current and not current.deleted_at:
            raise VersionConflict(
                f"The annotation is at version {current.version}, the delete started from {version}.", current
            )


def restore(annotation: Annotation, *, by: User | None = None) -> Annotation:
    """Brings a deleted annotation back. Restoring what is there is harmless."""
    Annotation.objects.filter(pk=annotation.pk, deleted_at__isnull=False).update(
        deleted_at=None, updated_at=timezone.now(), updated_by=by, version=F("version") + 1
    )
    return Annotation.objects.select_related("author", "updated_by").get(pk=annotation.pk)


def _has(annotation: Annotation, values: dict[str, Any], names: Iterable[str]) -> bool:
    return all(getattr(annotation, name) == values[name] for name in names if name in values)


# --- checks: what was sent -> column values ---
def _checked_values(image: Image, sent: dict[str, Any], before: Annotation | None = None) -> dict[str, Any]:
    """Column values for the fields in `sent`; area and bbox_xywh are computed here and never taken from outside.

    Args:
        before: the annotation that is to be changed; what `sent` leaves out is checked together with what it says.
    """
    unknown = set(sent) - {
        "category",
        "segmentation",
        "prompt",
        "predicted_iou",
        "stability_score",
        "bundle_digest",
        "rank",
        *PLAIN_FIELDS,
    }
    if unknown:
        message = f"Unknown fields: {', '.join(sorted(unknown))}."
        raise InvalidValue(message, fields={name: ["Unknown field."] for name in unknown})
    values: dict[str, Any] = {}
    if "category" in sent:
        [values["category_id"]] = _check_categories(image, [sent["category"]])
    if "segmentation" in sent:
        values |= _check_segmentations(image, [sent["segmentation"]])[0]
    if "prompt" in sent or ("bundle_digest" in sent and before):
        prompt = sent["prompt"] if "prompt" in sent or not before else before.prompt
        outputs = _outputs_of(sent.get("bundle_digest") or (before.bundle_digest if before else ""))
        checked = check_prompt(image, prompt, outputs)
        if "prompt" in sent:
            values["prompt"] = checked
    if "bundle_digest" in sent:
        values["bundle_digest"] = _check_bundle_digest(sent["bundle_digest"] or "")
    for name in ("predicted_iou", "stability_score", "rank"):
        if name in sent:
            values[name] = None if sent[name] is None else _finite(name, sent[name])
    for name in PLAIN_FIELDS:
        if name in sent:
            values[name] = sent[name]
    return values


def _check_categories(image: Image, categories: list[int]) -> list[int]:
    wanted = set(categories)
    known = Category.objects.filter(pk__in=wanted, project=image.project_id).values_list("pk", flat=True)
    if unknown := wanted - set(known):
        raise UnknownCategory(
            f"This project has no category {min(unknown)}.",
            fields={"category": ["No such category in this project."]},
        )
    return categories


def _check_segmentations(image: Image, segmentations: list[Any]) -> list[dict[str, Any]]:
    """Refuses anything but well-formed, non-empty compressed RLEs of exactly this image's size."""
    for segmentation in segmentations:
        if not isinstance(segmentation, dict) or set(segmentation) != {"size", "counts"}:
            raise _invalid_mask('The segmentation is {"size": [height, width], "counts": "..."}.')
        counts = segmentation["counts"]
        if isinstance(counts, str) and len(counts) > settings.MAX_RLE_CHARACTERS:
            raise _invalid_mask(f"counts is longer than {settings.MAX_RLE_CHARACTERS} characters.")
    measures = rle_batch.measure(segmentations, [image.hw] * len(segmentations))
    return [_mask_columns(image, *each) for each in zip(segmentations, measures, strict=True)]


def _mask_columns(
    image: Image, segmentation: dict[str, Any], measured: Measured | rle.RleError
) -> dict[str, Any]:
    size = segmentation["size"]
    if isinstance(measured, rle.RleSizeMismatch):
        raise MaskSizeMismatch(
            f"The mask is {size[0]} x {size[1]} (height x width), the image {image.height} x {image.width}.",
            fields={"segmentation": ["The size differs from the image's."]},
        ) from measured
    if isinstance(measured, rle.RleError):
        raise _invalid_mask(f"The mask's RLE is malformed: {measured}.") from measured
    if measured.area == 0:
        raise EmptyMask("The mask is empty.", fields={"segmentation": ["The mask is empty."]})
    return {
        "segmentation": {"size": size, "counts": segmentation["counts"]},
        "area": measured.area,
        "bbox_xywh": [int(value) for value in measured.bbox_xywh],
    }


def _invalid_mask(message: str) -> InvalidMask:
    return InvalidMask(message, fields={"segmentation": [message]})


def _outputs_of(bundle_digest: str) -> Outputs:
    """Of the decoder of a known bundle; SAM's of any other."""
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
    if not is_finite_number(value):
        raise InvalidValue(f"{name} is a finite number.", fields={name: ["Not a finite number."]})
    return float(value)
