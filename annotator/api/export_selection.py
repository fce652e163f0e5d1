"""What of a project an export holds, in the body that starts it."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from annotator.api.base.names import NameField
from annotator.datasets.selection import SplitBy
from annotator.models.limits import LARGEST_ID
from exporters.shares import WHOLE

MOST_CATEGORIES = 10_000
MOST_NAMES = 1_000
LARGEST_SEED = 2**31 - 1


class StrictSerializer(serializers.Serializer):
    """A key that it does not know is a mistake, not something to leave out without a word."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {
                    str(name): [f"There is no such choice; there are {known}."]
                    for name in sorted(unknown, key=str)
                }
            )
        return super().to_internal_value(data)


class ExportCategorySerializer(StrictSerializer):
    id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    name = NameField(
        max_length=100,
        required=False,
        allow_blank=True,
        help_text="Its name in the file; categories of one name become one. Its own when left out.",
    )


class ExportSplitSerializer(StrictSerializer):
    """The parts of the dataset. The same images, shares and seed give the same parts."""

    by = serializers.ChoiceField(
        choices=SplitBy.choices,
        help_text="image: by the hash of its content, so that images that come later move none. category: each part "
        "has its share of every category. upload: what was uploaded together stays together.",
    )
    train = serializers.IntegerField(min_value=0, max_value=WHOLE, default=80, help_text="Per cent.")
    val = serializers.IntegerField(min_value=0, max_value=WHOLE, default=10, help_text="Per cent.")
    test = serializers.IntegerField(min_value=0, max_value=WHOLE, default=10, help_text="Per cent.")
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, default=0)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["train"] + attrs["val"] + attrs["test"] != WHOLE:
            raise serializers.ValidationError({"train": ["The three shares must make 100 per cent."]})
        return attrs


class ExportSelectionSerializer(StrictSerializer):
    """Which annotations, under which names, in which parts. What is left out leaves nothing out."""

    authors = serializers.ListField(
        child=serializers.CharField(max_length=150),
        max_length=MOST_NAMES,
        required=False,
        help_text="User names: only annotations that these people made.",
    )
    bundles = serializers.ListField(
        child=serializers.CharField(
            allow_blank=True,
            validators=[RegexValidator(r"^([0-9a-f]{64})?\Z", "A digest has 64 hexadecimal digits.")],
        ),
        max_length=MOST_NAMES,
        required=False,
        help_text="Digests of bundles: only annotations drawn with these models; empty text: with none.",
    )
    created_from = serializers.DateTimeField(required=False, allow_null=True)
    created_until = serializers.DateTimeField(
        required=False, allow_null=True, help_text="This moment itself is not in it."
    )
    min_area_px = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, allow_null=True)
    min_predicted_iou = serializers.FloatField(
        min_value=0,
        max_value=1,
        required=False,
        allow_null=True,
        help_text="Masks without an estimate, such as those drawn by hand, stay.",
    )
    only_annotated = serializers.BooleanField(
        required=False, help_text="Leaves images out on which no annotation is left."
    )
    categories = serializers.ListField(
        child=ExportCategorySerializer(),
        max_length=MOST_CATEGORIES,
        required=False,
        allow_null=True,
        help_text="These in this order, and no others; all when left out.",
    )
    renumber = serializers.BooleanField(
        required=False, help_text="Category ids 1, 2, 3 in their order instead of the project's."
    )
    split = ExportSplitSerializer(required=False)
