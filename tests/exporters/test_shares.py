"""Parts for training, validation and testing: stable, as large as asked for, and fair to rare categories."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.shares import Shares, by_hash, grouped, stratified

SHARES = Shares(70, 20, 10)


def test_shares_must_make_a_whole():
    with pytest.raises(ValueError, match="70, 20 and 20; they must make 100"):
        Shares(70, 20, 20)
    with pytest.raises(ValueError, match="must make 100"):
        Shares(110, -10, 0)


def test_an_image_stays_in_its_part_whatever_comes_later_and_another_seed_moves_some():
    parts = [by_hash(f"digest {k}", SHARES, 1) for k in range(2000)]
    assert parts == [by_hash(f"digest {k}", SHARES, 1) for k in range(2000)]
    assert parts != [by_hash(f"digest {k}", SHARES, 2) for k in range(2000)]
    counts = Counter(parts)
    # Four standard deviations of 2000 thrown dice.
    assert (
        abs(counts["train"] - 1400) < 82 and abs(counts["val"] - 400) < 72 and abs(counts["test"] - 200) < 54
    )


def test_a_share_of_nothing_gets_nothing():
    only_two = Shares(50, 0, 50)
    images = {k: (f"{k}", {k % 3}) for k in range(100)}
    assert set(stratified(images, only_two, 0).values()) == {"train", "test"}
    assert set(grouped(((k, f"{k % 7}") for k in range(100)), only_two, 0).values()) == {"train", "test"}
    assert {by_hash(f"{k}", only_two, 0) for k in range(100)} == {"train", "test"}


def test_every_part_has_its_share_of_the_rarest_category():
    """Ten of a thousand images have the rare category: by chance, a part of a tenth has none in one of three cases."""
    images = {k: (f"{k}", {1, 2} if k % 100 == 0 else {1}) for k in range(1000)}
    parts = stratified(images, SHARES, 0)
    rare = Counter(parts[k] for k in images if 2 in images[k][1])
    assert rare == {"train": 7, "val": 2, "test": 1}
    assert Counter(parts.values()) == {"train": 700, "val": 200, "test": 100}


@given(
    labels=st.lists(st.sets(st.integers(1, 4), max_size=3), min_size=1, max_size=60),
    seed=st.integers(0, 5),
)
def test_every_image_has_one_part_and_the_order_of_the_images_does_not_matter(labels, seed):
    images = {k: (f"key {k}", found) for k, found in enumerate(labels)}
    parts = stratified(images, SHARES, seed)
    assert parts.keys() == images.keys()
    assert parts == stratified(dict(reversed(images.items())), SHARES, seed)
    # Dealt out one by one to the part that lacks most, no part is more than one image away for each category.
    counts = Counter(parts.values())
    assert all(abs(counts[split] - len(images) * SHARES.by_split[split] / 100) <= 5 for split in SHARES.used)


@given(groups=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=80), seed=st.integers(0, 5))
def test_no_group_is_torn_apart(groups, seed):
    parts = grouped(enumerate(groups), SHARES, seed)
    assert len({(group, parts[k]) for k, group in enumerate(groups)}) == len(set(groups))


def test_groups_fill_the_parts_as_the_shares_say():
    sizes = {"a": 70, "b": 12, "c": 8, "d": 10}
    images = [(k, group) for k, group in enumerate("".join(name * size for name, size in sizes.items()))]
    parts = grouped(images, SHARES, 0)
    assert Counter(parts.values()) == {"train": 70, "val": 20, "test": 10}
