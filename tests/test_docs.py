"""What the documentation must name, and that all it names is there.

`docs/reference.md` has a table for each kind of thing that people look up. A row that is missing or left over fails
here.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework import exceptions

from annotator.errors import MaskwrightError
from exporters.errors import ExportError
from exporters.registry import FORMATS
from segmentation.errors import SegmentationError
from segmentation.families import FAMILIES

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference.md"
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "GLOSSARY.md",
        *(ROOT / "docs").rglob("*.md"),
    ]  # a changelog names what is gone
)
CODE = (".py", ".js", ".mjs", ".ts", ".html", ".css", ".c", ".h")
OWN = ("annotator", "exporters", "segmentation", "scripts", "benchmarks")


# --- what docs/reference.md lists ---
def rows(title: str) -> set[str]:
    """The first cell of every row below a heading of the reference, without its backticks."""
    text = REFERENCE.read_text(encoding="utf-8")
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/reference.md has no section {title}"
    return set(re.findall(r"^\| `([^`]+)`", section[1], re.MULTILINE))


def modules(folder: str) -> Iterator[Path]:
    return (path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts)


def error_codes() -> set[str]:
    """Codes of all error classes; every module is imported first, so that no class is missed."""
    for folder in ("annotator", "exporters", "segmentation"):
        for path in modules(folder):
            if (
                path.name not in {"__main__.py", "wsgi.py"}
                and "training" not in path.parts
                and "commands" not in path.parts
            ):
                parts = path.relative_to(ROOT).with_suffix("").parts
                importlib.import_module(".".join(part for part in parts if part != "__init__"))

    def below(base: type) -> Iterator[type]:
        for error in base.__subclasses__():
            yield from (error, *below(error))

    ours = (MaskwrightError, ExportError, SegmentationError)
    return {error.code for base in ours for error in (base, *below(base))}


def url_names() -> set[str]:
    """Names of all addresses but the admin panel's, with their namespace."""

    def below(resolver: URLResolver, prefix: str) -> Iterator[str]:
        for entry in resolver.url_patterns:
            if isinstance(entry, URLPattern):
                if entry.name:
                    yield prefix + entry.name
            elif entry.namespace != "admin":
                yield from below(entry, prefix + (f"{entry.namespace}:" if entry.namespace else ""))

    return set(below(get_resolver(), ""))


def commands() -> set[str]:
    own = {path.stem for path in (ROOT / "annotator/management/commands").glob("[!_]*.py")}
    runnable = set()
    for path in modules("segmentation"):
        is_main = path.name == "__main__.py" or 'if __name__ == "__main__"' in path.read_text(
            encoding="utf-8"
        )
        if is_main:
            parts = path.relative_to(ROOT).with_suffix("").parts
            runnable.add(".".join(part for part in parts if part != "__main__"))
    return {f"manage.py {name}" for name in own} | {f"python -m {name}" for name in runnable}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*?##", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_codes_that_no_class_of_ours_carries_are_named():
    """Those that the API makes of other exceptions, and Django REST framework's own."""
    written = re.findall(
        r"error_body\(\s*\"([a-z_]+)\"", "".join(path.read_text() for path in modules("annotator/api"))
    )
    drf = {error.default_code for error in exceptions.APIException.__subclasses__()} - {"invalid", "error"}
    assert written
    codes = {*written, *drf} - {code for code in error_codes() if code in rows("Error codes")}
    assert {code for code in codes if f"`{code}`" not in REFERENCE.read_text()} == set()


@pytest.mark.parametrize(
    ("title", "present"),
    [
        ("Error codes", error_codes),
        ("Addresses", url_names),
        ("Commands", commands),
        ("Families", lambda: set(FAMILIES)),
        ("Formats", lambda: set(FORMATS)),
    ],
)
def test_the_reference_lists_all_there_is_and_nothing_else(title, present):
    listed, there = rows(title), present()
    assert (sorted(there - listed), sorted(listed - there)) == ([], []), "(not documented, gone)"


# --- what any page names ---
def named(pattern: str) -> list[tuple[str, str]]:
    """(page, what it names) for every match of `pattern` in a page."""
    return [
        (str(page.relative_to(ROOT)), match)
        for page in PAGES
        for match in re.findall(pattern, page.read_text(encoding="utf-8"))
    ]


def test_every_file_that_a_page_names_is_there():
    names = named(r"`((?:[\w-]+/)+[\w.-]+\.(?:py|js|ts|c|h|json|html|css|md|mjs))`")
    assert names
    # A page may leave out the folder that it is about.
    folders = ("", "annotator", "segmentation", "static/js", "static/js/decoder", "static/js/decoder/worker")
    places = [ROOT / folder for folder in folders]
    assert [row for row in names if not any((place / row[1]).exists() for place in places)] == []


def test_every_link_to_a_file_leads_there():
    found = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                found.append((str(page.relative_to(ROOT)), target))
    assert found == []


def resolves(name: str) -> bool:
    """Whether a dotted name is one of our modules, or something that is defined at the top of one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        folder = ROOT.joinpath(*parts[:length])
        path = next((p for p in (folder.with_suffix(".py"), folder / "__init__.py") if p.is_file()), None)
        if path is None and not (length == len(parts) and folder.is_dir()):
            continue
        rest = parts[length:]
        return not rest or path is not None and rest[0] in defined_in(path)
    return False


def defined_in(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def test_every_dotted_name_on_a_page_is_there():
    names = named(rf"`(?:python -m )?((?:{'|'.join(OWN)})\.[\w.]+)[`( ]")
    assert names
    assert [(page, name) for page, name in names if not resolves(name)] == []


def test_every_command_on_a_page_is_there():
    package = json.loads((ROOT / "package.json").read_text())
    wrong = [
        (page, name) for page, name in named(r"manage\.py ([a-z_]+)") if f"manage.py {name}" not in commands()
    ]
    builtin = {"check", "migrate", "makemigrations", "createsuperuser", "changepassword", "shell"}
    assert [(page, name) for page, name in wrong if name not in builtin] == []
    assert [row for row in named(r"`make ([a-z-]+)") if row[1] not in make_targets()] == []
    assert [row for row in named(r"npm run ([a-z-]+)") if row[1] not in package["scripts"]] == []


# --- the glossary ---
def test_words_that_the_glossary_forbids_stand_nowhere_in_the_code():
    """A word in backticks in the column "not" is forbidden as part of any name; the others only depend on the sense."""
    cells = [
        line.split("|") for line in (ROOT / "GLOSSARY.md").read_text().splitlines() if line.startswith("| ")
    ]
    forbidden = [word for row in cells for word in re.findall(r"`([^`]+)`", row[3])]
    assert forbidden
    wrong = []
    for folder in ("annotator", "exporters", "segmentation", "static/js", "static/css", "templates"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in CODE:
                text = path.read_text(encoding="utf-8")
                wrong += [
                    f"{path.relative_to(ROOT)}: {word}"
                    for word in forbidden
                    if re.search(rf"(?i)(?<![a-z]){word}s?(?![a-z])|{word.capitalize()}", text)
                ]
    assert wrong == []
