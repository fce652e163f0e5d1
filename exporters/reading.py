"""What a reader is, and the report of what it could not read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from exporters.records import DatasetRecord
from exporters.source import Source


@dataclass(frozen=True)
class Refusal:
    """One entry that was left out.

    Attributes:
        place: where the entry stands in the file, as a person can find it: "annotations[3] (id 17)", "line 4".
        code: one word for the reason.
        message: the reason, with the value.
    """

    place: str
    code: str
    message: str


# A person mends none of the others before these; a few kB of a zip can hold millions.
MOST_REFUSALS = 100_000


@dataclass
class ReadReport:
    """What a reader could not read. An entry is reported once, however often the images are gone through; of more than
    MOST_REFUSALS entries, it is only said that there are more."""

    _refusals: dict[str, Refusal] = field(default_factory=dict)  # by place
    _has_more: bool = False

    @property
    def refusals(self) -> list[Refusal]:
        """In the order in which the reader met them."""
        more = Refusal(
            "further entries", "more_refused", f"there are more than {MOST_REFUSALS}; they are not listed"
        )
        return [*self._refusals.values(), *([more] if self._has_more else [])]

    def refuse(self, place: str, code: str, message: str) -> None:
        if len(self._refusals) < MOST_REFUSALS:
            self._refusals.setdefault(place, Refusal(place, code, message))
        elif place not in self._refusals:
            self._has_more = True


class Reader(Protocol):
    def __call__(self, source: Source, report: ReadReport) -> DatasetRecord:
        """Reads one dataset, written by this program or another.

        Args:
            source: its files; stays open as long as the records are used.
            report: entries that are damaged go there, and reading goes on. It is complete when every image and its
                annotations were gone through.

        Returns:
            The dataset, image by image. Names in it are those in the files, and may be anything: a name is a path only
            after `exporters.file_names` has made it safe.

        Raises:
            UnreadableFile: the files as a whole are not of this format.
        """


class Recogniser(Protocol):
    def __call__(self, source: Source) -> bool:
        """Whether the files look like this format, by their names and the beginnings of a few. Never raises."""
