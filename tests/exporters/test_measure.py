"""What a format loses, measured on masks of which it is known."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from exporters.geometry import Geometry
from exporters.measure import measure
from exporters.options import Choice, ChoiceOption
from exporters.polygons import HOLES, TOLERANCE
from exporters.registry import find_format
from tests.exporters.toy_format import TOY
from tests.exporters.world import HEIGHT, WIDTH, annotation, dataset, image, masks


def measured(shapes, geometry: Geometry, *, most_masks: int = 1000, **options: str):
    """Of masks that all lie on one image."""
    row = replace(TOY, options=(TOLERANCE, HOLES), geometry=lambda _: geometry)
    records = dataset([annotation(number, mask) for number, mask in enumerate(shapes, 1)])
    return measure(records, row, row.options_from(options), most_masks=most_masks)


def rectangle(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_what_keeps_every_pixel_loses_nothing_and_is_not_measured():
    found = measured([masks()["ring"]], Geometry.RLE)
    assert found.sentences == ("Every pixel of every mask is kept.",)
    assert (found.findings, found.is_complete) == ({}, True)


def test_shared_pixels_are_counted_once_for_each_mask_too_many():
    """Two rectangles of 10 x 10 share 5 x 10 pixels; a third has 2 x 2 of these too; a fourth lies alone."""
    shapes = [
        rectangle(0, 0, 10, 10),
        rectangle(5, 0, 10, 10),
        rectangle(6, 3, 2, 2),
        rectangle(30, 30, 4, 4),
    ]
    found = measured(shapes, Geometry.LABEL_MAP)
    assert found.findings == {"images_with_overlaps": 1, "overlapping_masks": 3, "pixels_lost": 54}
    assert found.sentences == (
        "3 masks on 1 image overlap: 54 pixels of them are lost, since a pixel is kept in one mask only.",
    )


def test_masks_that_touch_do_not_overlap():
    found = measured([rectangle(0, 0, 5, 5), rectangle(5, 0, 5, 5)], Geometry.LABEL_MAP)
    assert found.sentences == ("No two masks overlap: every pixel is kept.",)


@given(arrays(bool, (4, 6, 7)))
def test_pixels_lost_are_those_that_a_map_of_labels_lacks(shapes):
    shapes = [np.pad(mask, ((0, HEIGHT - 6), (0, WIDTH - 7))) for mask in shapes if mask.any()]
    found = measured(shapes, Geometry.LABEL_MAP)
    depth = np.sum(shapes, axis=0) if shapes else np.zeros(1, int)
    if shapes:
        assert found.findings["pixels_lost"] == np.maximum(depth - 1, 0).sum()
        assert found.findings["overlapping_masks"] == sum((depth[mask] > 1).any() for mask in shapes)


def test_holes_that_are_filled_are_counted_and_the_iou_is_that_of_the_mask_without_hole():
    ring = masks()["ring"]
    found = measured([ring, masks()["disc"]], Geometry.POLYGONS, tolerance="0", holes="fill")
    iou = ring.sum() / masks()["disc"].sum()
    assert found.findings["holes"] == found.findings["masks_with_holes"] == 1
    assert found.findings["worst_iou"] == pytest.approx(iou, abs=1e-6)
    assert found.findings["mean_iou"] == pytest.approx((1 + iou) / 2, abs=1e-6)
    assert found.sentences == (
        "1 hole in 1 mask is filled.",
        f"IoU of the outlines with the masks: {(1 + iou) / 2:.3f} on average, {iou:.3f} at worst.",
    )


def test_holes_that_are_cut_open_or_kept_lose_no_pixel():
    cut = measured([masks()["ring"]], Geometry.POLYGONS, tolerance="0", holes="cut")
    assert cut.sentences == (
        "1 hole in 1 mask is cut open.",
        "The outlines draw every mask back to the pixel.",
    )
    kept = measured([masks()["ring"]], Geometry.POLYGONS_WITH_HOLES, tolerance="0")
    assert kept.sentences == ("The outlines draw every mask back to the pixel.",)


def test_parts_are_counted_for_formats_that_have_one_outline_an_object():
    found = measured([masks()["two pieces"], masks()["disc"]], Geometry.ONE_POLYGON, tolerance="0")
    assert (
        found.sentences[0] == "1 mask has several parts, 2 in all; the format has one outline for an object."
    )
    assert found.findings["masks_of_several_parts"] == 1


def test_a_tolerance_is_measured_with_what_it_loses():
    """A row one pixel high is not wider than two pixels; the disc's outline loses its steps."""
    found = measured([masks()["row"], masks()["disc"]], Geometry.POLYGONS, tolerance="2")
    assert found.findings["masks_thinner_than_the_tolerance"] == 1
    assert 0.3 < found.findings["worst_iou"] < 1  # of the row, the outline keeps about half
    assert "1 mask is not wider than the tolerance." in found.sentences


def test_boxes_say_how_much_of_them_the_masks_fill():
    found = measured([rectangle(0, 0, 4, 4), masks()["diagonal"]], Geometry.BOX)
    assert found.sentences == ("Only boxes are kept. A mask fills 55% of its box on average, 10% at least.",)


def test_the_first_masks_are_measured_and_that_is_said():
    found = measured([masks()["disc"]] * 5, Geometry.POLYGONS, most_masks=3)
    assert (found.masks, found.of_masks, found.is_complete) == (3, 5, False)
    assert found.sentences[-1] == "Measured on the first 3 of 5 masks."


def test_no_image_after_the_last_that_is_measured_is_read():
    def images():
        yield replace(image(1), annotations=(annotation(1, masks()["disc"]),))
        raise AssertionError("the second image was asked for")

    records = replace(dataset([]), images=images(), image_count=2, annotation_count=9)
    row = replace(TOY, geometry=lambda _: Geometry.BOX)
    assert measure(records, row, row.options_from({}), most_masks=1).masks == 1


def test_a_time_limit_ends_it_in_the_middle_of_an_image():
    row = replace(TOY, geometry=lambda _: Geometry.POLYGONS)
    records = dataset([annotation(1, masks()["noise"])] * 5000)
    begun_s = time.monotonic()
    found = measure(records, row, row.options_from({}), most_masks=5000, time_limit_s=0.2)
    assert 0 < found.masks < 5000
    assert time.monotonic() - begun_s < 5  # one mask of noise takes some milliseconds


def test_an_empty_dataset_says_nothing():
    assert measured([], Geometry.POLYGONS).sentences == ()


def test_the_built_in_format_is_measured_by_its_options():
    row = find_format("coco")
    records = dataset([annotation(1, masks()["ring"])])
    as_rle = measure(records, row, row.options_from({}), most_masks=9)
    as_polygons = measure(
        records, row, row.options_from({"segmentation": "polygon", "holes": "fill"}), most_masks=9
    )
    assert as_rle.sentences == ("Every pixel of every mask is kept.",)
    assert as_polygons.sentences[0] == "1 hole in 1 mask is filled."


def test_a_stop_by_the_progress_ends_it():
    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stopped

    row = replace(TOY, geometry=lambda _: Geometry.BOX)
    with pytest.raises(Stopped):
        measure(
            dataset([annotation(1, masks()["disc"])]), row, row.options_from({}), most_masks=9, progress=stop
        )


@pytest.mark.parametrize(("rule", "lost"), [("later", "1 mask is covered"), ("earlier", ""), ("smaller", "")])
def test_it_is_said_whose_the_shared_pixels_are_and_what_is_covered_wholly(rule, lost):
    """A disc, and after it the whole image: whoever is painted last, the disc is on top or gone."""
    overlap = ChoiceOption(
        name="overlap",
        title="Where masks overlap",
        choices=tuple(
            Choice(name, name, phrase=f"the {name} on top") for name in ("later", "earlier", "smaller")
        ),
        default="later",
    )
    row = replace(TOY, options=(overlap,), geometry=lambda _: Geometry.LABEL_MAP)
    records = dataset([annotation(1, masks()["disc"]), annotation(2, masks()["full"])])
    found = measure(records, row, row.options_from({"overlap": rule}), most_masks=9)
    assert found.sentences[0].endswith(f"since a pixel is kept in one mask only: the {rule} on top.")
    assert found.findings["masks_without_a_pixel_left"] == bool(lost)
    assert [lost in sentence for sentence in found.sentences[1:]] == [True] * bool(lost)
