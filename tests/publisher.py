"""A real HTTP server on this machine that publishes one file: cut off, slow, wrong, elsewhere, in parts, as a proxy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Publisher:
    """What the server has and how it behaves; `asked` notes each request's Range."""

    content: bytes = b""
    etag: str = '"one"'
    cut_after: list[int] = field(default_factory=list)  # bytes of the next answers' bodies
    answers: list[int] = field(default_factory=list)  # statuses of the next answers, in place of the file
    ranges: bool = True
    says_length: bool = True
    claims: int | None = None  # a length that is not true
    is_endless: bool = False  # the file again and again, until the other side has enough
    redirect: str = ""
    content_type: str = ""
    part_begins_at: int | None = None  # in place of where a partial answer was asked to begin
    ignores_if_range: bool = False
    says_version_of_parts: bool = True
    sends_parts_unasked: bool = False
    silence: threading.Event | None = None  # until it is set, a request is not answered
    pause_s: float = 0.0  # before each tenth of the next `slow_answers` bodies
    slow_answers: int = 0
    proxied: list[str] = field(default_factory=list)  # whole addresses that were asked of it as of a proxy
    asked: list[str] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    publisher: Publisher

    def do_GET(self) -> None:
        publisher = self.publisher
        wanted = self.headers.get("Range", "")
        publisher.asked.append(wanted)
        if publisher.silence:
            publisher.silence.wait()
        if self.path.startswith("http://"):
            publisher.proxied.append(self.path)
        if publisher.redirect:
            return self._end(302, Location=publisher.redirect)
        if publisher.answers:
            return self._end(publisher.answers.pop(0))
        begin = 0
        is_same = publisher.ignores_if_range or self.headers.get("If-Range", publisher.etag) == publisher.etag
        if publisher.sends_parts_unasked or (wanted and publisher.ranges and is_same):
            begin = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
            if begin >= len(publisher.content):
                return self._end(416)
            begin = begin if publisher.part_begins_at is None else publisher.part_begins_at
        body = publisher.content[begin:]
        self.send_response(206 if begin else 200)
        if publisher.says_version_of_parts or not begin:
            self.send_header("ETag", publisher.etag)
        if publisher.content_type:
            self.send_header("Content-Type", publisher.content_type)
        if begin:
            self.send_header(
                "Content-Range", f"bytes {begin}-{len(publisher.content) - 1}/{len(publisher.content)}"
            )
        if publisher.says_length:
            self.send_header("Content-Length", str(publisher.claims or len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        while publisher.is_endless:
            try:
                self.wfile.write(body)
            except OSError:
                return None
        self._send(body[: publisher.cut_after.pop(0)] if publisher.cut_after else body)
        return None

    def _send(self, body: bytes) -> None:
        if not self.publisher.slow_answers:
            self.wfile.write(body)
            return
        self.publisher.slow_answers -= 1
        step = max(1, len(body) // 10)
        for begin in range(0, len(body), step):
            time.sleep(self.publisher.pause_s)
            try:
                self.wfile.write(body[begin : begin + step])
            except ConnectionError:  # whoever asked has given up
                return

    def _end(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def publishing(content: bytes) -> Iterator[Publisher]:
    publisher = Publisher(content)
    handler = type("Here", (Handler,), {"publisher": publisher})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    publisher.url = f"http://127.0.0.1:{server.server_port}"
    yield publisher
    server.shutdown()
    server.server_close()
