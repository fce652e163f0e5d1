"""What a prompt may be. One class checks the prompts that are sent and describes them in the API's schema."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from rest_framework import serializers

from annotator.annotations.errors import InvalidPrompt
from annotator.models import Image
from segmentation.bundle import DEFAULT_OUTPUTS, Outputs
from segmentation.regions import Region, RegionMalformed

# Pointers report fractions of pixels at the very edge; anything further outside is a mistake.
PROMPT_TOLERANCE_PX = 1.0
NO_FIELD = "non_field_errors"


class NumberField(serializers.FloatField):
    """A finite JSON number. Django REST framework's own field takes text and booleans too."""

    def to_internal_value(self, data: Any) -> float:
        if not is_finite_number(data):
            raise serializers.ValidationError("This is not a finite number.")
        return data


class WholeNumberField(serializers.IntegerField):
    """A JSON number without a fraction; neither text nor a boolean."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            raise serializers.ValidationError("This is not a whole number.")
        return data


def list_of(child: serializers.Field, help_text: str, **options: Any) -> serializers.ListField:
    """A list that may be left out or null; both mean an empty one."""
    return serializers.ListField(child=child, required=False, allow_null=True, help_text=help_text, **options)


class PromptSerializer(serializers.Serializer):
    """The steps of a prompt in image pixels: the points in their order, the box inserted as step `box_step`."""

    point_coords = list_of(
        serializers.ListField(child=NumberField(), min_length=2, max_length=2),
        "[x, y] of each point.",
        max_length=settings.MAX_PROMPT_POINTS,
    )
    point_labels = list_of(
        WholeNumberField(min_value=0, max_value=1), "One for each point: 1 is foreground, 0 background."
    )
    box = list_of(NumberField(), "[x0, y0, x1, y1] with x0 <= x1 and y0 <= y1.", min_length=4, max_length=4)
    box_step = WholeNumberField(
        min_value=0, required=False, allow_null=True, help_text="The box's place among the steps."
    )
    mask_indices = list_of(
        WholeNumberField(min_value=0),
        "Which of the decoder's outputs was chosen after each step; or empty.",
    )
    region = list_of(
        WholeNumberField(min_value=0),
        "[x, y, width, height] of the part of the image that the model looked at; none: at the whole image.",
        min_length=4,
        max_length=4,
    )

    def validate(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """Whether the parts fit together, on the image and with the outputs of the decoder that `context` names."""
        if unknown := set(self.initial_data) - set(self.fields):
            raise serializers.ValidationError(f"Unknown keys: {', '.join(sorted(map(str, unknown)))}.")
        points, labels = prompt.get("point_coords") or [], prompt.get("point_labels") or []
        box, box_step = prompt.get("box"), prompt.get("box_step")
        mask_indices = prompt.get("mask_indices") or []
        if len(points) != len(labels):
            raise serializers.ValidationError(f"{len(points)} points but {len(labels)} labels.")
        if box and (box[0] > box[2] or box[1] > box[3]):
            raise serializers.ValidationError("A box is [x0, y0, x1, y1] with x0 <= x1 and y0 <= y1.")
        if box and (box_step is None or box_step > len(points)):
            raise serializers.ValidationError(
                f"box_step is the box's place among the steps, 0 to {len(points)}."
            )
        if not box and box_step is not None:
            raise serializers.ValidationError("box_step without a box.")
        self._check_inside([*points, *([box[:2], box[2:]] if box else [])])
        steps = len(points) + (box is not None)
        if steps == 0:
            raise serializers.ValidationError("A prompt has at least one point or a box; send null for none.")
        if len(mask_indices) not in (0, steps):
            raise serializers.ValidationError(f"{len(mask_indices)} mask_indices for {steps} steps.")
        last = self.context["outputs"].count - 1
        if any(index > last for index in mask_indices):
            raise serializers.ValidationError(f"mask_indices are 0 to {last}.")
        checked = {
            "point_coords": points,
            "point_labels": labels,
            "box": box,
            "box_step": box_step,
            "mask_indices": mask_indices,
        }
        # Only where there is one: what was stored before there were regions stays equal to what is sent again.
        return checked | ({"region": self._checked_region(prompt["region"])} if prompt.get("region") else {})

    def _checked_region(self, numbers: list[int]) -> list[int]:
        try:
            Region(*numbers).check(self.context["image"].hw)
        except RegionMalformed as error:
            raise serializers.ValidationError({"region": [f"{error}."]}) from error
        return numbers

    def _check_inside(self, points: list[list[float]]) -> None:
        height, width = self.context["image"].hw
        low, right, bottom = -PROMPT_TOLERANCE_PX, width + PROMPT_TOLERANCE_PX, height + PROMPT_TOLERANCE_PX
        for x, y in points:
            if not (low <= x <= right and low <= y <= bottom):
                raise serializers.ValidationError(
                    f"The point ({x}, {y}) lies outside the image ({width} x {height})."
                )


def check_prompt(image: Image, prompt: Any, outputs: Outputs = DEFAULT_OUTPUTS) -> dict[str, Any] | None:
    """A prompt as it is stored: with all its keys, every step on the image. None stays None.

    Args:
        outputs: of the bundle's decoder; `mask_indices` name them.

    Raises:
        InvalidPrompt: with the place and the rule.
    """
    if prompt is None:
        return None
    form = PromptSerializer(data=prompt, context={"image": image, "outputs": outputs})
    if not form.is_valid():
        message = _first_sentence(form.errors)
        raise InvalidPrompt(message, fields={"prompt": [message]})
    return form.validated_data


def is_finite_number(value: Any) -> bool:
    """Whether a JSON value is a number: not NaN, infinite or too large for a float, all of which Python reads."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _first_sentence(errors: Any) -> str:
    """Of nested errors, the first: "point_coords.0.1: This is not a finite number."."""
    place = ["prompt"]
    while isinstance(errors, dict):
        key, errors = next(iter(errors.items()))
        place += [] if key == NO_FIELD else [str(key)]
    return f"{'.'.join(place)}: {errors[0]}"
