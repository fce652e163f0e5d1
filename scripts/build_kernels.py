"""Builds the decoders' WebAssembly kernels, plain.wasm and relaxed.wasm beside each source, and writes the layouts that
they share with the page's scripts (see kernel_layouts.py).

The compiler is clang as the PyPI package `ziglang` carries it, in the version below: it gives the same bytes everywhere
(tests compare when it is installed). `--check` builds elsewhere and only compares.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs by its path too

from scripts import kernel_layouts

ZIG_VERSION = "0.17.0"
ROOT = Path(__file__).parents[1]
SOURCES = tuple(sorted((ROOT / "segmentation/families").rglob("*.c")))
SIMD = {"plain": ["-msimd128"], "relaxed": ["-msimd128", "-mrelaxed-simd"]}
FLAGS = [
    "--target=wasm32-freestanding",
    # Atomics and bulk memory are what a shared memory needs.
    "-mcpu=mvp+atomics+bulk_memory+sign_ext+nontrapping_fptoint+mutable_globals",
    "-O3",
    "-nostdlib",
    "-Wall",
    "-Werror",
    # Threads would share the C stack, see tail.c: no function may have a place on it.
    "-Wframe-larger-than=0",
    "-Wl,--no-entry",
    "-Wl,--import-memory",
    "-Wl,--shared-memory",
    "-Wl,--max-memory=134217728",
    "-Wl,--strip-all",
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="compare with the committed files, write nothing"
    )
    options = parser.parse_args()
    if importlib.util.find_spec("ziglang") is None:
        print(f"the compiler is missing: pip install ziglang=={ZIG_VERSION}", file=sys.stderr)
        return 2
    differing = []
    for description in kernel_layouts.descriptions():
        for target, content in kernel_layouts.generated(description).items():
            if not options.check:
                target.write_text(content, encoding="utf-8")
            elif not target.is_file() or target.read_text(encoding="utf-8") != content:
                differing.append(str(target))
    for source in SOURCES:
        for build, simd in SIMD.items():
            content = compile_kernel(source, simd)
            target = source.parent / f"{build}.wasm"
            if not options.check:
                target.write_bytes(content)
                print(f"{target}: {len(content)} bytes")
            elif target.read_bytes() != content:
                differing.append(str(target))
    if differing:
        print(f"made from the sources, these differ: {', '.join(differing)}", file=sys.stderr)
    return 1 if differing else 0


def compile_kernel(source: Path, simd: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "kernel.wasm"
        # In the source's folder and by its bare name, so that no path gets into the file.
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *simd, "-o", str(out), source.name]
        subprocess.run(command, cwd=source.parent, check=True)
        return out.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
