"""The arrows of docs/architecture.md, read from the import statements."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OWN = ("annotator", "exporters", "segmentation", "scripts")
TORCH = ("torch", "transformers", "torchvision")
FOR_EXPORTERS = tuple(f"segmentation.{name}" for name in ("rle", "rle_batch", "masks", "outlines"))


@dataclass(frozen=True)
class Import:
    module: str  # where it stands, dotted
    target: str  # what is imported, dotted
    at_top: bool  # runs when the module is imported

    def is_of(self, *packages: str) -> bool:
        return any(self.target == package or self.target.startswith(f"{package}.") for package in packages)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(package: str) -> list[Import]:
    found: list[Import] = []
    for path in sorted((ROOT / package).rglob("*.py")):
        found += imports_in(path)
    assert found, f"{package} has no imports at all: is the folder where it should be?"
    return found


def imports_in(path: Path) -> Iterator[Import]:
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]

    def visit(node: ast.AST, at_top: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(name, alias.name, at_top) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    parents = package.split(".")[: len(package.split(".")) - child.level + 1]
                    base = ".".join([*parents, *([base] if base else [])])
                # `from a import b`: b may be a module.
                yield from (Import(name, f"{base}.{alias.name}", at_top) for alias in child.names)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                yield from visit(ast.Module(child.orelse, []), at_top)
            else:
                is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from visit(child, at_top and not is_function)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), True)


def offences(imports: list[Import], is_wrong) -> list[str]:
    return sorted({f"{found.module} imports {found.target}" for found in imports if is_wrong(found)})


def loaders_of_torch() -> set[str]:
    """The modules of segmentation that load torch when they are imported, alone or through each other."""
    imports = [found for found in imports_of("segmentation") if found.at_top]
    modules = {module_name(path) for path in (ROOT / "segmentation").rglob("*.py")}

    def loads(found: Import, loaders: set[str]) -> bool:
        # Importing a.b.c runs a and a.b first.
        parts = found.target.split(".")
        return found.is_of(*TORCH) or any(".".join(parts[:n]) in loaders for n in range(1, len(parts) + 1))

    loaders: set[str] = set()
    while more := {found.module for found in imports if loads(found, loaders)} - loaders:
        loaders |= more
    return loaders & modules


# --- Python ---


def test_segmentation_knows_nothing_of_ours_and_no_django():
    wrong = ("annotator", "exporters", "scripts", "django", "celery", "rest_framework")
    assert offences(imports_of("segmentation"), lambda found: found.is_of(*wrong)) == []


def test_exporters_know_only_rle_masks_and_outlines():
    def is_wrong(found: Import) -> bool:
        if found.is_of("segmentation"):
            return not found.is_of(*FOR_EXPORTERS)
        return found.is_of("annotator", "scripts", "django", "celery", *TORCH)

    assert offences(imports_of("exporters"), is_wrong) == []


# A folder of exporters is a format; its name stands in the folder and in the one table.
FORMATS = sorted(path.parent.name for path in (ROOT / "exporters").glob("*/__init__.py"))
TABLE_OF_FORMATS = "exporters.registry"


def test_a_format_is_imported_by_itself_and_the_table_alone():
    assert FORMATS

    def is_wrong(found: Import) -> bool:
        return found.module != TABLE_OF_FORMATS and any(
            found.is_of(f"exporters.{name}") and not f"{found.module}.".startswith(f"exporters.{name}.")
            for name in FORMATS
        )

    assert offences([*imports_of("exporters"), *imports_of("annotator")], is_wrong) == []


def test_a_format_is_named_by_itself_and_the_table_alone():
    """Named: a string that is the format's name and nothing else. COCO's words in prose are the field's own."""
    quoted = re.compile(rf"""["'`](?:{"|".join(FORMATS)})["'`]""")
    sources = [
        *(ROOT / "annotator").rglob("*.py"),
        *(ROOT / "exporters").rglob("*.py"),
        *(ROOT / "static" / "js").rglob("*.js"),
        *(ROOT / "templates").rglob("*.html"),
    ]
    elsewhere = [
        str(path.relative_to(ROOT))
        for path in sources
        if not (path.suffix == ".py" and module_name(path).startswith(TABLE_OF_FORMATS))
        and path.relative_to(ROOT).parts[:2] not in {("exporters", name) for name in FORMATS}
        and quoted.search(path.read_text(encoding="utf-8"))
    ]
    assert elsewhere == []


def test_what_loads_torch_is_found_through_the_imports():
    loaders = loaders_of_torch()
    assert {"segmentation.encoder", "segmentation.decoder.graph", "segmentation.testing.tiny"} <= loaders
    assert not {"segmentation", "segmentation.families", "segmentation.decoder", "segmentation.rle"} & loaders


def test_annotator_imports_torch_only_inside_functions():
    wrong = (*TORCH, *loaders_of_torch())

    def is_wrong(found: Import) -> bool:
        return found.at_top and found.is_of(*wrong)

    assert offences(imports_of("annotator"), is_wrong) == []


def test_pages_api_and_admin_never_import_torch_at_all():
    outer = (
        "annotator.api",
        "annotator.admin",
        "annotator.pages",
        "annotator.urls",
        "annotator.templatetags",
    )

    wrong = (*TORCH, *loaders_of_torch())

    def is_wrong(found: Import) -> bool:
        return found.module.startswith(outer) and found.is_of(*wrong)

    assert offences(imports_of("annotator"), is_wrong) == []


# The rooms of annotator, the lowest first: each may import itself and those of the lines before it.
ROOMS = (
    ("errors", "durations"),
    ("models",),
    ("files",),
    ("jobs",),
    ("people",),
    ("embeddings",),
    ("bundles",),
    ("media",),
    ("projects",),
    ("annotations",),
    ("datasets",),
    ("worker",),
    ("operations",),
    # The outer floor, where people and programs come in: pages show what the API's serializers say.
    ("api",),
    ("pages", "admin", "management", "templatetags"),
    ("urls",),
)
# Django's own entry points and what Django is configured with; these know no table.
GROUND = ("settings", "apps", "celery", "cli", "wsgi", "checks", "site", "migrations")


def room(module: str) -> int | None:
    """The floor of a module of annotator, 0 the lowest; None for the ground."""
    name = module.split(".")[1]
    if name in GROUND:
        return None
    floors = [level for level, names in enumerate(ROOMS) if name in names]
    assert floors, f"{module} lies in no room: give annotator/{name} a place in ROOMS"
    return floors[0]


def is_ours(found: Import) -> bool:
    """Whether a module of annotator imports another one."""
    return found.is_of("annotator") and found.target != "annotator" and found.module != "annotator"


def test_inside_annotator_a_room_imports_only_the_rooms_before_it():
    def is_wrong(found: Import) -> bool:
        if not is_ours(found):
            return False
        target, own = room(found.target), room(found.module)
        same_line = target == own and not found.is_of(".".join(found.module.split(".")[:2]))
        return None not in (target, own) and (target > own or same_line)

    assert offences(imports_of("annotator"), is_wrong) == []


def test_tables_import_each_other_at_the_top_and_without_a_circle():
    known = {module_name(path) for path in (ROOT / "annotator" / "models").glob("*.py")}
    imports = [found for found in imports_of("annotator/models") if found.is_of("annotator.models")]
    assert offences(imports, lambda found: not found.at_top) == []
    graph = {module: set() for module in known - {"annotator.models"}}
    for found in imports:
        graph.setdefault(found.module, set()).add(found.target.rpartition(".")[0])
    TopologicalSorter(graph).prepare()  # raises CycleError, with the circle


def test_every_module_of_annotator_says_what_it_is():
    silent = [
        module_name(path)
        for path in sorted((ROOT / "annotator").rglob("*.py"))
        if "migrations" not in path.parts
        and (source := path.read_text(encoding="utf-8"))
        and not ast.get_docstring(ast.parse(source))
    ]
    assert silent == []


def test_the_ground_of_annotator_knows_no_room():
    def is_wrong(found: Import) -> bool:
        if not is_ours(found) or room(found.module) is not None:
            return False
        return room(found.target) is not None

    assert offences(imports_of("annotator"), is_wrong) == []


def test_only_wake_ups_know_the_broker_and_its_library():
    def is_wrong(found: Import) -> bool:
        knows = found.module in {"annotator.celery", "annotator.jobs.wake_up"}
        return found.is_of("celery", "kombu", "annotator.celery") and not knows

    assert offences(imports_of("annotator"), is_wrong) == []


STANDARD_LIBRARY_ONLY = (
    "annotator.site.environment"  # scripts read the variables that they share with the site
)


def test_scripts_run_before_anything_is_installed():
    def is_wrong(found: Import) -> bool:
        allowed = {*sys.stdlib_module_names, "scripts"}
        return found.target.split(".")[0] not in allowed and not found.is_of(STANDARD_LIBRARY_ONLY)

    assert offences(imports_of("scripts"), is_wrong) == []
    shared = [found for found in imports_of("annotator") if found.module == STANDARD_LIBRARY_ONLY]
    assert offences(shared, lambda found: found.target.split(".")[0] not in sys.stdlib_module_names) == []


# --- JavaScript ---

JS = ROOT / "static" / "js"
VENDOR = ROOT / "static" / "vendor"
MAY_IMPORT = {
    "core": {"core"},
    "decoder": {"decoder", "core"},
    "api": {"api", "core"},
    "storage": {"storage", "core"},
    "view": {"view", "core"},
    "session": {"session", "core"},  # api, decoder, storage and clocks are handed in
    "bench": {
        "bench",
        "view",
        "session",
        "storage",
        "api",
        "decoder",
        "core",
    },  # the parts of the annotate page
    "pages": {
        "bench",
        "view",
        "session",
        "storage",
        "api",
        "decoder",
        "core",
        "vendor",
    },  # vendor: third-party files from npm
}
# Types may be named beside that: api gives what session and decoder ask for, view shows what session holds.
MAY_NAME = {"api": {"session", "decoder"}, "storage": {"session"}, "view": {"session"}}
MAX_LINES_OF_A_PAGE = 200
IMPORT = re.compile(
    r"""^\s*(?:import|export)\b[^;'"`]*?\bfrom\s*["'](?P<source>[^"']+)["'](?P<end>.?)"""
    r"""|^\s*import\s*["'](?P<bare>[^"']+)["'](?P<bare_end>.?)""",
    re.MULTILINE,
)
# How a file takes types from another one, by the file's suffix.
TYPE_IMPORTS = {
    ".js": re.compile(r"""@import\b[^"']*["']([^"']+)["']"""),
    ".ts": re.compile(r"""^(?:import|export)\b[^;"']*\bfrom\s*["']([^"']+)["']""", re.MULTILINE),
}


def js_imports() -> list[tuple[Path, str, str]]:
    """(file, what it imports, the character after it) of every static import."""
    found = []
    for path in sorted(JS.rglob("*.js")):
        without_comments = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for match in IMPORT.finditer(without_comments):
            found.append((path, match["source"] or match["bare"], match["end"] or match["bare_end"] or ""))
    return found


def js_types() -> list[tuple[Path, str]]:
    """(file, file of ours that it takes types from) of every `@import` and of every import in a .d.ts file."""
    found = []
    for path in sorted(path for path in JS.rglob("*") if path.suffix in TYPE_IMPORTS):
        text = path.read_text(encoding="utf-8")
        sources = TYPE_IMPORTS[path.suffix].findall(text)
        found += [(path, source) for source in sources if source.startswith(".")]
    return found


def test_browser_modules_name_types_along_the_arrows():
    types = js_types()
    assert {path.suffix for path, _ in types} == set(TYPE_IMPORTS)
    wrong = []
    for path, source in types:
        folder, target = path.relative_to(JS).parts[0], (path.parent / source).resolve()
        allowed = MAY_IMPORT[folder] | MAY_NAME.get(folder, set())
        if not target.is_file() or target.relative_to(JS).parts[0] not in allowed:
            wrong.append(f"{path.relative_to(JS)} names types of {source}")
    assert wrong == []


def test_browser_modules_import_along_the_arrows():
    imports = js_imports()
    assert imports, "no JavaScript import was found: is static/js where it should be?"
    wrong = []
    for path, source, _ in imports:
        folder = path.relative_to(JS).parts[0]
        target = (path.parent / source).resolve()
        is_ours, is_vendor = target.is_relative_to(JS), target.is_relative_to(VENDOR)
        if not source.startswith(".") or not (is_ours or is_vendor):
            wrong.append(
                f"{path.relative_to(JS)} imports {source}: only files below static, by relative paths"
            )
        elif ("vendor" if is_vendor else target.relative_to(JS).parts[0]) not in MAY_IMPORT[folder]:
            wrong.append(f"{path.relative_to(JS)} imports {source}")
    assert wrong == []


def test_pages_only_put_things_together():
    """A page is a composition root: what grows in it belongs to session/ or view/."""
    lengths = {
        path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in (JS / "pages").iterdir()
    }
    assert {name: length for name, length in lengths.items() if length > MAX_LINES_OF_A_PAGE} == {}


def test_no_browser_module_has_a_folder_of_its_name():
    assert [path for path in JS.rglob("*.js") if path.with_suffix("").is_dir()] == []


def test_session_and_core_need_no_browser():
    """tsconfig.session.json checks both without the types of the DOM, so that a use of it is an error."""
    settings = json.loads((ROOT / "tsconfig.session.json").read_text(encoding="utf-8"))
    assert settings["compilerOptions"]["lib"] == ["ES2023"]
    assert settings["include"] == ["static/js/core/**/*", "static/js/session/**/*"]
    check = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["scripts"]["check"]
    assert "tsc -p tsconfig.session.json" in check


def test_browser_imports_are_such_that_django_can_hash_them():
    wrong = [
        f"{path.relative_to(JS)}: {source}"
        for path, source, end in js_imports()
        if end != ";"
        or not source.endswith((".js", ".mjs"))
        or not (path.parent / source).resolve().is_file()
    ]
    assert wrong == []


# --- the reader of imports itself ---


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch", [("torch", True)]),
        ("from torch import nn", [("torch.nn", True)]),
        ("def f():\n    import torch", [("torch", False)]),
        ("class A:\n    import torch", [("torch", True)]),
        ("try:\n    import torch\nexcept ImportError:\n    pass", [("torch", True)]),
        ("if TYPE_CHECKING:\n    import torch", []),
        ("from . import rle", [("segmentation.rle", True)]),
        ("from .decoder import export", [("segmentation.decoder.export", True)]),
    ],
)
def test_imports_are_found_wherever_they_stand(source, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "segmentation").mkdir()
    path = tmp_path / "segmentation" / "module.py"
    path.write_text(source)
    assert [(found.target, found.at_top) for found in imports_in(path)] == expected
