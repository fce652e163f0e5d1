"""pyproject.toml lists what is imported, constraints.txt pins what is listed."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = {"annotator", "exporters", "segmentation", "scripts", "tests", "benchmarks"}


def canonical(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(*extras: str) -> set[str]:
    lines = [
        *PROJECT["dependencies"],
        *(line for extra in extras for line in PROJECT["optional-dependencies"][extra]),
    ]
    return {canonical(re.match(r"[\w.-]+", line)[0]) for line in lines}


def pins() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    return {canonical(name): version for name, _, version in (line.partition("==") for line in lines)}


def nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only the type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from nodes_that_run(node)


# They run in an environment of their own, whose packages stand in a list beside them.
OF_READERS = {path for path in (ROOT / "tests" / "readers").glob("*.py") if path.name != "ask.py"}


def imported(folder: str) -> dict[str, Path]:
    """Top-level name -> one file that imports it when it runs; standard library and our own left out."""
    found: dict[str, Path] = {}
    for path in (ROOT / folder).rglob("*.py"):
        if path in OF_READERS:
            continue
        neighbours = {other.stem for other in path.parent.glob("*.py")}
        for node in nodes_that_run(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in (name.split(".")[0] for name in names):
                if name not in sys.stdlib_module_names and name not in OURS | neighbours:
                    found[name] = path
    return found


@pytest.mark.parametrize(
    ("folder", "extras"),
    [("annotator", ()), ("exporters", ()), ("segmentation", ("training", "openvino")), ("tests", ("test",))],
)
def test_everything_imported_is_listed(folder, extras):
    listed = required(*extras)
    distributions = packages_distributions()
    missing = {
        f"{name} ({path.relative_to(ROOT)})"
        for name, path in imported(folder).items()
        if not {canonical(owner) for owner in distributions.get(name, [name])} & listed
    }
    assert missing == set()


def test_everything_listed_is_pinned_exactly():
    versions = pins()
    assert required(*PROJECT["optional-dependencies"]) - versions.keys() == set()
    assert all(re.fullmatch(r"\d[\w.]*", version) for version in versions.values()), (
        "a build tag ties to one index"
    )


def test_the_pins_are_what_runs_here():
    from importlib.metadata import version

    for name in required("test"):
        assert version(name).split("+")[0] == pins()[name], name
