"""Requests made up from the API's own schema: what is sent as it says, what is not, and every check of the answers.

Bounded, and the same requests in every run: a longer run by hand is `st run http://127.0.0.1:8000/api/schema/`.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.urls import reverse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests.annotator.test_roles import world  # noqa: F401
from tests.annotator.world import client_of

load_all_checks()
# For each operation: as the schema says, and otherwise. Both together take less than a minute of a processor.
EXAMPLES = {GenerationMode.POSITIVE: 4, GenerationMode.NEGATIVE: 1}
CONFIG = {
    # tus answers 412 where its header is missing (https://tus.io/protocols/resumable-upload, Tus-Resumable).
    "checks": {
        "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 409, 412, 413, 415]}
    }
}
JSON = "application/json"
# Where what the schema allows is refused all the same, by rules that no schema can say: names that are taken, masks
# that must fit their image, passwords, addresses of e-mail, files that must be pictures, versions of the same project.
RULES_BEYOND = {
    "POST /api/auth/token/",
    "PATCH /api/me/",
    "PUT /api/me/preferences/",
    "PATCH /api/me/preferences/",
    "POST /api/projects/",
    "PATCH /api/projects/{project_id}/",
    "POST /api/projects/{project_id}/categories/",
    "POST /api/projects/{project_id}/categories/list/",
    "PATCH /api/categories/{category_id}/",
    "DELETE /api/categories/{category_id}/",
    "POST /api/projects/{project_id}/members/",
    "POST /api/projects/{project_id}/images/",
    "POST /api/projects/{project_id}/images/mark/",
    "POST /api/projects/{project_id}/images/delete/",
    "POST /api/projects/{project_id}/trash/images/restore/",
    "POST /api/projects/{project_id}/trash/images/remove/",
    "PATCH /api/images/{image_id}/",
    "GET /api/images/{image_id}/embedding/",
    "POST /api/images/{image_id}/embedding/",
    "POST /api/images/{image_id}/annotations/",
    "PATCH /api/annotations/{annotation_id}/",
    "POST /api/projects/{project_id}/exports/",
    "POST /api/projects/{project_id}/exports/preview/",
    "POST /api/projects/{project_id}/imports/",
    "PATCH /api/imports/{import_id}/",
    "POST /api/projects/{project_id}/uploads/",
    "PATCH /api/uploads/{upload_id}/",
    "POST /api/projects/{project_id}/versions/",
    "PATCH /api/versions/{version_id}/",
    "GET /api/projects/{project_id}/progress/",
    "POST /api/catalogue/{name}/install/",
}
# Taken though the schema does not allow it: Django REST framework reads a number where a text is wanted, and more ways
# to write a moment than RFC 3339 has.
LENIENT = ("(was string, became number)", "violates `format` at /properties/since")
# The world of these tests has no exported decoder: 503, as the schema says.
WITHOUT_DECODER = "GET /api/bundles/{name}/decoder/"
# They look for what other requests made, over HTTP of their own: not within one test's transaction.
STATEFUL = [openapi_checks.use_after_free, openapi_checks.ensure_resource_availability]


@schemathesis.serializer("application/offset+octet-stream")
def bytes_of_a_part(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture
def schema(db):
    config = schemathesis.Config.from_dict(CONFIG)
    return schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application(), config=config)


def arguments_by_path(world) -> dict[str, dict]:  # noqa: F811
    """Address in the schema -> the arguments that lead to what is there."""
    found = {}
    for name, arguments in world["arguments"].items():
        path = reverse(f"api:{name}", kwargs=arguments)
        for key, value in arguments.items():
            path = path.replace(f"/{value}/", f"/{{{key}}}/", 1)
        found[path] = {
            key: value if isinstance(value, int) else str(value) for key, value in arguments.items()
        }
    return found


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
def test_the_schema_says_what_the_api_does(schema, mode, world, alice, settings):  # noqa: F811
    settings.ALLOWED_HOSTS = ["*"]
    headers = {"Authorization": client_of(alice)._credentials["HTTP_AUTHORIZATION"]}
    arguments = arguments_by_path(world)
    wrong: list[str] = []
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        tried += _try(operation, mode, headers, arguments.get(operation.path), wrong)
    assert not wrong, f"{len(wrong)} findings\n\n" + "\n\n".join(wrong)
    assert tried > 50


def _try(operation, mode, headers, arguments, wrong) -> int:
    """Sends some requests of one operation, each undone again; how many."""
    tried = 0
    excluded = list(STATEFUL)
    if operation.label in RULES_BEYOND:
        excluded.append(openapi_checks.positive_data_acceptance)
    if operation.label == WITHOUT_DECODER:
        excluded.append(checks.not_a_server_error)
    fixed = {"path_parameters": arguments} if arguments else {}
    cases = operation.as_strategy(generation_mode=mode, **fixed)
    if JSON in operation.definition.raw.get("requestBody", {}).get("content", {}):
        # Of a form, much that is wrong cannot be said: it has texts only, and no empty lists.
        cases = cases.filter(lambda case: case.media_type == JSON)

    @settings(
        max_examples=EXAMPLES[mode],
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case):
        nonlocal tried
        tried += 1
        with transaction.atomic():
            try:
                case.call_and_validate(headers=headers, excluded_checks=excluded)
            except schemathesis.core.failures.FailureGroup as found:
                said = [str(each) for each in found.exceptions]
                said = [text for text in said if not any(words in text for words in LENIENT)]
                if said:
                    wrong.append(f"{operation.label}: {said}\n{case.as_curl_command()}")
            finally:
                transaction.set_rollback(True)

    with suppress(Unsatisfiable):  # nothing of it can be wrong
        send()
    return tried
