"""What the API's schema says of every address alike: how it refuses, and rules among fields that no serializer can say.

https://spec.openapis.org/oas/v3.0.3
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.plumbing import get_lib_doc_excludes

from annotator.api.base import scope

ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
WRITES = frozenset({"post", "put", "patch", "delete"})
MALFORMED, NO_ONE, NOT_ALLOWED = (
    "Something of the request is refused.",
    "Nobody is signed in.",
    "The right is missing.",
)
GONE, CONFLICT = "There is no such thing, or one may not see it.", "It does not fit what is there now."
LARGE, TYPE = "The request is too large.", "The body is of a type that this address does not take."
FULL, AWAY = "The server's disk is full.", "Database, storage or model are away or busy for a moment."
TUS = "The header Tus-Resumable is missing, or of another version."
# Bodies in which exactly one of some fields stands.
ONE_OF = (("ids", "filters"), ("file", "upload", "path"))
NO_NUL = "^[^\\u0000]*$"


def bases_without_words() -> list[type]:
    """Classes whose docstrings are for those who write views, not for those who call them."""
    return [
        *get_lib_doc_excludes(),
        scope.StaffWriteMixin,
        scope.ScopedView,
        scope.ProjectScopedView,
        scope.RowView,
    ]


def say_what_every_view_shares(
    result: dict[str, Any], generator: object, request: object, public: bool
) -> dict[str, Any]:
    """A hook of drf-spectacular: completes the finished schema."""
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            _add_refusals(path, method, operation)
            for parameter in operation.get("parameters", ()):
                _exclude_nul(parameter)
    for name, schema in result["components"]["schemas"].items():
        for fields in ONE_OF:
            if name.endswith("Request") and set(fields) <= set(schema.get("properties", ())):
                schema["oneOf"] = [{"required": [field]} for field in fields]
    return result


def _add_refusals(path: str, method: str, operation: dict[str, Any]) -> None:
    parameters = operation.get("parameters", ())
    names = {parameter["name"] for parameter in parameters}
    codes = {"400": MALFORMED, "503": AWAY}
    if {} not in operation.get("security", [{}]):
        codes |= {"401": NO_ONE, "403": NOT_ALLOWED}
    if "{" in path or "page" in names:
        codes["404"] = GONE
    if method in WRITES:
        codes |= {"409": CONFLICT, "413": LARGE, "507": FULL}
    if "requestBody" in operation:
        codes["415"] = TYPE
    if "Tus-Resumable" in names:
        codes["412"] = TUS
    responses = operation["responses"]
    for code, words in codes.items():
        responses.setdefault(code, {"description": words, "content": ERROR})
    operation["responses"] = dict(sorted(responses.items()))


def _exclude_nul(parameter: dict[str, Any]) -> None:
    """No text of ours has a NUL character; addresses with one are refused."""
    schema = parameter["schema"]
    is_text = schema.get("type") == "string" and parameter["in"] != "header"
    if is_text and not {"pattern", "format", "enum"} & set(schema):
        schema["pattern"] = NO_NUL
