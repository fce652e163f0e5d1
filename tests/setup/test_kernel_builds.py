"""The committed WebAssembly files and layouts are what their sources become."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import kernel_layouts

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("description", kernel_layouts.descriptions(), ids=lambda path: path.parent.name)
def test_committed_layouts_say_what_their_description_says(description):
    for path, content in kernel_layouts.generated(description).items():
        assert path.read_text() == content, f"run: python scripts/build_kernels.py, then look at {path}"


@pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None, reason="pip install ziglang==0.17.0 to compare"
)
def test_committed_kernels_are_built_from_the_source():
    subprocess.run([sys.executable, ROOT / "scripts/build_kernels.py", "--check"], check=True)
