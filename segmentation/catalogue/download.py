"""Fetches one published file over HTTP: checked, resumable, whole or not there at all.

What has come so far lies beside the target as `NAME.part` with `NAME.part.json`, which says where it came from. The
next call, in this process or another, goes on from there (RFC 9110, range requests with If-Range), and begins anew
where the server's file is another one by now. Knows nothing of models.
"""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import json
import os
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import httpx2

from segmentation import atomic_file
from segmentation.errors import SegmentationError

# A server that sends nothing for so long is taken for gone.
TIMEOUT = httpx2.Timeout(30.0, connect=20.0)
ATTEMPTS = 6  # in a row without a byte more
FIRST_PAUSE_S = 1.0
SPARE_BYTES = 64 * 1024 * 1024  # left free on the disk, for the database's sake
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


class Interrupted(DownloadError):
    """The connection was lost, or the caller stopped; the next call goes on from there."""

    code = "download_interrupted"


@dataclass(frozen=True)
class Published:
    """A file that somebody publishes.

    addresses   where it is to be had, the best first
    size        bytes; None where nobody says
    sha256      hexadecimal; None where nobody says
    """

    addresses: Sequence[str]
    size: int | None = None
    sha256: str | None = None


Progress = Callable[[int, int | None], None]


def download(
    file: Published,
    target: Path,
    *,
    mirror: str = "",
    progress: Progress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Fetches a file to `target`.

    Args:
        file: which one.
        target: its path; it appears when all of it is there and is the published one.
        mirror: an address below which all files are looked for by their last name, in place of the published addresses.
            It alone may lie in a private network. "": none.
        progress: is told (bytes so far, bytes in all or None) now and then.
        should_stop: asked between chunks; what has come stays.
        sleep: waits so many seconds between two attempts.

    Returns:
        The sha256 of the file, hexadecimal: of one whose digest nobody publishes, for a person to look at.

    Raises:
        AddressRefused: not http(s), or of a private network without being the mirror.
        NoSpace: the disk has no room for the rest.
        WrongFile: other bytes than published, by length or digest; what came is deleted.
        Interrupted: no address answered, the connection was lost too often, or `should_stop`.
    """
    addresses = _from_mirror(file, mirror) if mirror else list(file.addresses)
    trusted_host = urlsplit(mirror).hostname if mirror else None
    part = _Part.open(target, file)
    problems: list[str] = []
    for address in addresses:
        try:
            _fetch(address, part, trusted_host, progress, should_stop, sleep)
            return part.finish()
        except _NotHere as error:
            problems.append(str(error))
    raise Interrupted(f"{target.name} cannot be had: {'; '.join(problems)}")


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

    @classmethod
    def open(cls, target: Path, file: Published) -> _Part:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = cls(target, file, total=file.size)
        try:
            noted = json.loads(part.note_path.read_text(encoding="utf-8"))
            if noted["sha256"] == file.sha256 and noted["size"] == file.size:
                part.size = part.path.stat().st_size
                part.address, part.validator = str(noted["address"]), str(noted["validator"])
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
        self.size, self.total, self.validator = 0, self.file.size, ""

    def expect(self, address: str, response: httpx2.Response) -> None:
        """What is known before the first byte: the length, whether there is room, and by what to ask for the rest."""
        self.address = address
        said = _length_of_all(response, self.size)
        if self.total is not None and said is not None and said != self.total:
            self._refuse(f"it has {said} bytes, {self.total} were expected")
        self.total = self.total if self.total is not None else said
        self._require_space()
        etag = response.headers.get("etag", "")
        is_strong = etag and not etag.startswith("W/")
        self.validator = etag if is_strong else response.headers.get("last-modified", "")
        fields = {
            "address": address,
            "validator": self.validator,
            "sha256": self.file.sha256,
            "size": self.file.size,
        }
        atomic_file.write_bytes(self.note_path, json.dumps(fields).encode())

    def add(self, count: int) -> None:
        self.size += count
        if self.total is not None and self.size > self.total:
            self._refuse(f"more than {self.total} bytes came")

    def can_resume(self, address: str) -> bool:
        """Whether the bytes that are there are surely the beginning of what this address has.

        A published digest says in the end whether they were; without one only the server's word for the version does.
        """
        return self.size > 0 and (
            self.file.sha256 is not None or (address == self.address and bool(self.validator))
        )

    def finish(self) -> str:
        """Checks what has come and puts it in its place."""
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

    def _require_space(self) -> None:
        missing = (self.total or 0) - self.size
        free = shutil.disk_usage(self.target.parent).free
        if missing + SPARE_BYTES > free:
            raise NoSpace(
                f"{self.target.name} needs {missing / 1e6:.0f} MB more, and {free / 1e6:.0f} MB are free in "
                f"{self.target.parent}; make room and try again, what has come stays"
            )

    def _refuse(self, why: str) -> NoReturn:
        self.path.unlink(missing_ok=True)
        self.note_path.unlink(missing_ok=True)
        raise WrongFile(
            f"What {self.address} gave is not {self.target.name}: {why}. It was deleted; try again, and if it stays "
            "wrong, take the file from another place and install it with --from-file"
        )


def _from_mirror(file: Published, mirror: str) -> list[str]:
    names = dict.fromkeys(urlsplit(address).path.rsplit("/", 1)[-1] for address in file.addresses)
    return [f"{mirror.rstrip('/')}/{name}" for name in names]


def _fetch(
    address: str,
    part: _Part,
    trusted_host: str | None,
    progress: Progress,
    should_stop: Callable[[], bool],
    sleep: Callable[[float], None],
) -> None:
    """All of the file from one address, with as many connections as that takes."""
    fruitless = 0
    while True:
        before = part.size
        try:
            with _client(trusted_host) as client:
                if _fetch_rest(client, address, part, progress, should_stop):
                    return
            problem = f"{address} ended after {part.size} bytes"
        except httpx2.TransportError as error:
            problem = f"{address}: {error or type(error).__name__}"
        except (httpx2.TooManyRedirects, httpx2.InvalidURL) as error:
            raise _NotHere(f"{address}: {error}") from None
        fruitless = 0 if part.size > before else fruitless + 1
        if fruitless == ATTEMPTS:
            raise _NotHere(problem)
        sleep(FIRST_PAUSE_S * 2**fruitless)
        if should_stop():
            raise _stopped(part)


def _fetch_rest(
    client: httpx2.Client, address: str, part: _Part, progress: Progress, should_stop: Callable[[], bool]
) -> bool:
    """One connection: the bytes that are missing, as far as they come; whether these are all."""
    # Bytes that a server has packed have other places than those of the file.
    headers = {"Accept-Encoding": "identity"}
    if part.can_resume(address):
        if part.size == part.total:
            return True
        headers["Range"] = f"bytes={part.size}-"
        if address == part.address and part.validator:
            headers["If-Range"] = part.validator
    with client.stream("GET", address, headers=headers) as response:
        status = response.status_code
        if status in PASSING:
            raise httpx2.TransportError(f"the server answers {status}")
        if status == 416 or (status == 206 and not _continues(response, part)):
            part.begin_anew()  # the server has another file than the one that was begun
            return False
        if status not in (200, 206):
            raise _NotHere(f"{address} answers {status}")
        if status == 200:
            part.begin_anew()
        part.expect(address, response)
        try:
            with part.path.open("ab") as stream:
                for chunk in response.iter_raw():
                    stream.write(chunk)
                    part.add(len(chunk))
                    progress(part.size, part.total)
                    if should_stop():
                        raise _stopped(part)
        except OSError as error:
            part.size = part.path.stat().st_size  # what was buffered may be lost
            if error.errno != errno.ENOSPC:
                raise
            raise NoSpace(f"The disk is full: {part.path.parent}; make room and try again") from error
    # Without a length the end of the answer is the end of the file.
    return part.total is None or part.size == part.total


def _stopped(part: _Part) -> Interrupted:
    return Interrupted(f"stopped after {part.size} bytes; the next attempt goes on from there")


def _continues(response: httpx2.Response, part: _Part) -> bool:
    """Whether a partial answer begins where our bytes end."""
    return response.headers.get("content-range", "").startswith(f"bytes {part.size}-")


def _length_of_all(response: httpx2.Response, begin: int) -> int | None:
    said = response.headers.get("content-range", "").rpartition("/")[2]
    if said.isdigit():
        return int(said)
    length = response.headers.get("content-length", "")
    return begin + int(length) if length.isdigit() else None


def _client(trusted_host: str | None) -> httpx2.Client:
    """A client that talks to public servers only, and to the mirror; proxies of the environment are used."""

    def before(request: httpx2.Request) -> None:
        _require_public(request.url, trusted_host)

    def after(response: httpx2.Response) -> None:
        stream = response.extensions.get("network_stream")
        server = stream.get_extra_info("server_addr") if stream is not None else None
        host = response.request.url.host
        # Looked at once more: a name may have led elsewhere when the connection was made.
        if server and host != trusted_host and not _proxied(response.request.url) and _is_private(server[0]):
            raise AddressRefused(f"{host} leads to {server[0]}, which is in a private network")

    return httpx2.Client(
        timeout=TIMEOUT,
        follow_redirects=True,
        max_redirects=MOST_REDIRECTS,
        event_hooks={"request": [before], "response": [after]},
    )


def _require_public(url: httpx2.URL, trusted_host: str | None) -> None:
    """Raises AddressRefused where a server on the internet could lead us into our own network."""
    if url.scheme not in ("http", "https"):
        raise AddressRefused(f"{url} is no http or https address")
    if url.host == trusted_host:
        return
    try:
        places = [url.host] if _is_address(url.host) or _proxied(url) else _places_of(url)
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


def _proxied(url: httpx2.URL) -> bool:
    return url.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(url.host)


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
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global or (mapped or address).is_multicast
