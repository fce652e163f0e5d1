"""Boxes as masks, and provenance out and in again."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pytest

from exporters.fields import Refused
from exporters.read_records import provenance_from, provenance_of, rle_of_box
from segmentation import rle
from tests.exporters.world import annotation, masks


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((2, 1, 3, 4), slice(1, 5), slice(2, 5)),
        ((0, 0, 20, 10), slice(0, 10), slice(0, 20)),
        ((-5, -5, 7, 7), slice(0, 2), slice(0, 2)),  # cut off
        ((18.4, 8.6, 50, 50), slice(9, 10), slice(18, 20)),
        ((3.3, 4.4, 0.1, 0.1), slice(4, 5), slice(3, 4)),  # smaller than a pixel: the one it lies in
        ((2.5, 1.4, 3, 2), slice(1, 3), slice(3, 6)),  # to the nearest edges
    ],
)
def test_a_box_is_the_rectangle_s_mask(box, rows, columns):
    expected = np.zeros((10, 20), bool)
    expected[rows, columns] = True
    assert np.array_equal(rle.decode(rle_of_box(*box, (10, 20))), expected)


@pytest.mark.parametrize(
    "box",
    [(20, 0, 5, 5), (-9, 2, 5, 5), (0, 0, 0, 5), (0, 0, 5, -1), (math.nan, 0, 1, 1), (0, 0, math.inf, 1)],
)
def test_a_box_without_pixels_is_refused(box):
    with pytest.raises(Refused):
        rle_of_box(*box, (10, 20))


def test_a_box_far_away_costs_nothing():
    with pytest.raises(Refused):
        rle_of_box(1e300, 0, 1e300, 1, (10, 20))


def test_provenance_comes_back_as_values_and_as_text():
    written = replace(
        annotation(1, masks()["disc"]),
        author="alice",
        name="Old tower",
        bundle_digest="ab" * 32,
        created_at=dt.datetime(2025, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    )
    values = provenance_of(written)
    as_text = {key: str(value) for key, value in values.items()}
    for told in (values, as_text):
        assert replace(annotation(1, masks()["disc"]), **provenance_from(told)) == written


def test_what_other_programs_mean_by_the_same_words_is_left_out():
    strange = {"uuid": "7", "predicted_iou": "good", "created_at": "yesterday", "prompt": "[1]", "author": 7}
    assert provenance_from(strange) == {}
    assert provenance_from({"predicted_iou": float("nan"), "stability_score": 10**400}) == {}
