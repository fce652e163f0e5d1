"""What the decoders' WebAssembly kernels share: C headers, and the descriptions of their layouts.

A kernel's `layout.json` says its sizes, enums and structs once; scripts/build_kernels.py makes a C header and a
JavaScript module of it.
"""

import json
from pathlib import Path


def sizes(folder: Path) -> dict[str, int]:
    """The sizes that a kernel is compiled for, by name: the numbers among the constants of its `layout.json`."""
    constants = json.loads((folder / "layout.json").read_text(encoding="utf-8"))["constants"]
    return {name: value for name, value, *_ in constants if isinstance(value, int)}
