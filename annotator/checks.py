"""System checks (`manage.py check`): limits that make sense. `manage.py doctor` looks at bundles and decoders."""

from __future__ import annotations

from django.conf import settings
from django.core.checks import Error, Warning, register

POSITIVE_LIMITS = (
    "MAX_IMAGE_BYTES",
    "MAX_IMAGE_PIXELS",
    "MAX_IMAGE_SIDE_PX",
    "MAX_FILES_PER_REQUEST",
    "MAX_ZIP_BYTES",
    "MAX_ZIP_ENTRIES",
    "MAX_ZIP_UNCOMPRESSED_BYTES",
    "MAX_ZIP_RATIO",
    "JOB_LEASE_S",
    "JOB_SWEEP_INTERVAL_S",
)


@register()
def limits_are_positive(app_configs, **kwargs):
    return [
        Error(f"{name} is {getattr(settings, name)}, it must be at least 1", id="annotator.E001")
        for name in POSITIVE_LIMITS
        if getattr(settings, name) < 1
    ]


@register()
def lease_outlives_sweep(app_configs, **kwargs):
    if settings.JOB_LEASE_S >= 2:
        return []
    return [
        Warning(
            f"JOB_LEASE_S is {settings.JOB_LEASE_S}: a worker that pauses for a moment loses its job",
            id="annotator.W001",
        )
    ]
