"""Drawn pages and shapes: always the same, and masks that fit the pictures."""

import numpy as np

from segmentation.training.data.synthetic import MIN_VISIBLE, synthetic_samples


def test_the_same_seed_draws_the_same_pictures():
    first, again, other = (
        synthetic_samples(2, seed=3),
        synthetic_samples(2, seed=3),
        synthetic_samples(2, seed=4),
    )
    assert [sample.source for sample in first] == ["synthetic_pages", "synthetic_shapes"] * 2
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.pixels, two.pixels)
        assert one.masks == two.masks
    assert first[0].masks != other[0].masks


def test_every_mask_fits_its_picture_and_is_seen():
    for sample in synthetic_samples(6, seed=1):
        assert sample.masks
        assert len(sample.kinds) == len(sample.masks)
        for index in range(len(sample.masks)):
            mask = sample.mask(index)
            assert mask.shape == sample.pixels.shape[:2]
            assert mask.sum() >= MIN_VISIBLE


def test_shapes_differ_from_what_is_around_them():
    # A mask that does not follow what was drawn would teach nothing: compare the colours inside and outside.
    shapes = [sample for sample in synthetic_samples(6, seed=1) if sample.source == "synthetic_shapes"]
    contrasts = []
    for sample in shapes:
        union = np.any([sample.mask(index) for index in range(len(sample.masks))], axis=0)
        inside, outside = sample.pixels[union].mean(0), sample.pixels[~union].mean(0)
        contrasts.append(np.abs(inside - outside).max())
    assert np.median(contrasts) > 10
