"""Finished files: fetched in parts, gone on with, and by a link that expires."""

from __future__ import annotations

import pytest
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from annotator.models import Export
from tests.annotator.world import client_of

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def export(project, alice) -> Export:
    name = default_storage.save(f"exports/{project.pk}/1-abc.zip", ContentFile(CONTENT))
    return Export.objects.create(
        project=project,
        format="coco",
        options={"segmentation": "rle", "include_images": True, "states": []},
        state="ready",
        file=name,
        file_name="Cats.zip",
        size_bytes=len(CONTENT),
        created_by=alice,
    )


def fetch(user, export: Export, **headers):
    return client_of(user).get(f"/api/exports/{export.pk}/file/", headers=headers)


def content(response) -> bytes:
    return b"".join(response.streaming_content)


# --- Range ---


def test_the_whole_file_says_that_parts_can_be_had(vera, export):
    response = fetch(vera, export)
    assert (response.status_code, response["Accept-Ranges"], content(response)) == (200, "bytes", CONTENT)
    assert response["ETag"] == '"1-abc.zip"'


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=1000-", 1000, 1023),
        ("bytes=-24", 1000, 1023),
        ("bytes=-5000", 0, 1023),
        ("bytes=1000-999999999", 1000, 1023),
    ],
)
def test_a_part_is_answered(vera, export, wanted, first, last):
    response = fetch(vera, export, range=wanted)
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {first}-{last}/1024"
    assert response["Content-Length"] == str(last - first + 1)
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == 'attachment; filename="Cats.zip"'
    assert content(response) == CONTENT[first : last + 1]


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_a_part_that_is_not_there_is_416(vera, export, wanted):
    response = fetch(vera, export, range=wanted)
    assert (response.status_code, response["Content-Range"]) == (416, "bytes */1024")


@pytest.mark.parametrize(
    "wanted", ["bytes=20-10", "lines=0-5", "bytes=0-1,4-5", "bytes=a-b", "bytes=-", "nothing"]
)
def test_what_is_no_range_is_passed_over(vera, export, wanted):
    response = fetch(vera, export, range=wanted)
    assert (response.status_code, content(response)) == (200, CONTENT)


def test_a_download_goes_on_only_with_the_same_file(vera, export):
    etag = fetch(vera, export)["ETag"]
    same = fetch(vera, export, range="bytes=512-", if_range=etag)
    assert (same.status_code, content(same)) == (206, CONTENT[512:])
    for other in ('"2-def.zip"', f"W/{etag}", "Sat, 28 Nov 2026 07:00:00 GMT"):
        response = fetch(vera, export, range="bytes=512-", if_range=other)
        assert (response.status_code, content(response)) == (200, CONTENT)


def test_two_halves_are_the_file(vera, export):
    halves = [content(fetch(vera, export, range=wanted)) for wanted in ("bytes=0-511", "bytes=512-")]
    assert b"".join(halves) == CONTENT


def test_a_file_that_the_browser_has_is_304_whatever_part_is_wanted(vera, export):
    etag = fetch(vera, export)["ETag"]
    assert fetch(vera, export, range="bytes=0-9", if_none_match=etag).status_code == 304


def test_an_empty_file_has_no_part(vera, export):
    default_storage.delete(export.file.name)
    default_storage.save(export.file.name, ContentFile(b""))
    assert fetch(vera, export, range="bytes=0-").status_code == 416
    assert fetch(vera, export, range="bytes=-5").status_code == 416
    assert fetch(vera, export).status_code == 200


def test_the_file_is_closed_when_a_part_was_read_and_when_nobody_read_it(vera, export, monkeypatch):
    from annotator.files import stored

    opened = []
    original = stored.open_file
    monkeypatch.setattr(stored, "open_file", lambda name: opened.append(original(name)) or opened[-1])
    response = fetch(vera, export, range="bytes=0-9")
    content(response)
    response.close()
    fetch(vera, export, range="bytes=0-9").close()
    fetch(vera, export, range="bytes=5000-").close()
    assert [file.closed for file in opened] == [True, True, True]


# --- links ---


def link_of(user, export: Export) -> dict:
    response = client_of(user).post(f"/api/exports/{export.pk}/link/")
    assert response.status_code == 201, response.content
    return response.json()


def test_whoever_has_a_link_gets_the_file(alice, export):
    link = link_of(alice, export)
    assert link["url"].startswith("http://testserver/api/exports/by-link/")
    response = Client().get(link["url"])
    assert (response.status_code, content(response)) == (200, CONTENT)
    part = Client().get(link["url"], headers={"range": "bytes=1000-"})
    assert (part.status_code, content(part)) == (206, CONTENT[1000:])
    assert Client().head(link["url"]).status_code == 200


def test_a_link_expires(alice, export, settings, monkeypatch):
    url = link_of(alice, export)["url"]
    now_s = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now_s + settings.EXPORT_LINK_HOURS * 3600 - 5)
    assert Client().get(url).status_code == 200
    monkeypatch.setattr(signing.time, "time", lambda: now_s + settings.EXPORT_LINK_HOURS * 3600 + 5)
    response = Client().get(url)
    assert (response.status_code, response.json()["error"]["code"]) == (410, "export_link_expired")


def test_a_link_says_until_when_it_can_be_used(alice, export, settings):
    import datetime as dt

    from django.utils import timezone

    expires_at = dt.datetime.fromisoformat(link_of(alice, export)["expires_at"])
    left = expires_at - timezone.now()
    assert abs(left - dt.timedelta(hours=settings.EXPORT_LINK_HOURS)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("change", ["another character", "another salt", "another file", "deleted"])
def test_a_link_that_was_not_made_for_this_file_leads_nowhere(change, alice, export):
    token = link_of(alice, export)["url"].rstrip("/").rpartition("/")[2]
    if change == "another character":
        token = f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}"
    elif change == "another salt":
        token = signing.dumps([export.pk, str(export.file)], salt="something else")
    elif change == "another file":
        Export.objects.update(file="exports/1/1-other.zip")
    else:
        export.delete()
    response = Client().get(f"/api/exports/by-link/{token}/")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_only_managers_make_links(vera, bob, charlie, export):
    statuses = [
        client_of(user).post(f"/api/exports/{export.pk}/link/").status_code for user in (bob, vera, charlie)
    ]
    assert statuses == [403, 403, 404]
