"""Which images are for training, for validation and for testing. The same images and seed give the same parts."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from exporters.records import SPLITS

WHOLE = 100  # per cent


@dataclass(frozen=True)
class Shares:
    """How large each part should be, in per cent of the images; the three are 100 together."""

    train: int = 80
    val: int = 10
    test: int = 10

    def __post_init__(self) -> None:
        if min(self.by_split.values()) < 0 or sum(self.by_split.values()) != WHOLE:
            raise ValueError(f"the shares are {self.train}, {self.val} and {self.test}; they must make 100")

    @property
    def by_split(self) -> Mapping[str, int]:
        return {"train": self.train, "val": self.val, "test": self.test}

    @property
    def used(self) -> tuple[str, ...]:
        """The parts that are not empty on purpose."""
        return tuple(split for split in SPLITS if self.by_split[split] > 0)


def by_hash(key: str, shares: Shares, seed: int) -> str:
    """The part of one image, whatever other images there are: one that comes later moves none.

    The parts are as large as the shares say only by chance, as thrown dice are: about 10 of 100 images, not always 10.

    Args:
        key: of the image's content, so that the same pixels are in the same part in every project.
    """
    place = _fraction(key, seed) * WHOLE
    until = 0
    for split in shares.used:
        until += shares.by_split[split]
        if place < until:
            return split
    raise AssertionError("a fraction lies below 1, and the shares make 100")


def stratified(
    images: Mapping[int, tuple[str, Collection[int]]], shares: Shares, seed: int
) -> dict[int, str]:
    """Parts in each of which every category has its share of images, as far as whole images allow.

    Iterative stratification of Sechidis, Tsoumakas and Vlahavas (On the stratification of multi-label data, ECML PKDD
    2011): images of the rarest category are dealt out first, each to the part that lacks most of that category; here
    the order of the categories is that of the beginning. Ties go to the part that lacks most images.

    Args:
        images: by id, the key of the content and the categories that are in the image. Images without any make a
            group of their own.

    Returns:
        By id, the part.
    """
    shuffled = sorted(images, key=lambda image: (_fraction(images[image][0], seed), image))
    members: dict[int | None, list[int]] = defaultdict(list)
    for image in shuffled:
        for label in images[image][1] or (None,):
            members[label].append(image)
    lacking = {label: _targets(len(found), shares) for label, found in members.items()}
    in_all = _targets(len(images), shares)
    parts: dict[int, str] = {}
    for label in sorted(members, key=lambda label: (len(members[label]), label or 0)):
        for image in members[label]:
            if image in parts:
                continue
            here = lacking[label]
            # Parts come in their order where nothing else decides, so that the result is always the same.
            split = max(shares.used, key=lambda split: (round(here[split], 6), round(in_all[split], 6)))
            parts[image] = split
            in_all[split] -= 1
            for each in images[image][1] or (None,):
                lacking[each][split] -= 1
    return parts


def grouped(images: Iterable[tuple[int, str]], shares: Shares, seed: int) -> dict[int, str]:
    """Parts that tear no group apart: the largest groups are dealt out first, each to the part that lacks most.

    Args:
        images: of each, its id and its group.

    Returns:
        By id, the part.
    """
    groups = dict(images)
    sizes = Counter(groups.values())
    lacking = _targets(len(groups), shares)
    parts: dict[str, str] = {}
    for group in sorted(sizes, key=lambda group: (-sizes[group], _fraction(group, seed), group)):
        parts[group] = max(shares.used, key=lambda split: lacking[split])
        lacking[parts[group]] -= sizes[group]
    return {image: parts[group] for image, group in groups.items()}


def _targets(count: int, shares: Shares) -> dict[str, float]:
    return {split: count * shares.by_split[split] / WHOLE for split in shares.used}


def _fraction(key: str, seed: int) -> float:
    """0 to below 1, evenly spread over the keys."""
    digest = hashlib.sha256(f"{seed}:{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6]) / 2**48
