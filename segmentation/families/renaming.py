"""Names of tensors in one layout and in another, by one table read both ways."""

import re
from collections.abc import Sequence


class NameTable:
    """Beginnings of names: Meta's on the left, those of transformers' modules on the right.

    # stands for a number. The first line that fits counts; of the rest of a name nothing changes.
    """

    def __init__(self, rows: Sequence[tuple[str, str]]) -> None:
        self._to_transformers = [_rule(meta, transformers) for meta, transformers in rows]
        self._to_meta = [_rule(transformers, meta) for meta, transformers in rows]

    def to_transformers(self, name: str) -> str:
        return _renamed(name, self._to_transformers)

    def to_meta(self, name: str) -> str:
        return _renamed(name, self._to_meta)


def _rule(begins: str, becomes: str) -> tuple[re.Pattern[str], str]:
    # In the form \g<1>, because a digit may follow.
    numbers = (rf"\g<{k}>" for k in range(1, 10))
    return re.compile(re.escape(begins).replace(r"\#", r"(\d+)")), re.sub(
        "#", lambda _: next(numbers), becomes
    )


def _renamed(name: str, rules: list[tuple[re.Pattern[str], str]]) -> str:
    for begins, becomes in rules:
        match = begins.match(name)
        if match:
            return match.expand(becomes) + name[match.end() :]
    return name
