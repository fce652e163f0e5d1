"""A data folder that revision 5168d33 left (tests/data/make_old_data_folder.py) is brought up to date and served."""

from __future__ import annotations

import hashlib
import http.cookiejar
import json
import re
import shutil
import socket
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.annotator.world import Installation

ARCHIVE = Path(__file__).resolve().parents[1] / "data" / "data_folder_5168d33.tar.xz"
START_TIMEOUT_S = 60
WORK_TIMEOUT_S = 120  # the first embedding loads torch and the default bundle

pytestmark = pytest.mark.slow  # the default bundle's decoder, left out of the archive, is exported first


class OldSite:
    """The present site, served from the old data folder."""

    def __init__(self, installation: Installation, expected: dict, port: int) -> None:
        self.installation = installation
        self.expected = expected
        self.url = f"http://127.0.0.1:{port}"

    def open(self, path: str, *, token: str = "", body: dict | None = None, opener=None) -> bytes:
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Token {token}"} if token else {}
        )
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, headers)
        with (opener or urllib.request.build_opener()).open(request, timeout=30) as answer:
            return answer.read()

    def get(self, path: str, username: str = "sam") -> dict:
        return json.loads(self.open(path, token=self.expected["tokens"][username]))


@pytest.fixture(scope="module")
def old_site(tmp_path_factory) -> Iterator[OldSite]:
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    expected = json.loads((folder / "data/expected.json").read_text())
    installation = Installation(folder / "data")
    installation.manage("prepare_site", "--skip-static", "--no-demo")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = installation.start("-m", "gunicorn", "annotator.wsgi", "--bind", f"127.0.0.1:{port}")
    site = OldSite(installation, expected, port)
    try:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                site.open("/login/")
                break
            except urllib.error.URLError:
                assert time.monotonic() < deadline_s, (folder / "data/process.log").read_text()
                time.sleep(0.1)
        yield site
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def test_failed_sign_ins_are_still_counted(old_site):  # before anybody signs in
    said = old_site.installation.python(
        "from annotator.models import LoginFailures; print(LoginFailures.objects.get(username='alice').count)"
    )
    assert said.strip() == "1"


def test_old_passwords_sign_in(old_site):
    for username, password in old_site.expected["passwords"].items():
        body = {"username": username, "password": password}
        if username == "ina":  # switched off
            with pytest.raises(urllib.error.HTTPError, match="400"):
                old_site.open("/api/auth/token/", body=body)
            continue
        token = json.loads(old_site.open("/api/auth/token/", body=body))["token"]
        assert json.loads(old_site.open("/api/me/", token=token))["username"] == username


def test_old_tokens_sign_in_and_are_kept_as_digests_only(old_site):
    for username, token in old_site.expected["tokens"].items():
        assert old_site.get("/api/me/", username)["username"] == username
        for file in old_site.installation.data_dir.glob("maskwright.sqlite3*"):
            with suppress(FileNotFoundError):  # SQLite's log goes with the last connection
                assert token.encode() not in file.read_bytes(), file


def test_the_sign_in_page_takes_an_old_password(old_site):
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = old_site.open("/login/", opener=opener).decode()
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    form = {
        "username": "alice",
        "password": old_site.expected["passwords"]["alice"],
        "csrfmiddlewaretoken": csrf,
    }
    request = urllib.request.Request(f"{old_site.url}/login/", urllib.parse.urlencode(form).encode())
    with opener.open(request, timeout=30) as answer:
        assert "Cats" in answer.read().decode()


def test_who_was_signed_in_still_is(old_site):
    request = urllib.request.Request(f"{old_site.url}/api/me/")
    request.add_header("Cookie", f"sessionid={old_site.expected['session']}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["username"] == "bob"


def test_the_api_says_of_every_row_and_file_what_it_said(old_site):
    """New fields may have come; what was there is unchanged, rows in the same order."""
    for address, before in old_site.expected["answers"].items():
        if "sha256" in before:
            content = old_site.open(address, token=old_site.expected["tokens"]["sam"])
            assert hashlib.sha256(content).hexdigest() == before["sha256"], address
        else:
            assert kept(before, old_site.get(address)) == before, address


def test_the_decoder_that_was_exported_is_served_and_the_missing_ones_are_made(old_site):
    for row in old_site.get("/api/bundles/")["results"]:
        decoder = old_site.open(row["decoder_url"], token=old_site.expected["tokens"]["vera"])
        assert hashlib.sha256(decoder).hexdigest() == row["decoder_sha256"]
        assert row["fast_decoder_url"]
        assert old_site.open(row["fast_decoder_url"], token=old_site.expected["tokens"]["vera"])


def test_rights_of_roles_groups_and_single_users_survive(old_site):
    assert [row["name"] for row in old_site.get("/api/projects/", "vera")["results"]] == ["Cats"]
    said = old_site.installation.python(
        """
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
users = {user.username: user for user in get_user_model().objects.all()}
view = {name for name in users["bob"].get_all_permissions() if "view" in name}
print(sorted(view), sorted(users["vera"].get_all_permissions()), users["sam"].is_superuser)
print(Permission.objects.filter(codename="view_user").count())
"""
    )
    label = old_site.installation.python(
        "from django.contrib.auth import get_user_model; print(get_user_model()._meta.app_label)"
    ).strip()
    views = sorted(["annotator.view_image", f"{label}.view_user"])
    assert said.splitlines() == [f"{views} {[f'{label}.change_user']} True", "1"]


def test_what_the_admin_noted_about_a_user_is_still_his_history(old_site):
    said = old_site.installation.python(
        """
from django.contrib.admin.models import LogEntry
entry = LogEntry.objects.get(object_repr="bob")
print(entry.content_type.model_class().objects.get(pk=entry.object_id).username, entry.change_message)
"""
    )
    assert said.strip() == "bob put into Team"


def test_a_deleted_annotation_can_still_be_restored(old_site):
    deleted = old_site.expected["deleted_annotation"]
    address = f"/api/annotations/{deleted}/restore/"
    row = json.loads(old_site.open(address, token=old_site.expected["tokens"]["bob"], body={}))
    assert row["id"] == deleted
    listed = old_site.get(f"/api/images/{row['image']}/annotations/")["results"]
    assert deleted in [annotation["id"] for annotation in listed]


def test_what_waited_for_a_worker_is_done(old_site):
    worker = old_site.installation.start("manage.py", "worker")
    try:
        deadline_s = time.monotonic() + WORK_TIMEOUT_S
        waiting = ["an answer"]
        while waiting:
            assert time.monotonic() < deadline_s, (old_site.installation.data_dir / "process.log").read_text()
            time.sleep(0.5)
            exports = old_site.get("/api/projects/1/exports/")["results"]
            images = old_site.get("/api/projects/3/images/")["results"]
            states = [row["state"] for row in exports] + [row["embedding_state"] for row in images]
            waiting = [state for state in states if state != "ready"]
    finally:
        worker.terminate()
        worker.wait()


def kept(before, now):
    """`now` without the fields that `before` did not have."""
    if isinstance(before, dict) and isinstance(now, dict):
        # The package's version was made of the file's time, and that of a missing file is null.
        return {
            key: before[key] if key == "fast_decoder_url" else kept(before[key], now.get(key))
            for key in before
        }
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [kept(*pair) for pair in zip(before, now, strict=True)]
    return now
