"""What every refusal has: code, message, HTTP status. The errors of one room lie in its `errors.py`.

One handler (`annotator.api.base.errors`) turns them into the API's error shape.
"""

from __future__ import annotations

from typing import Any, Self


class MaskwrightError(Exception):
    """Base of everything the domain refuses.

    Attributes:
        code: stable word a program can test for.
        status: the HTTP status the API answers with.
        fields: field name -> list of sentences, where the fault lies in what was sent.
        extra: further top-level keys of the API's answer (the current row of a conflict).
    """

    code = "error"
    status = 400

    def __init__(
        self, message: str, *, fields: dict[str, list[str]] | None = None, extra: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields or {}
        self.extra = extra or {}


class InvalidValue(MaskwrightError):
    code = "invalid"

    @classmethod
    def of_field(cls, field: str, message: str) -> Self:
        """The error for one field, with the same sentence at the field."""
        return cls(message, fields={field: [message]})
