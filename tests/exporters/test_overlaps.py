"""Each pixel goes to one mask, by the order in which the masks were made."""

from __future__ import annotations

import numpy as np
import pytest

from exporters.overlaps import without_overlaps
from segmentation import rle
from tests.exporters.world import HEIGHT, WIDTH, annotation, disc, masks


def pixels(records) -> dict[int, np.ndarray]:
    return {record.id: rle.decode(record.segmentation) for record in records}


@pytest.mark.parametrize("winner", ["newest", "oldest"])
def test_every_pixel_is_the_newest_or_the_oldest_masks_that_had_it(winner):
    shapes = [shape for shape in masks().values() if not shape.all()]
    random = np.random.default_rng(3)
    shapes += [disc(HEIGHT, WIDTH, *random.uniform(0, 60, 2), random.uniform(3, 20)) for _ in range(8)]
    records = [annotation(number, shape) for number, shape in enumerate(shapes, 1)]
    owner = np.zeros((HEIGHT, WIDTH), int)
    for number, shape in enumerate(shapes, 1):
        owner[shape & (True if winner == "newest" else owner == 0)] = number
    result = pixels(without_overlaps(records, winner))
    for number in range(1, len(shapes) + 1):
        wanted = owner == number
        assert (number in result) == wanted.any()
        if wanted.any():
            assert (result[number] == wanted).all()
    for record in without_overlaps(records, winner):
        assert (record.area, list(record.bbox_xywh)) == (
            result[record.id].sum(),
            rle.bbox_xywh(record.segmentation),
        )


def test_only_masks_that_lost_pixels_lose_their_scores():
    far = annotation(1, disc(HEIGHT, WIDTH, 10, 10, 5))
    below, above = (
        annotation(2, disc(HEIGHT, WIDTH, 40, 40, 10)),
        annotation(3, disc(HEIGHT, WIDTH, 40, 50, 10)),
    )
    first, second, third = without_overlaps([far, below, above], "newest")
    assert (first, third) == (far, above)
    assert (second.predicted_iou, second.stability_score, second.prompt) == (None, None, None)
    assert second.area < below.area
    assert without_overlaps([], "oldest") == []
