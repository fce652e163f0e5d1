"""Run by hatchling before it builds: the browser's third-party files are part of the wheel, not of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NEEDED = ("ort/ort.wasm.min.mjs", "ort/ort-wasm-simd-threaded.wasm", "icons.svg")


class VendorFilesAreThere(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        vendor = Path(self.root) / "static" / "vendor"
        missing = [name for name in NEEDED if not (vendor / name).is_file()]
        if missing:
            raise SystemExit(
                f"static/vendor has no {', '.join(missing)}: the wheel would have no decoder. "
                "Run first: npm ci && npm run vendor (or: make setup)"
            )
