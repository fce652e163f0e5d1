"""Cityscapes' own labels. Source: cityscapesScripts, helpers/labels.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from exporters.colour_map import colour
from exporters.records import CategoryRecord

NOBODY = 0  # "unlabeled"
UNTRAINED = 255
PLATE = 34  # as the records have "license plate", which is -1 in Cityscapes' table and 255 or 65535 in its pictures


class Label(NamedTuple):
    """One row of the table.

    Attributes:
        id: the number in labelIds; 1000 times it in instanceIds where objects are told apart.
        train_id: the number in labelTrainIds.
        has_instances: objects are told apart.
    """

    name: str
    id: int
    train_id: int
    has_instances: bool
    colour: tuple[int, int, int]


OWN = (
    Label("ego vehicle", 1, UNTRAINED, False, (0, 0, 0)),
    Label("rectification border", 2, UNTRAINED, False, (0, 0, 0)),
    Label("out of roi", 3, UNTRAINED, False, (0, 0, 0)),
    Label("static", 4, UNTRAINED, False, (0, 0, 0)),
    Label("dynamic", 5, UNTRAINED, False, (111, 74, 0)),
    Label("ground", 6, UNTRAINED, False, (81, 0, 81)),
    Label("road", 7, 0, False, (128, 64, 128)),
    Label("sidewalk", 8, 1, False, (244, 35, 232)),
    Label("parking", 9, UNTRAINED, False, (250, 170, 160)),
    Label("rail track", 10, UNTRAINED, False, (230, 150, 140)),
    Label("building", 11, 2, False, (70, 70, 70)),
    Label("wall", 12, 3, False, (102, 102, 156)),
    Label("fence", 13, 4, False, (190, 153, 153)),
    Label("guard rail", 14, UNTRAINED, False, (180, 165, 180)),
    Label("bridge", 15, UNTRAINED, False, (150, 100, 100)),
    Label("tunnel", 16, UNTRAINED, False, (150, 120, 90)),
    Label("pole", 17, 5, False, (153, 153, 153)),
    Label("polegroup", 18, UNTRAINED, False, (153, 153, 153)),
    Label("traffic light", 19, 6, False, (250, 170, 30)),
    Label("traffic sign", 20, 7, False, (220, 220, 0)),
    Label("vegetation", 21, 8, False, (107, 142, 35)),
    Label("terrain", 22, 9, False, (152, 251, 152)),
    Label("sky", 23, 10, False, (70, 130, 180)),
    Label("person", 24, 11, True, (220, 20, 60)),
    Label("rider", 25, 12, True, (255, 0, 0)),
    Label("car", 26, 13, True, (0, 0, 142)),
    Label("truck", 27, 14, True, (0, 0, 70)),
    Label("bus", 28, 15, True, (0, 60, 100)),
    Label("caravan", 29, UNTRAINED, True, (0, 0, 90)),
    Label("trailer", 30, UNTRAINED, True, (0, 0, 110)),
    Label("train", 31, 16, True, (0, 80, 100)),
    Label("motorcycle", 32, 17, True, (0, 0, 230)),
    Label("bicycle", 33, 18, True, (119, 11, 32)),
)
# In pictures: -1 in 8 bits, which nobody is trained on.
LICENSE_PLATE = Label("license plate", 255, UNTRAINED, False, (0, 0, 142))


def are_own(categories: Iterable[CategoryRecord]) -> bool:
    """Whether each category is one of Cityscapes', and no two are the same."""
    names = [category.name for category in categories]
    return bool(names) and len({*names}) == len(names) and {*names} <= {*_by_name()}


def labels_for(categories: Iterable[CategoryRecord]) -> dict[int, Label]:
    """The label of each category, by id: Cityscapes' own, else numbers from 1 on, all told apart."""
    categories = list(categories)
    if are_own(categories):
        own = _by_name()
        return {category.id: own[category.name] for category in categories}
    return {
        category.id: Label(category.name, number, number, True, _colour(category, number))
        for number, category in enumerate(categories, 1)
    }


def _by_name() -> dict[str, Label]:
    return {label.name: label for label in (*OWN, LICENSE_PLATE)}


def _colour(category: CategoryRecord, number: int) -> tuple[int, int, int]:
    """The category's own, but black, which is nobody's."""
    try:
        red, green, blue = bytes.fromhex(category.color.removeprefix("#"))
    except ValueError:
        return colour(number)
    return (red, green, blue) if red or green or blue else colour(number)
