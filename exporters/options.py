"""What a person may choose about a file. Pages, API and commands build their forms from these declarations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from exporters.errors import InvalidOption

Options = Mapping[str, Any]  # option name -> checked value, complete: `Format.options_from` makes it


@dataclass(frozen=True)
class Choice:
    """One value of a `ChoiceOption`.

    Attributes:
        value: as programs send it.
        title: as a form shows it.
        help: half a sentence under the title.
        phrase: how the row of a finished file names the choice, "masks as RLE".
    """

    value: str
    title: str
    help: str = ""
    phrase: str = ""


@dataclass(frozen=True)
class ChoiceOption:
    """One of several values.

    Attributes:
        name: snake_case; the key in the API and in stored options.
        title: as a form shows it.
        default: the value of one of `choices`.
        flag: the command's argument, where `--name` is not it.
        only_with: another option's name and values: with any other value, this one changes nothing.
    """

    kind: ClassVar[str] = "choice"

    name: str
    title: str
    choices: tuple[Choice, ...]
    default: str
    help: str = ""
    flag: str = ""
    only_with: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.check(self.default)

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(choice.value for choice in self.choices)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Value and title of each, as forms want them."""
        return [(choice.value, choice.title) for choice in self.choices]

    def check(self, value: object) -> str:
        """`value`, if it is one of the choices; else raises InvalidOption."""
        if not isinstance(value, str) or value not in self.values:
            raise InvalidOption(
                f"{self.name} is {value!r:.100}; it must be one of {', '.join(self.values)}", self.name
            )
        return value

    def phrase_of(self, value: str) -> str:
        """How the row of a finished file names the choice; "" where there is nothing to say."""
        return next(choice.phrase for choice in self.choices if choice.value == value)


@dataclass(frozen=True)
class BooleanOption:
    """Yes or no. The attributes are those of `ChoiceOption`; `phrase` is what a yes says about the file."""

    kind: ClassVar[str] = "boolean"

    name: str
    title: str
    default: bool = False
    help: str = ""
    phrase: str = ""
    flag: str = ""
    only_with: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.check(self.default)

    def check(self, value: object) -> bool:
        """`value`, if it is True or False; else raises InvalidOption."""
        if not isinstance(value, bool):
            raise InvalidOption(f"{self.name} is {value!r:.100}; it must be true or false", self.name)
        return value

    def phrase_of(self, value: bool) -> str:
        """How the row of a finished file names a yes; "" for a no."""
        return self.phrase if value else ""


Option = ChoiceOption | BooleanOption


def counts(option: Option, options: Options) -> bool:
    """Whether the option changes the file with these choices."""
    return option.only_with is None or options[option.only_with[0]] in option.only_with[1:]


# The same in every format that can carry the pictures; the file is a zip then (`Format.file_type`).
INCLUDE_IMAGES = BooleanOption(
    name="include_images",
    title="Include the pictures",
    help="Otherwise the file holds the annotations alone",
    phrase="with pictures",
    flag="--images",
)
