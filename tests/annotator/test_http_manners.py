"""What every answer and every line of the log owes to whoever runs a web server in front of us, or reads along."""

from __future__ import annotations

import io
import logging
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.core.wsgi import get_wsgi_application

from tests.annotator.world import ROOT, Installation, client_of


def answer_by_wsgi(path: str, method: str, token: str = "") -> tuple[str, dict[str, str], bytes]:
    """Status, headers and body as a web server gets them: Django's test client drops a body by itself."""
    got: dict = {}
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_AUTHORIZATION": token,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    body = get_wsgi_application()(
        environ, lambda status, headers: got.update(status=status, headers=dict(headers))
    )
    content = b"".join(body)
    body.close()
    return got["status"], got["headers"], content


@pytest.mark.parametrize("what", ["/login/", "/api/projects/", "/api/nothing/", "file", "/api/schema/"])
def test_head_has_the_headers_of_get_and_no_body(alice, image, what):
    path = f"/api/images/{image.pk}/file/" if what == "file" else what
    token = client_of(alice)._credentials["HTTP_AUTHORIZATION"]
    status, headers, content = answer_by_wsgi(path, "GET", token)
    head_status, head_headers, nothing = answer_by_wsgi(path, "HEAD", token)
    assert (head_status, nothing) == (status, b"") and content
    assert head_headers["Content-Type"] == headers["Content-Type"]
    if "csrf" not in str(content):
        assert int(head_headers["Content-Length"]) == len(content)


def test_a_wrong_host_is_one_line_of_log(client, capsys):
    handler = logging.getLogger("django.security").handlers[0]
    stream = io.StringIO()
    before = handler.setStream(stream)
    try:
        assert client.get("/login/", headers={"host": "evil.example\\r"}).status_code == 400
    finally:
        handler.setStream(before)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1 and "DisallowedHost" in lines[0] and "Traceback" not in lines[0]


def test_a_line_of_log_stays_one_whatever_a_sender_wrote():
    formatter = logging.getLogger("django.security").handlers[0].formatter
    record = logging.LogRecord("x", logging.ERROR, "", 0, "a\nERROR b %s", ("\r\nc",), None)
    assert len(formatter.format(record).splitlines()) == 1


def test_behind_tls_browsers_are_told_to_stay_there(tmp_path):
    environment = Installation(tmp_path, HTTPS="1", ALLOWED_HOSTS="example.org").environment
    code = (
        "import django; django.setup();"
        "from django.test import Client;"
        "plain = Client(headers={'host': 'example.org'});"
        "print(plain.get('/login/').status_code, plain.get('/login/')['Location']);"
        "print(plain.get('/static/none', headers={'x-forwarded-proto': 'https'})['Strict-Transport-Security'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines() == ["301 https://example.org/login/", "max-age=31536000"], done.stderr
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    found = [line for line in checked.stderr.splitlines() if line.startswith("?: (security")]
    assert found == [] and checked.returncode == 0, checked.stderr


def test_a_description_has_a_limit(alice, project):
    url = f"/api/projects/{project.pk}/"
    assert client_of(alice).patch(url, {"description": "a" * 10_000}, format="json").status_code == 200
    refused = client_of(alice).patch(url, {"description": "a" * 10_001}, format="json")
    assert refused.status_code == 400 and "description" in refused.json()["error"]["fields"]


@pytest.mark.parametrize("size", ["null", "0", "-1", "1.5", "", "٣", "9" * 5000])
def test_a_page_size_that_is_no_number_is_refused(alice, project, size):
    answer = client_of(alice).get("/api/projects/", {"page_size": size})
    expected = 200 if size.isascii() and size.isdecimal() and int(size[:5]) else 400
    assert answer.status_code == expected
    assert client_of(alice).get("/api/projects/", {"page_size": "1000000"}).status_code == 200


def test_every_address_that_takes_no_body_still_tells_what_it_is(alice, staff, bundle):
    for url in ("/api/bundles/small/default/", "/api/bundles/small/selftest/"):
        assert client_of(staff).options(url).status_code == 200
        assert client_of(alice).options(url).status_code == 200
    assert django_settings.SECURE_HSTS_SECONDS == 0, "without HTTPS nobody is bound to it"
