"""`pip install .`: a wheel with everything in it, in an empty environment, up to a click in Chromium."""

from __future__ import annotations

import os
import shutil
import site as python_site
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import ROOT, Site, sign_in_as
from tests.ports import free_port

from .workbench_driver import Bench

pytestmark = pytest.mark.slow

DEMO_IMAGE = "coffee.png"
ON_THE_CUP = (300, 190)  # image pixels


def build_wheel(source: Path, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    return subprocess.run(
        [*command, "-w", str(folder), str(source)], capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = build_wheel(ROOT, folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("maskwright-*.whl"))


@pytest.fixture(scope="module")
def installed_site(wheel, tmp_path_factory) -> Iterator[Site]:
    """The site of a package in a fresh virtual environment.

    The libraries that it needs are those of the tests' environment, linked by a .pth file: torch alone would be a
    download of gigabytes. That environment holds no Maskwright, and the checkout is not on the path.
    """
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, timeout=120)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--no-deps", "--no-index", str(wheel)], check=True, timeout=120
    )
    packages = next((folder / "venv" / "lib").glob("python3.*")) / "site-packages"
    (packages / "libraries.pth").write_text("\n".join(python_site.getsitepackages()) + "\n")
    data_dir = folder / "data"
    data_dir.mkdir()
    running = Site(
        data_dir,
        free_port(),
        python=str(python),
        command=(str(folder / "venv" / "bin" / "maskwright"),),
        cwd=folder,
    )
    try:
        running.manage("prepare_site")
        running.start_web()
        running.start_worker()
        yield running
    finally:
        running.stop()


def test_the_wheel_has_everything_that_is_not_python(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder, prefix in (("templates", "annotator/_web/"), ("static", "annotator/_web/")):
        files = [
            path for path in (ROOT / folder).rglob("*") if path.is_file() and not path.name.startswith(".")
        ]
        assert files
        assert {f"{prefix}{path.relative_to(ROOT)}" for path in files} <= names
    tracked = subprocess.run(
        ["git", "ls-files", "annotator", "exporters", "segmentation"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {name for name in tracked.stdout.split("\n") if name and (ROOT / name).exists()} <= names


def test_a_wheel_without_the_browsers_files_is_not_built(tmp_path):
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("annotator", "exporters", "segmentation", "static", "templates"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    built = build_wheel(tmp_path, tmp_path / "dist")
    assert built.returncode != 0
    assert "static/vendor has no ort/ort.wasm.min.mjs" in built.stdout + built.stderr
    assert "npm run vendor" in built.stdout + built.stderr


def test_the_code_that_runs_is_the_installed_one(installed_site):
    said = subprocess.run(
        [installed_site.python, "-c", "import annotator.settings as s; print(s.BASE_DIR, s.DATA_DIR)"],
        cwd=installed_site.cwd,
        env={name: value for name, value in os.environ.items() if name not in ("DATA_DIR", "PYTHONPATH")},
        capture_output=True,
        text=True,
        check=True,
    )
    base_dir, data_dir = map(Path, said.stdout.split())
    assert base_dir.is_relative_to(installed_site.cwd / "venv")
    assert data_dir == installed_site.cwd / "data", "in the current folder, not among the installed packages"


def test_a_click_gives_a_mask(installed_site, browser: Browser):
    context = browser.new_context(base_url=installed_site.url, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    try:
        sign_in_as(page, "annotator")
        page.get_by_role("link", name="Demo photographs").first.click()
        page.locator(f"[data-image-id]:has-text('{DEMO_IMAGE}') a").first.click()
        bench = Bench(page).wait_until_ready()
        bench.click(ON_THE_CUP)
        bench.wait_until_drawn_on(ON_THE_CUP)
    finally:
        context.close()
