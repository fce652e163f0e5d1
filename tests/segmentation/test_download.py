"""Files of a real HTTP server on this machine: cut off, slow, wrong, elsewhere, in parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from segmentation.catalogue.download import (
    AddressRefused,
    Interrupted,
    NoSpace,
    Published,
    WrongFile,
    download,
)
from tests.publisher import Publisher, publishing

CONTENT = bytes(range(256)) * 12_000  # three chunks
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing(CONTENT) as publisher:
        yield publisher


def fetch(
    publisher: Publisher, target: Path, size: int | None = len(CONTENT), sha256: str | None = SHA256, **more
):
    file = Published(["https://example.org/weights.bin"], size, sha256)
    return download(file, target, mirror=publisher.url, sleep=lambda seconds: None, **more)


def test_a_file_comes_whole_and_nothing_else_stays(publisher, tmp_path):
    said = []
    target = tmp_path / "folder" / "weights.bin"
    found = fetch(publisher, target, progress=lambda done, total: said.append((done, total)))
    assert (found, target.read_bytes()) == (SHA256, CONTENT)
    assert said[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in target.parent.iterdir()] == ["weights.bin"]


def test_connections_that_break_are_taken_up_where_they_broke(publisher, tmp_path):
    publisher.cut_after = [1_500_000, 700_000]
    fetch(publisher, tmp_path / "weights.bin")
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT
    assert publisher.asked == ["", "bytes=1500000-", "bytes=2200000-"]


def test_another_process_goes_on_where_one_was_stopped(publisher, tmp_path):
    with pytest.raises(Interrupted, match="goes on from there"):
        fetch(publisher, tmp_path / "weights.bin", should_stop=lambda: True)
    assert not (tmp_path / "weights.bin").exists()
    there = (tmp_path / "weights.bin.part").stat().st_size
    assert 0 < there < len(CONTENT)
    fetch(publisher, tmp_path / "weights.bin")
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT
    assert publisher.asked[-1] == f"bytes={there}-"


def test_a_file_that_changed_meanwhile_is_begun_anew(publisher, tmp_path):
    with pytest.raises(Interrupted):
        fetch(publisher, tmp_path / "weights.bin", sha256=None, size=None, should_stop=lambda: True)
    publisher.content, publisher.etag = CONTENT[::-1], '"two"'
    found = fetch(publisher, tmp_path / "weights.bin", sha256=None, size=None)
    assert found == hashlib.sha256(CONTENT[::-1]).hexdigest()


def test_a_server_without_ranges_is_asked_for_all(publisher, tmp_path):
    publisher.ranges, publisher.cut_after = False, [10_000]
    fetch(publisher, tmp_path / "weights.bin")
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT


def test_a_server_that_says_no_length_is_believed_only_where_nobody_published_one(publisher, tmp_path):
    publisher.says_length = False
    assert fetch(publisher, tmp_path / "a.bin", size=None, sha256=None) == SHA256
    publisher.cut_after = [5000, len(CONTENT)]
    fetch(publisher, tmp_path / "b.bin")
    assert (tmp_path / "b.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CONTENT[:-1] + b"x", "its sha256 is .*, the published file has"),
        (CONTENT[:-5], "it has 3071995 bytes, 3072000 were expected"),
        (CONTENT + b"more", "it has 3072004 bytes, 3072000 were expected"),
    ],
)
def test_other_bytes_are_never_accepted(publisher, tmp_path, content, words):
    publisher.content = content
    with pytest.raises(WrongFile, match=words):
        fetch(publisher, tmp_path / "weights.bin")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_busy_is_asked_again_and_one_without_the_file_is_not(publisher, tmp_path):
    publisher.answers = [503, 429]
    fetch(publisher, tmp_path / "weights.bin")
    publisher.answers = [404]
    with pytest.raises(Interrupted, match="weights.bin answers 404"):
        fetch(publisher, tmp_path / "other.bin")
    publisher.answers = [503] * 20
    with pytest.raises(Interrupted, match="the server answers 503"):
        fetch(publisher, tmp_path / "other.bin")
    assert len(publisher.answers) == 14


def test_a_disk_without_room_is_known_before_and_while_it_is_written(publisher, tmp_path):
    publisher.claims = 10**16
    with pytest.raises(NoSpace, match="needs 10000000000 MB more"):
        fetch(publisher, tmp_path / "weights.bin", size=None, sha256=None)
    publisher.claims = None
    (tmp_path / "full.bin.part").symlink_to("/dev/full")
    with pytest.raises(NoSpace, match="The disk is full"):
        fetch(publisher, tmp_path / "full.bin")


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.2/w", "http://localhost/w", "http://[::1]/w", "http://10.1.2.3/w", "http://169.254.169.254/w",
     "http://[::ffff:10.0.0.1]/w", "http://0.0.0.0/w", "file:///etc/passwd", "ftp://example.org/w"],
)  # fmt: skip
def test_only_the_mirror_may_lie_in_a_private_network(publisher, tmp_path, address):
    with pytest.raises(AddressRefused):
        download(Published([address]), tmp_path / "w")
    publisher.redirect = address
    with pytest.raises(AddressRefused):
        fetch(publisher, tmp_path / "w")
    assert not (tmp_path / "w").exists()
