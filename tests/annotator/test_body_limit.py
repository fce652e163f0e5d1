"""Nobody fills the disk or the memory with a body that the address has no use for."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.annotator.world import browser_of, client_of

MIB = 2**20
LIMITED_BY = {"MAX_REQUEST_BYTES", "DATA_UPLOAD_MAX_MEMORY_SIZE"}


class Refuses:
    """A body that fails the test when it is read."""

    def read(self, *_: int) -> bytes:
        raise AssertionError("the body is read")

    readline = read


def send(client: Client, address: str, *, announced: int, **extra: str):
    return client.generic(
        "POST",
        address,
        **{
            "CONTENT_LENGTH": str(announced),
            "CONTENT_TYPE": "multipart/form-data; boundary=B",
            "wsgi.input": Refuses(),
        },
        **extra,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    ["/api/auth/token/", "/login/", "/admin/login/", "/logout/", "/api/me/preferences/", "/api/nothing/"],
)
def test_a_large_body_is_not_read(address):
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "a" * 32  # as the review sent it: then the token is looked for in the body
    answer = send(client, address, announced=2 * MIB)
    assert answer.status_code == 413
    if address.startswith("/api/"):
        assert answer.json()["error"]["code"] == "request_too_large"
        assert "1 MiB" in answer.json()["error"]["message"]
    else:
        assert "1 MiB" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/auth/token/", "/login/"])
def test_a_body_that_does_not_say_how_long_it_is_is_not_read(address):
    answer = send(Client(), address, announced=0, HTTP_TRANSFER_ENCODING="chunked")
    assert answer.status_code == 411
    assert "Content-Length" in answer.content.decode()


def test_whoever_has_not_signed_in_sends_nothing_large_anywhere(project, image, annotation):
    """Every address of the API: refused by its size, or before the body is read."""
    ids = {
        "project_id": project.pk,
        "image_id": image.pk,
        "annotation_id": annotation.pk,
        "upload_id": "00000000-0000-0000-0000-000000000000",
    }
    answered = {}
    for view, address in addresses(get_resolver(), "/", ids):
        limit = getattr(getattr(view, "cls", None), "body_limit", None)
        assert limit is None or limit in LIMITED_BY
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            answer = Client(enforce_csrf_checks=True).generic(
                method,
                address,
                **{
                    "CONTENT_LENGTH": str(12 * MIB),
                    "CONTENT_TYPE": "multipart/form-data; boundary=B",
                    "wsgi.input": Refuses(),
                },
            )
            answered.setdefault(answer.status_code, []).append(address)
    assert set(answered) <= {401, 413}, answered
    assert len(answered[401]) < len(answered[413]) / 4


def addresses(resolver: URLResolver, prefix: str, ids: dict):
    """(view, address) of everything but addresses with something else in them than an id of these."""
    for entry in resolver.url_patterns:
        route = getattr(entry.pattern, "_route", None)
        if route is None:
            continue
        for name, value in ids.items():
            for kind in ("int", "uuid"):
                route = route.replace(f"<{kind}:{name}>", str(value))
        if "<" in route:
            continue
        if isinstance(entry, URLPattern):
            yield entry.callback, prefix + route
        else:
            yield from addresses(entry, prefix + route, ids)


def test_a_large_mask_is_taken(alice, image, category):
    answer = client_of(alice).post(
        f"/api/images/{image.pk}/annotations/",
        {"segmentation": {"size": [6, 8], "counts": "0" * (2 * MIB)}},
        format="json",
    )
    assert answer.status_code == 400  # what it is made of is wrong, and is looked at


def test_a_token_is_asked_for_without_files(db):
    answer = Client().post("/api/auth/token/", {"username": "dora", "password": "x"})  # multipart
    assert answer.status_code == 415


def test_a_form_of_a_signed_in_person_has_its_limit_too(alice, project):
    answer = browser_of(alice).post("/logout/", {"text": "x" * (MIB + 1)})
    assert answer.status_code == 413
