"""The table of formats and the checks of its options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import exporters
from exporters.errors import InvalidOption, UnknownFormat
from exporters.format import Format
from exporters.options import BooleanOption, Choice, ChoiceOption
from exporters.registry import FORMATS, find_format

COCO = FORMATS["coco"]


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(UnknownFormat, match="coco"):
        find_format("nonsense")
    assert find_format("coco") is COCO


def test_options_left_out_have_their_defaults():
    others = {"tolerance": "0", "holes": "cut", "include_images": False}
    assert COCO.options_from({}) == {"segmentation": "rle"} | others
    assert COCO.options_from({"segmentation": "both"}) == {"segmentation": "both"} | others


@pytest.mark.parametrize(
    ("given", "says", "option"),
    [
        ({"segmentation": "bitmap"}, "rle, polygon, both", "segmentation"),
        ({"segmentation": ["rle"]}, "rle, polygon, both", "segmentation"),
        ({"include_images": "yes"}, "true or false", "include_images"),
        ({"include_images": 1}, "true or false", "include_images"),
        (
            {"colour": "red"},
            "no option 'colour'; its options: segmentation, tolerance, holes, include_images",
            "colour",
        ),
    ],
)
def test_an_unknown_or_mistyped_option_is_refused_by_name(given, says, option):
    with pytest.raises(InvalidOption, match=says) as refused:
        COCO.options_from(given)
    assert (refused.value.code, refused.value.option) == ("invalid_export_option", option)


def test_a_file_with_pictures_is_a_zip_and_without_what_the_row_says():
    assert COCO.file_type(COCO.options_from({})) == ("application/json", ".json")
    assert COCO.file_type(COCO.options_from({"include_images": True})) == ("application/zip", ".zip")


def test_choices_are_told_in_words():
    assert COCO.describe(COCO.options_from({})) == "masks as RLE"
    options = COCO.options_from({"segmentation": "both", "include_images": True})
    assert COCO.describe(options) == (
        "masks as RLE and polygons, exact outlines, holes cut open, with pictures"
    )


def test_every_folder_is_a_row_and_every_row_a_folder():
    folders = {path.parent.name for path in Path(exporters.__file__).parent.glob("*/__init__.py")}
    assert set(FORMATS) == folders


def test_options_of_one_name_are_of_one_kind_since_the_command_has_one_argument_for_them():
    kinds: dict[str, set[str]] = {}
    for row in FORMATS.values():
        for option in row.options:
            kinds.setdefault(option.name, set()).add(option.kind)
    assert all(len(kind) == 1 for kind in kinds.values()), kinds


def test_every_format_says_all_that_a_form_shows():
    for name, row in FORMATS.items():
        assert name.isidentifier() and name.islower()
        assert row.title and row.media_type and row.extension.startswith(".")
        assert all(sentence.endswith(".") for sentence in row.losses)
        for option in row.options:
            assert option.title and option.name.isidentifier()


def test_an_option_whose_default_is_no_choice_is_a_mistake_in_the_table():
    with pytest.raises(InvalidOption):
        ChoiceOption(name="size", title="Size", choices=(Choice("small", "Small"),), default="large")


@pytest.mark.parametrize("names", [("format",), ("states",), ("twice", "twice")])
def test_options_that_would_hide_each_other_are_a_mistake_in_the_table(names):
    options = tuple(BooleanOption(name=name, title=name) for name in names)
    with pytest.raises(ValueError, match="differ"):
        replace(COCO, options=options)


def test_a_format_without_a_reader_says_so():
    assert Format("T", "text/plain", ".txt", (), (), write=COCO.write).read is None
