"""Makes records of what a reader found."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from exporters import fields
from exporters.fields import Refused
from exporters.records import AnnotationRecord, Rle
from exporters.streams import finite
from segmentation import rle


def annotation_record(
    number: int, category_id: int, segmentation: Mapping[str, Any], *, is_box: bool = False, **more: Any
) -> AnnotationRecord:
    """An annotation with the area and the box of its mask.

    Args:
        segmentation: a checked RLE.
        more: fields of the record, as `provenance_from` gives them.

    Raises:
        Refused: the mask has no pixel.
    """
    encoded = Rle(size=list(segmentation["size"]), counts=segmentation["counts"])
    return fields.measured(number, category_id, encoded, is_box=is_box, **more)


def rle_of_box(x: float, y: float, width: float, height: float, hw: tuple[int, int]) -> Rle:
    """The rectangle's mask: the box to the nearest edges of pixels, cut off at the image's border.

    Args:
        x, y, width, height: in image pixels; pixel (x, y) covers x..x+1 and y..y+1.

    Raises:
        Refused: a side that is not positive, a number that is not finite, or a box outside of the image.
    """
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        raise Refused(
            "box_malformed", f"the box x {x:g}, y {y:g}, width {width:g}, height {height:g} has no area"
        )
    image_height, image_width = hw
    left, right = _edges(x, x + width, image_width)
    top, bottom = _edges(y, y + height, image_height)
    if left >= right or top >= bottom:
        raise Refused("box_outside", f"the box at x {x:g}, y {y:g} lies outside of the image")
    column = [bottom - top, image_height - (bottom - top)]
    lengths = [left * image_height + top, *(column * (right - left))]
    lengths[-1] = image_height * image_width - sum(lengths[:-1])
    encoded = rle.from_runs(lengths, hw)
    return Rle(size=encoded["size"], counts=encoded["counts"])


def _edges(low: float, high: float, side: int) -> tuple[int, int]:
    """The first pixel and the one after the last, at least one pixel where the two lie in the image."""
    first, end = (math.floor(min(max(value, -1.0), side + 1.0) + 0.5) for value in (low, high))
    if first >= end and low >= 0:
        first = math.floor(min(low, side))
        end = first + 1
    return max(first, 0), min(end, side)


def provenance_of(annotation: AnnotationRecord) -> dict[str, Any]:
    """What is known beyond category and mask, as JSON has it; without what is not known."""
    created_at = annotation.created_at.isoformat() if annotation.created_at else None
    values = {
        "uuid": annotation.uuid,
        "name": annotation.name,
        "author": annotation.author,
        "created_at": created_at,
        "bundle_digest": annotation.bundle_digest,
        "predicted_iou": finite(annotation.predicted_iou),
        "stability_score": finite(annotation.stability_score),
        "prompt": dict(annotation.prompt) if annotation.prompt is not None else None,
    }
    return {key: value for key, value in values.items() if value not in ("", None)}


def provenance_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record that `provenance_of` wrote. A value of another kind, a number as text apart, is nobody's
    and is left out: a file of other people may use the same words."""
    found: dict[str, Any] = {
        key: value
        for key in ("name", "author", "bundle_digest")
        if isinstance(value := values.get(key), str) and len(value) <= 10_000
    }
    found["predicted_iou"] = _figure(values.get("predicted_iou"))
    found["stability_score"] = _figure(values.get("stability_score"))
    found["uuid"] = fields.lasting_id(values.get("uuid"))
    found["created_at"] = fields.time(values.get("created_at"))
    found["prompt"] = _prompt(values.get("prompt"))
    return {key: value for key, value in found.items() if value not in ("", None)}


def _figure(value: Any) -> float | None:
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value)
        except ValueError:
            return None
    is_number = (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= fields.MAX_FIGURE
    )
    return float(value) if is_number else None


def _prompt(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None
