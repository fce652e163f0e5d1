"""The cases in tests/data that JavaScript is held to as well."""

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"


def load(name: str) -> dict[str, Any]:
    return json.loads((DATA / f"{name}_cases.json").read_text(encoding="utf-8"))
