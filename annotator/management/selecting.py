"""What of a project is exported, on the command line."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from typing import Any

from annotator.datasets import selection as selections
from annotator.datasets.selection import Selection, SplitBy
from annotator.errors import InvalidValue
from annotator.models import Bundle, Image, Project


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--state",
        action="append",
        choices=Image.State.values,
        help="Only images in this state; may be given several times. Default: all.",
    )
    parser.add_argument(
        "--category",
        action="append",
        metavar="NAME[=NEW NAME]",
        help="Only this category, by another name where one is given; may be given several times, in the order wanted. "
        "Those that get one name become one.",
    )
    parser.add_argument(
        "--renumber", action="store_true", help="Category ids 1, 2, 3 instead of the project's."
    )
    parser.add_argument(
        "--author",
        action="append",
        metavar="USER",
        help="Only this person's masks; may be given several times.",
    )
    parser.add_argument(
        "--bundle",
        action="append",
        metavar="NAME",
        help="Only masks drawn with this model (name or digest); may be given several times.",
    )
    parser.add_argument(
        "--created-from", type=_moment, metavar="TIME", help="Only masks made then or later, ISO 8601."
    )
    parser.add_argument(
        "--created-until", type=_moment, metavar="TIME", help="Only masks made before, ISO 8601."
    )
    parser.add_argument(
        "--min-area", type=_pixels, metavar="PIXELS", help="Only masks of this size or larger."
    )
    parser.add_argument(
        "--min-predicted-iou",
        type=_share,
        metavar="IOU",
        help="Only masks of which the model thought this or more, 0 to 1; those without an estimate stay.",
    )
    parser.add_argument(
        "--only-annotated", action="store_true", help="Leave images out on which no mask is left."
    )
    parser.add_argument(
        "--split",
        choices=SplitBy.values,
        default=SplitBy.NONE.value,
        help="Train, val and test. image: by the hash of its content, so that later images move none; category: each "
        "part has its share of every category; upload: what was uploaded together stays together. Default: none.",
    )
    parser.add_argument(
        "--shares",
        type=_shares,
        default=(80, 10, 10),
        metavar="TRAIN,VAL,TEST",
        help="In per cent. Default: 80,10,10.",
    )
    parser.add_argument("--seed", type=int, default=0, help="Of the split. Default: 0.")


def selection_from(project: Project, options: Mapping[str, Any]) -> Selection:
    """The selection that the arguments describe.

    Raises:
        InvalidValue: something that the project does not have.
    """
    train, val, test = options["shares"]
    selection = selections.selection_from(
        options["state"],
        {
            "authors": options["author"],
            "bundles": [_digest(name) for name in options["bundle"] or ()],
            "created_from": options["created_from"],
            "created_until": options["created_until"],
            "min_area_px": options["min_area"],
            "min_predicted_iou": options["min_predicted_iou"],
            "only_annotated": options["only_annotated"],
            "categories": _categories(project, options["category"]) if options["category"] else None,
            "renumber": options["renumber"],
            "split": {
                "by": options["split"],
                "train": train,
                "val": val,
                "test": test,
                "seed": options["seed"],
            },
        },
    )
    selections.check(project, selection)
    return selection


def _categories(project: Project, texts: list[str]) -> list[dict[str, Any]]:
    own = {category.name.lower(): category.pk for category in project.categories.all()}
    found = []
    for text in texts:
        # A name may hold a "=" itself.
        name, new = (text, "") if text.lower() in own else text.rpartition("=")[::2]
        if name.lower() not in own:
            raise InvalidValue(
                f"the project has no category {name or text!r}; it has {', '.join(own) or 'none'}"
            )
        found.append({"id": own[name.lower()], "name": new.strip()})
    return found


def _digest(name: str) -> str:
    digests = set(Bundle.objects.filter(name=name).values_list("digest", flat=True))
    if len(digests) > 1:
        raise InvalidValue(f"several models are called {name!r}; name one by its digest")
    return digests.pop() if digests else name


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-05-31 or 2026-05-31T12:00+02:00") from None


def _pixels(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number of pixels")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value


def _shares(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
        raise ArgumentTypeError(f"{text!r} is not three whole numbers with commas between, such as 80,10,10")
    return tuple(int(part) for part in parts)
