"""The answer to OPTIONS: what an address takes."""

from __future__ import annotations

from typing import Any

from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request


class Metadata(SimpleMetadata):
    """DRF's, also of views whose requests have no body."""

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        return super().determine_actions(request, view) if view.serializer_class else {}
