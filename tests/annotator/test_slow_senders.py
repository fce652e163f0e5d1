"""The web server as `make run` starts it, and clients that take their time: no thread waits for them."""

from __future__ import annotations

import io
import re
import signal
import socket
import time
import urllib.error
import urllib.request
import uuid
from contextlib import ExitStack

import pytest

from scripts.run import web_server
from tests.annotator.world import encode_image

THREADS = 4
TIMEOUT_S = 3
PATIENT = 10  # seconds; an answer takes milliseconds, and the machine may be busy
HEAD = "POST /api/auth/token/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SLOW = {
    "a head without an end": HEAD,
    "a small body": f"{HEAD}Content-Length: 1000\r\n\r\n{{",
    "a large body": f"{HEAD}Content-Length: 500000\r\n\r\n{{",
    "a body that is asked for": f"{HEAD}Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
    "chunks": f"{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{{",
    "nothing": "",
    "another request after a whole one": "GET /api/me/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
    f"{HEAD}Content-Length: 1000\r\n\r\n",
}


class Server:
    def __init__(self, port: int) -> None:
        self.port = port

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENT)

    def status(self) -> int:
        """Of an address that needs no sign-in to refuse."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/me/", timeout=PATIENT) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def seconds_for_an_answer(self) -> float:
        started = time.monotonic()
        assert self.status() == 401
        return time.monotonic() - started


@pytest.fixture
def server(installation, monkeypatch):
    monkeypatch.setenv("WEB_WORKERS", "1")
    monkeypatch.setenv("WEB_THREADS", str(THREADS))
    installation.environment |= {"REQUEST_TIMEOUT_S": str(TIMEOUT_S), "ALLOWED_HOSTS": "localhost,127.0.0.1"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = installation.start(*web_server("127.0.0.1", port))
    server = Server(port)
    deadline = time.monotonic() + 60
    while True:
        try:
            assert server.status() == 401
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, installation.data_dir
            time.sleep(0.1)
    try:
        yield server
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def answer_of(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    parts = []
    with connection:
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def statuses(answer: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]


@pytest.mark.slow
def test_pages_are_answered_whatever_slow_senders_do_and_these_are_cut_off(server):
    with ExitStack() as stack:
        slow = {}
        for kind, beginning in SLOW.items():
            for _ in range(3 * THREADS):
                connection = stack.enter_context(server.connect())
                connection.sendall(beginning.encode())
                slow.setdefault(kind, []).append(connection)
        took = max(server.seconds_for_an_answer() for _ in range(5))
        assert took < TIMEOUT_S  # else they waited for the slow ones to be cut off
        deadline = time.monotonic() + 4 * TIMEOUT_S + PATIENT
        for kind, connections in slow.items():
            for connection in connections:
                connection.settimeout(max(0.1, deadline - time.monotonic()))
                try:
                    answered = statuses(answer_of(connection))
                except ConnectionResetError:
                    continue
                assert set(answered) <= {100, 401, 408, 411, 413}, kind


def session_of_somebody(installation) -> str:
    return installation.python(
        """
from annotator.models import Project, User
from annotator.people import tokens
from annotator.projects import projects
user = User.objects.create(username="alice")
print(tokens.make(user, name="Uploads", days=1)[0], projects.create_project(user, name="Cats").pk)
"""
    ).split()


@pytest.mark.slow
def test_uploads_that_drip_in_leave_half_of_the_threads_and_are_cut_off(server, installation):
    token, project = session_of_somebody(installation)
    head = (
        f"POST /api/projects/{project}/images/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {token}\r\n"
        "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 3000000\r\n\r\n--B\r\n"
    )
    with ExitStack() as stack:
        uploads = [stack.enter_context(server.connect()) for _ in range(3 * THREADS)]
        for upload in uploads:
            upload.sendall(head.encode())
        time.sleep(0.5)
        assert max(server.seconds_for_an_answer() for _ in range(5)) < TIMEOUT_S
        started = time.monotonic()
        uploads[0].settimeout(6 * TIMEOUT_S)
        while time.monotonic() - started < 5 * TIMEOUT_S:
            try:
                uploads[0].sendall(b"-")  # a byte now and then does not help
            except OSError:
                break
            time.sleep(0.3)
        assert time.monotonic() - started < 3 * TIMEOUT_S


def test_a_request_in_small_pieces_and_several_on_one_connection_are_answered(server):
    body = b'{"username": "nobody", "password": "none"}'
    whole = f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with server.connect() as connection:
        for byte in whole:
            connection.send(bytes([byte]))
        assert statuses(connection.recv(65536)) == [400]
        # Three at once, the last one closes; the second has a body in its time.
        last = b"GET /api/me/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(b"GET /api/me/ HTTP/1.1\r\nHost: localhost\r\n\r\n" + whole[:-5])
        time.sleep(0.3)
        connection.sendall(whole[-5:] + last)
        assert statuses(answer_of(connection)) == [401, 400, 401]


def test_a_body_that_is_asked_for_is_received(server):
    body = b'{"username": "nobody", "password": "none"}'
    with server.connect() as connection:
        connection.sendall(
            f"{HEAD}Expect: 100-continue\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        assert statuses(connection.recv(65536)) == [100]
        connection.sendall(body)
        assert statuses(answer_of(connection))[-1] == 400


def test_a_head_without_an_end_is_refused(server):
    with server.connect() as connection:
        connection.sendall(f"{HEAD}X-Long: {'x' * 200_000}".encode())
        assert statuses(answer_of(connection)) == [431]


def test_a_large_upload_arrives_whole(server, installation):
    token, project = session_of_somebody(installation)
    content = encode_image((700, 900))
    assert len(content) > 10 * 128 * 1024
    form = io.BytesIO()
    boundary = uuid.uuid4().hex
    form.write(
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'.encode()
    )
    form.write(content)
    form.write(f"\r\n--{boundary}--\r\n".encode())
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/projects/{project}/images/",
        form.getvalue(),
        {"Authorization": f"Token {token}", "Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 201
