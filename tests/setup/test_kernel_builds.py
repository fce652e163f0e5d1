"""The committed WebAssembly files are what tail.c becomes."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None, reason="pip install ziglang==0.17.0 to compare"
)
def test_committed_kernels_are_built_from_the_source():
    subprocess.run([sys.executable, ROOT / "scripts/build_kernels.py", "--check"], check=True)
