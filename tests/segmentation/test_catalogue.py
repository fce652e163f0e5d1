"""The table of published models: every row can be installed, as far as a table can say."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from segmentation.bundle import NAME_PATTERN
from segmentation.catalogue import UnknownMember, member, members
from segmentation.families import FAMILIES
from segmentation.families.efficient_sam.network import VARIANTS as EFFICIENT_VARIANTS
from segmentation.families.fast_sam.network import VARIANTS as FAST_VARIANTS
from segmentation.families.sam.network import VARIANTS as SAM_VARIANTS
from segmentation.families.sam2.network import VARIANTS as SAM2_VARIANTS

# A name of the publisher's that other files have, too, or that tells nothing.
COMMON_NAMES = ("model.safetensors", "vit_b.pt", "vit_l.pt", "vit_t.pt", "download")
VARIANTS = {
    "sam": SAM_VARIANTS,
    "sam2": SAM2_VARIANTS,
    "efficient_sam": EFFICIENT_VARIANTS,
    "fast_sam": FAST_VARIANTS,
}


@pytest.mark.parametrize("row", members(), ids=lambda row: row.name)
def test_a_row_names_a_network_that_there_is_and_a_file_that_can_be_checked(row):
    assert NAME_PATTERN.fullmatch(row.name)
    assert FAMILIES[row.family].convert is not None
    assert row.variant in VARIANTS[row.family]
    assert row.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", row.sha256)
    assert row.size is None or row.size > 10_000_000
    assert row.speed in ("fast", "medium", "slow")
    for address in row.addresses:
        assert urlsplit(address).scheme == "https"
        assert address.rsplit("/", 1)[1] in (row.file_name, *COMMON_NAMES) and "/blob/" not in address


@pytest.mark.parametrize("row", members(), ids=lambda row: row.name)
def test_a_row_says_what_it_is_for_and_how_to_prompt_it(row):
    assert row.good_for.endswith(".") and row.prompt_hint.endswith(".")
    assert row.gpu_speed in ("fast", "medium")
    assert row.input_side in (512, 1024)


def test_names_and_digests_are_each_of_one_row():
    assert len({row.name for row in members()}) == len(members())
    assert len({row.file_name for row in members()}) == len(members())
    digests = [row.sha256 for row in members() if row.sha256]
    assert len(set(digests)) == len(digests)


def test_an_unknown_name_is_refused_with_those_it_may_have_meant():
    assert member("sam-vit-b").is_free
    assert not member("edge-sam").is_free
    with pytest.raises(UnknownMember, match="Did you mean sam-vit-"):
        member("sam-vit-x")
