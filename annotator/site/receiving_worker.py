"""gunicorn's threads, none of which waits for a sender: a small request is received whole before it takes a thread.

gunicorn's own `gthread` gives a connection to a thread and reads there, so that as many slow senders as there are
threads stop the site. Here the loop that accepts connections also receives, without blocking: the head of every
request, and a body of up to SMALL_BODY_BYTES. A larger body is read by a thread, since only the view knows whether it
is wanted; at most half of the threads do so at once, the others always answer pages. A request that does not arrive in
REQUEST_TIMEOUT_S seconds is cut off, a large one in as many seconds for each LARGE_BODY_STEP_BYTES; and so is a
receiver who takes nothing for SEND_TIMEOUT_S.
"""

from __future__ import annotations

import errno
import re
import socket
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from annotator.site.environment import read

REQUEST_TIMEOUT_S = read("REQUEST_TIMEOUT_S")
# More than a request's head or a usual mask has; each connection that is being received may hold as much.
SMALL_BODY_BYTES = 128 * 1024
LARGE_BODY_STEP_BYTES = 256 * 1024
LARGE_BODY_PATIENCE_S = 120.0  # how long a large body waits for others to end before it is turned away
SEND_TIMEOUT_S = 60
# A client that still sends hears our answer only if its connection is not reset meanwhile.
LINGER_S = 2.0
READ_BYTES = 64 * 1024
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
TOO_LONG_HEAD = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# gunicorn's parser has the last word on what a head says; these only decide what is waited for.
CONTENT_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*([0-9]{1,18})[ \t]*\r$")
TRANSFER_ENCODING = re.compile(rb"(?im)^transfer-encoding:")
EXPECTS_CONTINUE = re.compile(rb"(?im)^expect:[ \t]*100-continue[ \t]*\r$")


class SlowSender(TimeoutError):
    """The rest of a body did not come in its time."""


class PacedUnreader(SocketUnreader):
    """Reads a socket; the time it waits for the sender is bounded by what has arrived."""

    _waited_s = 0.0
    _arrived_bytes = 0

    def begin(self, received: bytes) -> None:
        """A new request, of which this has been received."""
        self._waited_s, self._arrived_bytes = 0.0, 0
        self.unread(received)

    def chunk(self, size_hint: int | None = None) -> bytes:
        """What has arrived, at least a byte; b"" at the end. Raises SlowSender."""
        allowed_s = REQUEST_TIMEOUT_S * (1 + self._arrived_bytes / LARGE_BODY_STEP_BYTES)
        left_s = allowed_s - self._waited_s
        bound_s = self.sock.gettimeout()  # gunicorn's own, while it reads what a view has left
        self.sock.settimeout(max(0.001, left_s if bound_s is None else min(left_s, bound_s)))
        started_s = time.monotonic()
        try:
            content = super().chunk(size_hint)
        except TimeoutError as error:
            raise SlowSender("the request did not arrive in time") from error
        finally:
            self._waited_s += time.monotonic() - started_s
            self.sock.settimeout(bound_s)
        self._arrived_bytes += len(content)
        return content


class ReceivedConnection(TConn):
    """A connection, and what has come of its next request.

    Attributes:
        received: bytes, from the request's first one.
        deadline_s: by `time.monotonic()`, when the rest is no longer waited for.
        is_large: whether a thread has to read the body.
        closes: whether the server has said all, and only waits for the client to hear it.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.received = bytearray()
        self.deadline_s = 0.0
        self.is_large = False
        self.closes = False
        self.data_ready = True  # no thread is ever to wait for the first byte
        self._head_bytes = 0
        self._searched_bytes = 0
        self._wanted_bytes = 0
        # The kernel ends the connection of a client that has taken nothing for so long; Linux has it.
        with suppress(AttributeError, OSError):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SEND_TIMEOUT_S * 1000)

    def init(self) -> None:
        """Called in the thread, before the request is parsed."""
        if not self.initialized:
            super().init()
            self.parser.unreader = PacedUnreader(self.sock)
        self.parser.unreader.begin(bytes(self.received))
        self.received.clear()
        self._head_bytes = self._searched_bytes = self._wanted_bytes = 0

    def has_endless_head(self) -> bool:
        return not self._head_bytes and len(self.received) > SMALL_BODY_BYTES

    def is_whole(self) -> bool:
        """Whether a thread can go on: with all of a small request, or with the head of a large one."""
        if not self._head_bytes:
            end = self.received.find(b"\r\n\r\n", max(0, self._searched_bytes - 3))
            self._searched_bytes = len(self.received)
            if end < 0:
                return False
            self._head_bytes = end + 4
            self._look_at_head(bytes(self.received[: self._head_bytes]))
        return len(self.received) >= self._wanted_bytes

    def _look_at_head(self, head: bytes) -> None:
        lengths = CONTENT_LENGTH.findall(head)
        announced_bytes = int(lengths[0]) if lengths else 0
        self.is_large = announced_bytes > SMALL_BODY_BYTES or bool(TRANSFER_ENCODING.search(head))
        self._wanted_bytes = self._head_bytes + (0 if self.is_large else announced_bytes)
        if len(self.received) < self._wanted_bytes and EXPECTS_CONTINUE.search(head):
            with suppress(OSError):
                self.sock.send(CONTINUE)


class ReceivingWorker(ThreadWorker):
    """See the head of the module. TLS is a proxy's: with gunicorn's own, connections are handled as gthread does."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # In the order of their deadlines, since all of a collection wait equally long.
        self.receiving: dict[ReceivedConnection, None] = {}
        self.lingering: dict[ReceivedConnection, None] = {}
        self.waiting_large: deque[ReceivedConnection] = deque()
        self.large_most = max(1, self.cfg.threads // 2)
        self.large_running = 0

    # --- the loop's thread ---
    def accept(self, listener: Any) -> None:
        if self.cfg.is_ssl:
            super().accept(listener)
            return
        try:
            client_socket, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        self._receive(ReceivedConnection(self.cfg, client_socket, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: TConn, client: Any) -> None:
        """The next request of a connection that was kept alive."""
        if not isinstance(conn, ReceivedConnection):
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._receive(conn)

    def _receive(self, conn: ReceivedConnection) -> None:
        if conn.received and conn.is_whole():
            self._hand_over(conn)
            return
        conn.sock.setblocking(False)
        # Mostly all of it is here already: each further round of the loop would wait for its turn among busy threads.
        with suppress(OSError):
            conn.received += conn.sock.recv(READ_BYTES)
            if conn.received and conn.is_whole():
                self._hand_over(conn)
                return
        conn.deadline_s = time.monotonic() + REQUEST_TIMEOUT_S
        self.receiving[conn] = None
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_arrival, conn))

    def _on_arrival(self, conn: ReceivedConnection, client: Any) -> None:
        try:
            content = conn.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if not content:
            self._drop(conn)
            return
        if conn.closes:
            return
        conn.received += content
        is_whole = conn.is_whole()
        if not is_whole and not conn.has_endless_head():
            return
        del self.receiving[conn]
        self.poller.unregister(conn.sock)
        if is_whole:
            self._hand_over(conn)
        else:
            self._turn_away(conn, TOO_LONG_HEAD)

    def _hand_over(self, conn: ReceivedConnection) -> None:
        if not conn.is_large:
            self.enqueue_req(conn)
        elif self.large_running < self.large_most:
            self.large_running += 1
            self.enqueue_req(conn)
        else:
            conn.deadline_s = time.monotonic() + LARGE_BODY_PATIENCE_S
            self.waiting_large.append(conn)

    def finish_request(self, conn: TConn, fs: Future) -> None:
        """A thread is done with a request."""
        if not isinstance(conn, ReceivedConnection):
            super().finish_request(conn, fs)
            return
        if conn.is_large:
            conn.is_large = False
            self.large_running -= 1
            if self.waiting_large:
                self._hand_over(self.waiting_large.popleft())
        is_kept = not fs.cancelled() and fs.exception() is None and bool(fs.result())
        if not is_kept:
            self._linger(conn)
        elif early := conn.parser.unreader.take_buffered():
            # The beginning of the next request came with this one; its rest may be long in coming.
            conn.received += early
            self._receive(conn)
        else:
            super().finish_request(conn, fs)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        # What a view has left of a body is dropped only as far as it is here already.
        return bool(keepalive and conn.parser.finish_body(deadline=time.monotonic() + 0.05))

    def murder_pending(self) -> None:
        """Called each second: ends what has waited for too long."""
        super().murder_pending()
        now_s = time.monotonic()
        for waiting in (self.receiving, self.lingering):
            for conn in list(waiting):
                if conn.deadline_s > now_s:
                    break
                if conn.received and not conn.closes:
                    with suppress(OSError):
                        conn.sock.send(TIMED_OUT)
                self._drop(conn)
        while self.waiting_large and self.waiting_large[0].deadline_s <= now_s:
            self._turn_away(self.waiting_large.popleft(), BUSY)

    def _cap_keepalive(self, deadline: float) -> None:
        """Called when the worker stops."""
        super()._cap_keepalive(deadline)
        for conn in [*self.receiving, *self.waiting_large]:
            conn.deadline_s = min(conn.deadline_s, deadline)

    def _turn_away(self, conn: ReceivedConnection, answer: bytes) -> None:
        with suppress(OSError):
            conn.sock.send(answer)
        self._linger(conn)

    def _linger(self, conn: ReceivedConnection) -> None:
        """Closes a connection once the client has heard the last answer; gunicorn would wait for it in the loop."""
        conn.closes = True
        conn.deadline_s = time.monotonic() + LINGER_S
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, EVENT_READ, partial(self._on_arrival, conn))
        except (OSError, ValueError):  # the client, or the thread, has closed it already
            self.nr_conns -= 1
            conn.close()
            return
        self.lingering[conn] = None

    def _drop(self, conn: ReceivedConnection) -> None:
        self.receiving.pop(conn, None)
        self.lingering.pop(conn, None)
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()
