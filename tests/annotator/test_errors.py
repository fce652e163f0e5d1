"""Every coded error is one that somebody can meet."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import annotator
from annotator.errors import MaskwrightError

SOURCES = Path(annotator.__file__).parent
NOT_IMPORTED = (
    "annotator.worker.__main__",  # starts a process
    "annotator.settings",  # is imported already
    "annotator.wsgi",  # looks into the database
)


def errors_of(base: type[MaskwrightError]) -> Iterator[type[MaskwrightError]]:
    for error in base.__subclasses__():
        yield error
        yield from errors_of(error)


def all_errors() -> list[type[MaskwrightError]]:
    for module in pkgutil.walk_packages(annotator.__path__, "annotator."):
        if module.name not in NOT_IMPORTED:
            importlib.import_module(module.name)
    return sorted(set(errors_of(MaskwrightError)), key=lambda error: error.__name__)


def called_names() -> set[str]:
    """The last part of everything that is called anywhere in annotator, such as `NoBundle` in `NoBundle("...")`."""
    names = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                parts = ast.unparse(node.func).split(".")
                names |= {parts[-1], *parts[:1]}  # also the class in `InvalidValue.of_field(...)`
    return names


def test_every_error_is_raised_somewhere_or_gathers_others():
    raised = called_names()
    dead = [
        error.__name__
        for error in all_errors()
        if error.__name__ not in raised and not error.__subclasses__()
    ]
    assert dead == []


def test_every_error_has_a_code_of_its_own():
    codes = [error.code for error in all_errors()]
    assert sorted(codes) == sorted(set(codes))


def test_an_errors_status_is_one_of_the_clients_or_says_that_something_is_missing():
    assert {error.status for error in all_errors()} <= {400, 403, 404, 409, 410, 412, 413, 503, 507}
