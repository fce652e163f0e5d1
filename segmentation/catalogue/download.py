"""Fetches one published file over HTTP: checked, resumable, whole or not there at all.

What has come so far lies beside the target as `NAME.part` with `NAME.part.json`, which says where it came from. The
next call, in this process or another, goes on from there (RFC 9110, range requests with If-Range), and begins anew
where the server's file is another one by now. Knows nothing of models.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import ipaddress
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import httpx2

from segmentation import atomic_file
from segmentation.catalogue.listening import ASK_EVERY_S, listened
from segmentation.disk_room import SPARE_BYTES
from segmentation.errors import SegmentationError

# A server that sends nothing for so long is taken for gone.
TIMEOUT = httpx2.Timeout(30.0, connect=20.0)
ATTEMPTS = 6  # in a row without a byte more
FIRST_PAUSE_S = 1.0
SILENT_AFTER_S = 3.0  # so long a server may say nothing before the caller hears of it
SPACE_STEP_BYTES = 8 * 1024 * 1024  # after so many the disk is asked again
MOST_BYTES = 6 * 10**9  # of a file of which nobody publishes the size; the largest published one has 2.6
MOST_REDIRECTS = 8
PASSING = (408, 429, 500, 502, 503, 504)  # answers after which the same question may be asked again


class DownloadError(SegmentationError):
    """A file could not be fetched; the class of every error of this module."""

    code = "download_failed"


class AddressRefused(DownloadError):
    """An address that is not a public server's."""

    code = "address_refused"


class WrongFile(DownloadError):
    """What came is not the published file."""

    code = "wrong_file"


class NoSpace(DownloadError):
    code = "no_space"


class Busy(DownloadError):
    """Another process fetches the same file."""

    code = "download_busy"


class Interrupted(DownloadError):
    """The connection was lost, or the caller stopped; the next call goes on from there."""

    code = "download_interrupted"


class Stopped(Interrupted):
    """The caller stopped."""


@dataclass(frozen=True)
class Published:
    """A file that somebody publishes.

    addresses   where it is to be had, the best first
    size        bytes; None where nobody says
    sha256      hexadecimal; None where nobody says
    name        what a mirror calls it; "" stands for the last names of the addresses
    """

    addresses: Sequence[str]
    size: int | None = None
    sha256: str | None = None
    name: str = ""


Progress = Callable[[int, int | None], None]
Waiting = Callable[[str], None]


def download(
    file: Published,
    target: Path,
    *,
    mirror: str = "",
    progress: Progress = lambda done, total: None,
    waiting: Waiting = lambda text: None,
    should_stop: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Fetches a file to `target`.

    Args:
        file: which one.
        target: its path; it appears when all of it is there and is the published one.
        mirror: an address below which all files are looked for by their last name, in place of the published addresses.
            It alone may lie in a private network. "": none.
        progress: is told (bytes so far, bytes in all or None) now and then, once a second at least, however silent a
            server is; what it raises ends the download, and what has come stays.
        waiting: is told what the download waits for while nothing comes, once a second, before `progress` is:
            "connection lost (the server answers 503), trying again in 16 s (attempt 5 of 6)"; "" as soon as something
            comes again.
        should_stop: asked as often; what has come stays.
        sleep: waits so many seconds, of the pause between two attempts.

    Returns:
        The sha256 of the file, hexadecimal: of one whose digest nobody publishes, for a person to look at.

    Raises:
        AddressRefused: not http(s), of a private network without being the mirror, or a mirror that is no address.
        NoSpace: the disk has no room for the rest.
        Busy: another process fetches it just now.
        WrongFile: every address has other bytes than published, by length or digest; these are deleted.
        Interrupted: no address answered, or the connection was lost too often; Stopped where `should_stop` said so.
    """
    addresses = _from_mirror(file, mirror) if mirror else list(file.addresses)
    caller = _Caller(_host_of(mirror) if mirror else None, progress, waiting, should_stop, sleep)
    problems: list[_NotHere | WrongFile] = []
    with _locked(target):
        part = _Part.open(target, file)
        try:
            for address in addresses:
                try:
                    return _fetch_checked(address, part, caller)
                except (_NotHere, WrongFile) as error:
                    problems.append(error)
        finally:
            part.forget_if_empty()
    if all(isinstance(problem, WrongFile) for problem in problems):
        raise WrongFile(
            f"{' '.join(f'{problem}.' for problem in problems)} Try again, and if it stays wrong, take the file from "
            "another place"
        )
    raise Interrupted(f"{target.name} could not be fetched: {'; '.join(map(str, problems))}")


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Keeps other processes from writing into the same part. The system frees it when a process is killed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    path = target.with_name(f"{target.name}.part")
    while True:
        with path.open("ab") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(
                    f"Another process is fetching {target.name} just now; wait until it is done, then try again"
                ) from None
            except OSError:
                pass  # a file system without locks, as some network folders are
            # Whoever had it before may have put the part in its place meanwhile: then that is what is locked.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(stream.fileno())):
                yield
                return


class _NotHere(Exception):
    """This address does not have the file; another one may."""


@dataclass
class _Part:
    """What has come of a file so far."""

    target: Path
    file: Published
    size: int = 0
    total: int | None = None
    address: str = ""
    validator: str = ""  # an ETag or a date by which the server knows the version
    space_asked_at: int = 0  # bytes

    @classmethod
    def open(cls, target: Path, file: Published) -> _Part:
        part = cls(target, file, total=file.size)
        try:
            noted = json.loads(part.note_path.read_text(encoding="utf-8"))
            if noted["sha256"] == file.sha256 and noted["size"] == file.size:
                part.size = part.path.stat().st_size
                part.address, part.validator = str(noted["address"]), _sendable(str(noted["validator"]))
            else:
                part.begin_anew()
        except (OSError, ValueError, KeyError, TypeError):
            part.begin_anew()
        return part

    @property
    def path(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def note_path(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part.json")

    def begin_anew(self) -> None:
        self.path.write_bytes(b"")
        self.size, self.total, self.validator, self.space_asked_at = 0, self.file.size, "", 0

    def expect(self, address: str, response: httpx2.Response) -> None:
        """What is known before the first byte: the length, whether there is room, and by what to ask for the rest."""
        said = _length_of_all(response, self.size)
        self.require_length(address, said, self.total)
        self.address = _shown(address)
        self.total = self.total if self.total is not None else said
        self._require_bounds()
        self._require_space()
        etag = response.headers.get("etag", "")
        is_strong = etag and not etag.startswith("W/")
        self.validator = _sendable(etag if is_strong else response.headers.get("last-modified", ""))
        fields = {
            "address": self.address,
            "validator": self.validator,
            "sha256": self.file.sha256,
            "size": self.file.size,
        }
        atomic_file.write_bytes(self.note_path, json.dumps(fields).encode())

    def require_length(self, address: str, said: int | None, expected: int | None) -> None:
        """Raises WrongFile where an address says another length of the file than the one expected."""
        if said is not None and expected is not None and said != expected:
            raise WrongFile(
                f"What {_shown(address)} has is not {self.target.name}: it has {said} bytes, {expected} were expected"
            )

    def add(self, count: int) -> None:
        self.size += count
        if self.total is not None and self.size > self.total:
            self._refuse(f"more than {self.total} bytes came")
        self._require_bounds()
        if self.size - self.space_asked_at >= SPACE_STEP_BYTES:
            self.space_asked_at = self.size
            self._require_space()

    def can_resume(self, address: str) -> bool:
        """Whether the bytes that are there are surely the beginning of what this address has.

        A published digest says in the end whether they were; without one only the server's word for the version does.
        """
        return self.size > 0 and (self.file.sha256 is not None or self.knows_version_at(address))

    def knows_version_at(self, address: str) -> bool:
        """Whether the bytes that are there came from this address, which can be asked whether its file is the same."""
        return self.size > 0 and _shown(address) == self.address and bool(self.validator)

    def is_version_of(self, response: httpx2.Response) -> bool:
        """Whether a partial answer is about the version that was begun.

        It has to have the ETag that the whole would have. A date it may leave out (RFC 9110, 15.3.7); then only a
        published digest can say that no two files were put together.
        """
        header = "etag" if self.validator.startswith('"') else "last-modified"
        said = response.headers.get(header)
        if said is None:
            return header == "last-modified" and self.file.sha256 is not None
        return said == self.validator

    def finish(self) -> str:
        """Checks what has come and puts it in its place."""
        if self.size == 0:
            self._refuse("nothing came")
        if self.total is not None and self.size != self.total:
            self._refuse(f"{self.size} bytes came, {self.total} were expected")
        with self.path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
            os.fsync(stream.fileno())
        if self.file.sha256 is not None and found != self.file.sha256:
            self._refuse(f"its sha256 is {found}, the published file has {self.file.sha256}")
        os.replace(self.path, self.target)
        self.note_path.unlink(missing_ok=True)
        return found

    def _require_bounds(self) -> None:
        if self.file.size is None and max(self.size, self.total or 0) > MOST_BYTES:
            self._refuse(f"it has more than {MOST_BYTES / 1e9:g} GB, and no model's file has")

    def _require_space(self) -> None:
        missing = max((self.total or 0) - self.size, 0)
        free = shutil.disk_usage(self.target.parent).free
        if self.total is None and free < SPARE_BYTES:
            # It may be without an end: what has come would only keep the disk full.
            self.begin_anew()
            raise NoSpace(
                f"{self.target.name}, of which nobody says how large it is, would fill the disk of "
                f"{self.target.parent}; what had come was deleted. Make room, and try again"
            )
        if missing + SPARE_BYTES > free:
            raise NoSpace(
                f"{self.target.name} needs {missing / 1e6:.0f} MB more, and {free / 1e6:.0f} MB are free in "
                f"{self.target.parent}; make room and try again, what has come stays"
            )

    def forget_if_empty(self) -> None:
        """Leaves nothing beside the target where nothing of it has come."""
        if self.size == 0:
            self.path.unlink(missing_ok=True)
            self.note_path.unlink(missing_ok=True)

    def _refuse(self, why: str) -> NoReturn:
        # Emptied and not deleted: the lock is the file's.
        self.begin_anew()
        self.note_path.unlink(missing_ok=True)
        raise WrongFile(f"What {self.address} gave is not {self.target.name}: {why}; it was deleted")


def _from_mirror(file: Published, mirror: str) -> list[str]:
    last_names = (urlsplit(address).path.rsplit("/", 1)[-1] for address in file.addresses)
    names = [file.name] if file.name else dict.fromkeys(last_names)
    return [f"{mirror.rstrip('/')}/{name}" for name in names]


def _host_of(mirror: str) -> str | None:
    try:
        return urlsplit(mirror).hostname
    except ValueError as error:
        raise AddressRefused(f"The mirror is no address: {error} (WEIGHTS_MIRROR)") from None


@dataclass
class _Caller:
    """What whoever wants a file gave along: `download`'s arguments, and the host that may lie in a private network."""

    trusted_host: str | None
    progress: Progress
    waiting: Waiting
    should_stop: Callable[[], bool]
    sleep: Callable[[float], None]
    waits_for: str = ""  # as it was told last
    heard_at_s: float = 0.0  # when a server said something last, or was asked, by time.monotonic()

    def hears(self) -> None:
        """A server has been asked, or said something."""
        self.heard_at_s = time.monotonic()

    def tell(self, waits_for: str) -> None:
        if waits_for != self.waits_for:
            self.waits_for = waits_for
            self.waiting(waits_for)

    def ask_in_silence(self, part: _Part) -> None:
        """As `ask`, while a server says nothing."""
        silent_s = time.monotonic() - self.heard_at_s
        if silent_s >= SILENT_AFTER_S:
            self.tell(f"the server has been silent for {silent_s:.0f} s")
        self.ask(part)

    def ask(self, part: _Part) -> None:
        """Tells how far it is and asks whether to go on. Raises Stopped, and what `progress` raises."""
        self.progress(part.size, part.total)
        if self.should_stop():
            raise Stopped(f"stopped after {part.size} bytes; the next attempt goes on from there")

    def pause(self, seconds: float, part: _Part, why: str, attempt: int) -> None:
        """Waits before an attempt, and asks meanwhile."""
        while True:
            soon = f"in {seconds:.0f} s" if seconds > 0 else "now"
            self.tell(f"connection lost ({why}), trying again {soon} (attempt {attempt} of {ATTEMPTS})")
            self.ask(part)
            if seconds <= 0:
                return
            self.sleep(min(seconds, ASK_EVERY_S))
            seconds -= ASK_EVERY_S


def _fetch_checked(address: str, part: _Part, caller: _Caller) -> str:
    """All of the file from one address; its sha256. Raises WrongFile, _NotHere."""
    had_before = part.size
    try:
        _fetch(address, part, caller)
        return part.finish()
    except WrongFile:
        if not had_before or part.size:
            raise
    # What another attempt or another address had begun may have been what was wrong with it.
    _fetch(address, part, caller)
    return part.finish()


def _fetch(address: str, part: _Part, caller: _Caller) -> None:
    """All of the file from one address, with as many connections as that takes."""
    fruitless, most = 0, part.size
    while True:
        try:
            if _fetch_rest(address, part, caller):
                caller.tell("")
                return
            why, problem = "it ended too soon", f"{_shown(address)} ended after {part.size} bytes"
        except httpx2.TransportError as error:
            why = f"{error}" or type(error).__name__
            problem = f"{_shown(address)}: {why}"
        except (httpx2.TooManyRedirects, httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise _NotHere(f"{_shown(address)}: {error}") from None
        # Only bytes that were never there before are progress: a server may have us begin anew for ever.
        fruitless = 0 if part.size > most else fruitless + 1
        most = max(most, part.size)
        if fruitless == ATTEMPTS:
            raise _NotHere(problem)
        caller.pause(FIRST_PAUSE_S * 2**fruitless, part, why, fruitless + 1)


def _fetch_rest(address: str, part: _Part, caller: _Caller) -> bool:
    """One connection: the bytes that are missing, as far as they come; whether these are all."""
    # Bytes that a server has packed have other places than those of the file.
    headers = {"Accept-Encoding": "identity"}
    if part.can_resume(address):
        if part.size == part.total:
            return True
        headers["Range"] = f"bytes={part.size}-"
        if part.knows_version_at(address):
            headers["If-Range"] = part.validator
    heard = listened(
        lambda: _answer(address, headers, caller.trusted_host), lambda: caller.ask_in_silence(part)
    )
    caller.hears()
    with closing(heard):
        response, _ = next(heard)
        status = response.status_code
        if status in PASSING:
            raise httpx2.TransportError(f"the server answers {status}")
        if status == 416 or (status == 206 and "Range" in headers and not _continues(response, part)):
            part.begin_anew()  # the server has another file than the one that was begun
            return False
        if status not in (200, 206):
            raise _NotHere(f"{_shown(address)} answers {status}")
        if status == 206 and "Range" not in headers:
            raise _NotHere(f"{_shown(address)} answers with a part of the file, and all of it was asked for")
        if status == 206 and "If-Range" in headers and not part.is_version_of(response):
            part.begin_anew()
            return False
        if status == 200:
            _require_file(address, response, part)
            part.begin_anew()
        part.expect(address, response)
        try:
            with part.path.open("ab") as stream:
                for _, chunk in heard:
                    caller.hears()
                    caller.tell("")
                    stream.write(chunk)
                    part.add(len(chunk))
                    caller.ask(part)
        except OSError as error:
            part.size = part.path.stat().st_size  # what was buffered may be lost
            if error.errno != errno.ENOSPC:
                raise
            raise NoSpace(f"The disk is full: {part.path.parent}; make room and try again") from error
    # Without a length the end of the answer is the end of the file.
    return part.total is None or part.size == part.total


def _answer(
    address: str, headers: dict[str, str], trusted_host: str | None
) -> Iterator[tuple[httpx2.Response, bytes]]:
    """A server's answer, at first with nothing of its body, then with each piece. All that waits for the network is in
    here."""
    with _client(trusted_host) as client, client.stream("GET", address, headers=headers) as response:
        yield response, b""
        for chunk in response.iter_raw():
            yield response, chunk


def _require_file(address: str, response: httpx2.Response, part: _Part) -> None:
    """Looks at a whole answer before what has come is given up for it: a proxy's or a login's page is no reason to."""
    if response.headers.get("content-type", "").startswith("text/html"):
        raise _NotHere(f"{_shown(address)} answers with a page of text in place of the file")
    part.require_length(address, _length_of_all(response, 0), part.file.size)


def _continues(response: httpx2.Response, part: _Part) -> bool:
    """Whether a partial answer begins where our bytes end."""
    return response.headers.get("content-range", "").startswith(f"bytes {part.size}-")


def _length_of_all(response: httpx2.Response, begin: int) -> int | None:
    said = _number(response.headers.get("content-range", "").rpartition("/")[2])
    if said is not None:
        return said
    length = _number(response.headers.get("content-length", ""))
    return None if length is None else begin + length


def _number(text: str) -> int | None:
    """A number of bytes as a header has it; None for anything else, be it a number that no disk holds."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _sendable(validator: str) -> str:
    """A validator that can be sent back; "" for one that is no ASCII text."""
    return validator if validator.isascii() and validator.isprintable() else ""


def _shown(address: str) -> str:
    """An address without the name and the password that it may hold, which are nobody's business."""
    before, separator, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{before}{separator}{host.rpartition('@')[2]}{slash}{path}"


def _client(trusted_host: str | None) -> httpx2.Client:
    """A client that talks to public servers only, and to the mirror; proxies of the environment are used."""

    def before(request: httpx2.Request) -> None:
        _require_public(request.url, trusted_host, _is_proxied(client, request.url))

    def after(response: httpx2.Response) -> None:
        stream = response.extensions.get("network_stream")
        server = stream.get_extra_info("server_addr") if stream is not None else None
        url = response.request.url
        # Looked at once more: a name may have led elsewhere when the connection was made.
        if server and url.host != trusted_host and not _is_proxied(client, url) and _is_private(server[0]):
            raise AddressRefused(f"{url.host} leads to {server[0]}, which is in a private network")

    try:
        client = httpx2.Client(
            timeout=TIMEOUT,
            follow_redirects=True,
            max_redirects=MOST_REDIRECTS,
            event_hooks={"request": [before], "response": [after]},
        )
    except (ValueError, ImportError) as error:  # the latter for SOCKS, which needs a package
        raise DownloadError(
            f"The environment names a proxy that cannot be used (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY): {error}"
        ) from error
    return client


def _is_proxied(client: httpx2.Client, url: httpx2.URL) -> bool:
    """Whether the client asks a proxy of the environment for an address; the proxy then looks up the name.

    The first pattern that fits counts, as in the client; its transport is None where NO_PROXY names the host.
    """
    fitting = (transport for pattern, transport in client._mounts.items() if pattern.matches(url))
    return next(fitting, None) is not None


def _require_public(url: httpx2.URL, trusted_host: str | None, is_proxied: bool) -> None:
    """Raises AddressRefused where a server on the internet could lead us into our own network."""
    if url.scheme not in ("http", "https"):
        raise AddressRefused(f"{_shown(str(url))} is no http or https address")
    if url.host == trusted_host:
        return
    try:
        places = [url.host] if _is_address(url.host) or is_proxied else _places_of(url)
    except OSError as error:
        raise httpx2.ConnectError(f"{url.host} is not found: {error}") from None
    for place in places:
        if _is_private(place):
            raise AddressRefused(
                f"{url.host} leads to {place}, which is in a private network; only the mirror may "
                "(WEIGHTS_MIRROR)"
            )


def _places_of(url: httpx2.URL) -> list[str]:
    found = socket.getaddrinfo(
        url.host, url.port or (443 if url.scheme == "https" else 80), type=socket.SOCK_STREAM
    )
    return [str(info[4][0]) for info in found]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_private(host: str) -> bool:
    """Whether an address is of no public server; a name counts only where it means this machine."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    reached = _ipv4_within(address) or address
    return not reached.is_global or reached.is_multicast


def _ipv4_within(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, compatible, by 6to4 or NAT64 (RFC 4291, 3056, 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    packed = address.packed
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if packed[:12] in (bytes(12), _NAT64) and address not in (_UNSPECIFIED, _LOOPBACK):
        return ipaddress.IPv4Address(packed[12:])
    return None


_NAT64 = ipaddress.IPv6Address("64:ff9b::").packed[:12]
_UNSPECIFIED, _LOOPBACK = ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")
