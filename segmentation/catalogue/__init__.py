"""The published members of the SAM family that can be installed by name: one table, `members.toml`.

Who publishes a file, how large it is and what its sha256 is are facts read in public sources (docs/bundles.md); a file
is accepted only with the digest that the table has. Where nobody publishes a digest, a person has to accept the one
found. Imports neither torch nor Django.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from segmentation.catalogue.download import Published
from segmentation.errors import SegmentationError

TABLE = Path(__file__).with_name("members.toml")
SPDX_LICENCES = frozenset({"Apache-2.0", "MIT", "BSD-3-Clause", "AGPL-3.0"})  # of which spdx.org has the text
FREE_LICENCES = frozenset({"Apache-2.0", "MIT", "BSD-3-Clause"})


class UnknownMember(SegmentationError):
    """The table has no such name."""

    code = "unknown_member"


@dataclass(frozen=True)
class Member:
    """One row.

    name            what its bundle is called, too
    family, variant as `segmentation.families.convert` takes them
    title, licence  for people
    good_for        in a sentence
    speed           of its encoder on a processor: "fast" (under a second), "medium" (seconds), "slow" (ten or more)
    gpu_speed       likewise on a GPU: "fast" (under a tenth of a second), "medium" (under a second)
    input_side      of the square that its encoder sees, in pixels
    prompt_hint     the prompt to begin with, in a sentence
    file_name       as it is published, or longer where others are called so, too; a mirror has it under this name
    addresses       where it is to be had; none: only from its publisher's own page, then `--from-file`
    size            bytes, or None where nobody says
    sha256          hexadecimal, or None where nobody publishes it
    group           the heading under which it stands
    recommended     "cpu" or "gpu": one to begin with on a computer without a GPU, or with one; "": neither
    licence_url     where its publisher has the licence's text; "": the identifier says enough, or it is not known
    publisher_url   its publisher's page, where the addresses do not lead to it
    """

    name: str
    family: str
    variant: str
    title: str
    licence: str
    good_for: str
    speed: str
    gpu_speed: str
    input_side: int
    prompt_hint: str
    file_name: str
    addresses: tuple[str, ...]
    size: int | None
    sha256: str | None
    group: str = "Others"
    recommended: str = ""
    licence_url: str = ""
    publisher_url: str = ""

    @property
    def licence_text(self) -> str:
        """Address of the licence's text; "" where it is to be looked for on the publisher's page."""
        return self.licence_url or licence_text(self.licence)

    @property
    def publisher(self) -> str:
        """Address of its publisher's page; "" where it is not known."""
        return self.publisher_url or next(filter(None, map(_repository_of, self.addresses)), "")

    @property
    def is_free(self) -> bool:
        """Whether anybody may use it for anything; else its licence has to be accepted first."""
        return self.licence in FREE_LICENCES

    @property
    def published(self) -> Published:
        """Where nobody gives an address, a mirror may have the file."""
        return Published(self.addresses or (self.file_name,), self.size, self.sha256, self.file_name)


def licence_text(licence: str) -> str:
    """Address of the text of a licence that is named by its SPDX identifier alone; "" for any other."""
    return f"https://spdx.org/licenses/{licence}.html" if licence in SPDX_LICENCES else ""


def _repository_of(address: str) -> str:
    """The page of the repository that a file lies in; "" where its host has none."""
    parts = urlsplit(address)
    names = parts.path.strip("/").split("/")
    depth = {"github.com": 2, "huggingface.co": 3 if names[0] == "spaces" else 2}.get(parts.netloc, 0)
    return f"https://{parts.netloc}/{'/'.join(names[:depth])}" if depth else ""


@cache
def members() -> tuple[Member, ...]:
    """All rows, in the table's order."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["member"]
    return tuple(
        Member(
            **{
                **row,
                "addresses": tuple(row["addresses"]),
                "size": row.get("size"),
                "sha256": row.get("sha256"),
            }
        )
        for row in rows
    )


def member(name: str) -> Member:
    """Raises UnknownMember."""
    for row in members():
        if row.name == name:
            return row
    raise UnknownMember(f"There is no published model {name!r}{near(name, [row.name for row in members()])}")


def near(name: str, known: Sequence[str]) -> str:
    """The end of a sentence that nothing is called `name`: what it may have meant, or where the names are."""
    meant = difflib.get_close_matches(name, known, n=3)
    return f". Did you mean {' or '.join(meant)}?" if meant else "; `manage.py bundles list` has the names."
