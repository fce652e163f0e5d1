"""Why an export cannot be fetched."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class ExportNotReady(MaskwrightError):
    code = "export_not_ready"
    status = 409
