"""A family's name stands in its folder and in the table; decoder/ asks the row; nothing loads torch before it must."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from segmentation.bundle import BUILT_IN_BUNDLE
from segmentation.families import FAMILIES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "segmentation"
JS = ROOT / "static/js"


def modules(*places: str) -> list[Path]:
    found = [path for place in places for path in sorted((ROOT / place).rglob("*.py"))]
    assert found
    return [path for path in found if "migrations" not in path.parts]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def is_of_one_family(name: str) -> bool:
    return any(re.match(rf"segmentation\.families\.{family}\b", name) for family in FAMILIES)


def may_name_families(path: Path) -> bool:
    """Their own folders, and the bundle for tests, which is one family's."""
    return path.is_relative_to(FOLDER / "families") or path.is_relative_to(FOLDER / "testing")


def test_no_family_is_imported_or_named_outside_its_folder_and_the_table():
    wrong = []
    for path in modules("segmentation", "annotator", "exporters", "scripts"):
        if may_name_families(path):
            continue
        wrong += [f"{path}: {name}" for name in imported(path) if is_of_one_family(name)]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in FAMILIES:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.value!r}")
    # The built-in bundle is called as its family is; its name stands in one place.
    (name,) = wrong
    assert name.startswith("segmentation/bundle.py:") and name.endswith(repr(BUILT_IN_BUNDLE))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_familys_folder_knows_no_other_family(family):
    others = [other for other in FAMILIES if other != family]
    for path in modules(f"segmentation/families/{family}"):
        for other in others:
            of_other = re.compile(rf"segmentation\.families\.{other}\b")
            assert not list(filter(of_other.match, imported(path))), path


@pytest.mark.parametrize("shared", ["two_way", "kernels"])
def test_what_families_share_knows_no_family(shared):
    for path in modules(f"segmentation/families/{shared}"):
        assert not list(filter(is_of_one_family, imported(path))), path


def test_families_do_not_know_what_is_made_of_them():
    for path in modules("segmentation/families"):
        wrong = (
            "segmentation.decoder",
            "segmentation.predictor",
            "segmentation.training",
            "segmentation.encoder",
        )
        assert not [name for name in imported(path) if name.startswith(wrong)], path


def test_no_script_names_a_family_outside_the_folder_of_its_session():
    sessions = {family.browser_session for family in FAMILIES.values()} - {None}
    names = re.compile(rf"\b({'|'.join(FAMILIES)})\b", re.IGNORECASE)
    for path in sorted(JS.rglob("*.js")):
        if any(path.is_relative_to(JS / "decoder/worker" / session) for session in sessions):
            continue
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not names.findall(code), path


@pytest.mark.parametrize("family", FAMILIES)
def test_the_session_that_a_row_names_is_there(family):
    session = FAMILIES[family].browser_session
    assert session is None or "export async function loadSession(" in (
        JS / "decoder/worker" / session / "session.js"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "names",
    [
        "segmentation.bundle segmentation.families segmentation.prompts segmentation.masks",
        "segmentation.decoder segmentation.decoder.package segmentation.decoder.parity segmentation.predictor",
        "segmentation.families.two_way.package segmentation.families.pocket.kernel segmentation.families.sam.names",
    ],
)
def test_torch_is_not_loaded_before_it_must(names):
    code = f"import sys, {names.replace(' ', ', ')}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
