"""System checks (`manage.py check`): limits that fit together. `manage.py doctor` looks at the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register


@register()
def lease_outlives_sweep(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.JOB_LEASE_S >= 2:
        return []
    return [
        Warning(
            f"JOB_LEASE_S is {settings.JOB_LEASE_S}: a worker that pauses for a moment loses its job",
            id="annotator.W001",
        )
    ]
