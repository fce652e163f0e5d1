"""The people tab of a project: its members."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator.models import Project, Role


def context(request: HttpRequest, shown: Project) -> dict[str, Any]:
    return {"members": shown.memberships.select_related("user"), "roles": Role.choices}
