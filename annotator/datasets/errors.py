"""Why an export cannot be fetched, or a version not used."""

from __future__ import annotations

from annotator.errors import MaskwrightError


class ExportNotReady(MaskwrightError):
    code = "export_not_ready"
    status = 409


class VersionNotReady(MaskwrightError):
    code = "version_not_ready"
    status = 409


class VersionInUse(MaskwrightError):
    code = "version_in_use"
    status = 409


class ExportLinkExpired(MaskwrightError):
    code = "export_link_expired"
    status = 410
