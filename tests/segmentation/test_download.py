"""Files of a real HTTP server on this machine: cut off, slow, wrong, elsewhere, in parts."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

import segmentation.catalogue.download
from segmentation.catalogue.download import (
    AddressRefused,
    Busy,
    DownloadError,
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
        fetch(publisher, tmp_path / "weights.bin", size=10**16, sha256=None)
    publisher.claims = None
    (tmp_path / "full.bin.part").symlink_to("/dev/full")
    with pytest.raises(NoSpace, match="The disk is full"):
        fetch(publisher, tmp_path / "full.bin")


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.2/w", "http://localhost/w", "http://[::1]/w", "http://10.1.2.3/w", "http://169.254.169.254/w",
     "http://[::ffff:10.0.0.1]/w", "http://[::127.0.0.1]/w", "http://[64:ff9b::7f00:1]/w", "http://[2002:7f00:1::]/w",
     "http://0.0.0.0/w", "file:///etc/passwd", "ftp://example.org/w"],
)  # fmt: skip
def test_only_the_mirror_may_lie_in_a_private_network(publisher, tmp_path, address):
    with pytest.raises(AddressRefused):
        download(Published([address]), tmp_path / "w")
    publisher.redirect = address
    with pytest.raises(AddressRefused):
        fetch(publisher, tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_a_mirror_that_is_no_address_is_refused_in_words(tmp_path):
    with pytest.raises(AddressRefused, match="The mirror is no address"):
        download(Published(["https://example.org/w.bin"]), tmp_path / "w.bin", mirror="http://[bad")


def test_what_has_come_is_not_given_up_for_a_page_or_another_length(publisher, tmp_path):
    """A proxy or a login that answers in place of the publisher, after most of the file has come."""
    publisher.cut_after = [2_000_000] + [0] * 20
    with pytest.raises(Interrupted):
        fetch(publisher, tmp_path / "weights.bin")
    publisher.cut_after.clear()
    publisher.ranges = False
    for content_type, content in (("", b"please sign in"), ("text/html; charset=utf-8", CONTENT)):
        publisher.content, publisher.content_type = content, content_type
        with pytest.raises((Interrupted, WrongFile)):
            fetch(publisher, tmp_path / "weights.bin")
        assert (tmp_path / "weights.bin.part").stat().st_size == 2_000_000
    publisher.content, publisher.content_type, publisher.ranges = CONTENT, "", True
    fetch(publisher, tmp_path / "weights.bin")
    assert publisher.asked[-1] == "bytes=2000000-"


def test_another_address_is_asked_where_one_has_a_wrong_file(publisher, tmp_path, monkeypatch):
    """Both are this machine's, which the published addresses may not be: that is put aside here."""
    monkeypatch.setattr("segmentation.catalogue.download._is_private", lambda host: False)
    for wrong in (CONTENT[:-5], CONTENT[:-1] + b"x", CONTENT + b"more"):
        with publishing(wrong) as other:
            file = Published([f"{other.url}/w.bin", f"{publisher.url}/w.bin"], len(CONTENT), SHA256)
            assert download(file, tmp_path / "w.bin", sleep=lambda seconds: None) == SHA256
            assert other.asked
        assert [path.name for path in tmp_path.iterdir()] == ["w.bin"]
        (tmp_path / "w.bin").unlink()


def test_two_processes_do_not_write_into_one_part(publisher, tmp_path):
    part = tmp_path / "weights.bin.part"
    with part.open("ab") as other_process:
        fcntl.flock(other_process, fcntl.LOCK_EX)
        with pytest.raises(Busy, match="Another process is fetching weights.bin just now"):
            fetch(publisher, tmp_path / "weights.bin")
    assert part.stat().st_size == 0 and publisher.asked == []
    fetch(publisher, tmp_path / "weights.bin")


def test_a_server_that_sends_other_parts_than_asked_for_is_given_up(publisher, tmp_path):
    publisher.part_begins_at, publisher.cut_after = 7, [1000] * 50
    with pytest.raises(Interrupted, match="could not be fetched"):
        fetch(publisher, tmp_path / "weights.bin")
    assert len(publisher.asked) < 30


def test_a_server_that_sends_the_rest_of_another_version_is_asked_for_all(publisher, tmp_path):
    publisher.cut_after = [1_000_000] + [0] * 20
    with pytest.raises(Interrupted):
        fetch(publisher, tmp_path / "weights.bin", size=None, sha256=None)
    publisher.cut_after.clear()
    publisher.content, publisher.etag, publisher.ignores_if_range = CONTENT[::-1], '"two"', True
    fetch(publisher, tmp_path / "weights.bin", size=None, sha256=None)
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT[::-1]


def test_a_rest_that_does_not_say_its_version_is_not_put_behind_what_had_come(publisher, tmp_path):
    """RFC 9110, 15.3.7: a part has the ETag that the whole had. Here the file changed, and both rules are broken."""
    with pytest.raises(Interrupted):
        fetch(publisher, tmp_path / "weights.bin", sha256=None, should_stop=lambda: True)
    publisher.content, publisher.etag, publisher.ignores_if_range = CONTENT[::-1], '"two"', True
    publisher.says_version_of_parts = False
    fetch(publisher, tmp_path / "weights.bin", sha256=None)
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT[::-1]


def test_a_part_that_nobody_asked_for_is_no_answer(publisher, tmp_path):
    """Nothing is known of the version of what had come, so that all is asked for; the server sends a rest."""
    (tmp_path / "weights.bin.part").write_bytes(CONTENT[:1000])
    note = {"address": "elsewhere", "validator": "", "sha256": None, "size": len(CONTENT)}
    (tmp_path / "weights.bin.part.json").write_text(json.dumps(note))
    publisher.part_begins_at, publisher.sends_parts_unasked = 1000, True
    with pytest.raises(Interrupted, match="a part of the file, and all of it was asked for"):
        fetch(publisher, tmp_path / "weights.bin", sha256=None)
    assert not (tmp_path / "weights.bin").exists()


@pytest.mark.parametrize("silent", ["before an answer", "in the middle"])
def test_a_server_that_is_silent_keeps_nobody_from_stopping(publisher, tmp_path, silent):
    """Neither the thread that listens nor the part stands in the way of the next attempt."""
    publisher.silence = threading.Event()
    if silent == "in the middle":
        publisher.silence.set()
        publisher.slow_answers, publisher.pause_s = 1, 20.0
    began_s = time.monotonic()
    said = []
    with pytest.raises(Interrupted, match="stopped after 0 bytes"):
        fetch(
            publisher,
            tmp_path / "weights.bin",
            should_stop=lambda: time.monotonic() - began_s > 1.5,
            progress=lambda done, total: said.append(done),
        )
    assert time.monotonic() - began_s < 5 and said
    publisher.silence.set()
    publisher.slow_answers = 0
    fetch(publisher, tmp_path / "weights.bin")
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT


def test_whoever_waits_is_told_for_what(publisher, tmp_path):
    """After 4 attempts in vain the fifth comes after 16 s; then the file comes and there is no more to say."""
    publisher.answers = [503] * 4
    said = []
    fetch(publisher, tmp_path / "weights.bin", waiting=said.append)
    lost = "connection lost (the server answers 503), trying again"
    assert said[:3] == [
        f"{lost} in 2 s (attempt 2 of 6)",
        f"{lost} in 1 s (attempt 2 of 6)",
        f"{lost} now (attempt 2 of 6)",
    ]
    assert f"{lost} in 16 s (attempt 5 of 6)" in said and said[-1] == ""
    assert said.count("") == 1


def test_a_silence_is_told(publisher, tmp_path, monkeypatch):
    monkeypatch.setattr("segmentation.catalogue.download.SILENT_AFTER_S", 0.5)
    publisher.silence = threading.Event()
    said = []

    def hear(text: str) -> None:
        said.append(text)
        publisher.silence.set()

    fetch(publisher, tmp_path / "weights.bin", waiting=hear)
    assert said == ["the server has been silent for 1 s", ""]


def test_a_pause_between_two_attempts_keeps_nobody_from_stopping(publisher, tmp_path, monkeypatch):
    monkeypatch.setattr("segmentation.catalogue.download.FIRST_PAUSE_S", 30.0)
    publisher.answers = [503]
    began_s = time.monotonic()
    file = Published(["https://example.org/weights.bin"], len(CONTENT), SHA256)
    with pytest.raises(Interrupted):
        download(
            file,
            tmp_path / "w.bin",
            mirror=publisher.url,
            should_stop=lambda: time.monotonic() - began_s > 1,
        )
    assert time.monotonic() - began_s < 5


def test_a_slow_stream_comes_whole_and_one_that_stands_still_is_taken_up_again(
    publisher, tmp_path, monkeypatch
):
    publisher.pause_s, publisher.slow_answers = 0.05, 1
    started_s = time.monotonic()
    fetch(publisher, tmp_path / "slow.bin")
    assert time.monotonic() - started_s > 0.4 and publisher.asked == [""]
    monkeypatch.setattr("segmentation.catalogue.download.TIMEOUT", httpx2.Timeout(0.2))
    publisher.pause_s, publisher.slow_answers, publisher.asked = 1.0, 1, []
    fetch(publisher, tmp_path / "still.bin")
    assert (tmp_path / "still.bin").read_bytes() == CONTENT and len(publisher.asked) == 2


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_asked_which_looks_up_the_name(
    publisher, tmp_path, monkeypatch, variable
):
    file = Published(["http://weights.invalid/w.bin"], len(CONTENT), SHA256)
    with pytest.raises(Interrupted, match="weights.invalid is not found"):
        download(file, tmp_path / "w.bin", sleep=lambda seconds: None)
    monkeypatch.setenv(variable, publisher.url)
    download(file, tmp_path / "w.bin", sleep=lambda seconds: None)
    assert publisher.proxied == ["http://weights.invalid/w.bin"]
    with pytest.raises(AddressRefused):  # a proxy is no way into our own network either
        download(Published(["http://127.0.0.2/w"]), tmp_path / "w")
    monkeypatch.setenv("NO_PROXY", "weights.invalid")
    with pytest.raises(Interrupted, match="weights.invalid is not found"):
        download(file, tmp_path / "v.bin", sleep=lambda seconds: None)
    monkeypatch.setenv(variable, "foo://bar")
    monkeypatch.delenv("NO_PROXY")
    with pytest.raises(DownloadError, match="a proxy that cannot be used"):
        download(file, tmp_path / "v.bin")


def test_a_name_that_leads_elsewhere_when_the_connection_is_made_is_refused(publisher, tmp_path, monkeypatch):
    port = int(publisher.url.rpartition(":")[2])
    answers = ["93.184.215.14"]  # to the look before; the connection is led to this machine

    def lookup(host, *more, **options):
        place = answers.pop(0) if answers else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(AddressRefused, match="leads to 127.0.0.1"):
        download(Published([f"http://weights.invalid:{port}/w.bin"]), tmp_path / "w.bin")
    assert not (tmp_path / "w.bin").exists()


def test_a_password_of_the_mirror_is_told_to_nobody(publisher, tmp_path):
    publisher.answers = [404]
    file = Published(["https://example.org/weights.bin"], len(CONTENT), SHA256)
    mirror = publisher.url.replace("http://", "http://user:secret@")
    with pytest.raises(Interrupted) as refused:
        download(file, tmp_path / "w.bin", mirror=mirror, sleep=lambda seconds: None)
    assert "secret" not in str(refused.value)
    publisher.cut_after = [1000] + [0] * 20
    with pytest.raises(Interrupted) as refused:
        download(file, tmp_path / "w.bin", mirror=mirror, sleep=lambda seconds: None)
    assert "secret" not in str(refused.value)
    assert "secret" not in (tmp_path / "w.bin.part.json").read_text()


def test_an_empty_answer_and_a_validator_that_is_no_text_are_nothing(publisher, tmp_path):
    publisher.content = b""
    with pytest.raises(WrongFile, match="nothing came"):
        fetch(publisher, tmp_path / "weights.bin", size=None, sha256=None)
    publisher.content = CONTENT
    (tmp_path / "weights.bin.part").write_bytes(CONTENT[:1000])
    noted = {
        "address": f"{publisher.url}/weights.bin",
        "validator": '"caf\u00e9"',
        "sha256": None,
        "size": None,
    }
    (tmp_path / "weights.bin.part.json").write_text(json.dumps(noted))
    fetch(publisher, tmp_path / "weights.bin", size=None, sha256=None)
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT


def test_an_answer_without_an_end_ends_at_a_bound(publisher, tmp_path, monkeypatch):
    monkeypatch.setattr(segmentation.catalogue.download, "MOST_BYTES", 20_000_000)
    publisher.is_endless, publisher.says_length = True, False
    with pytest.raises(WrongFile, match="more than 0.02 GB"):
        fetch(publisher, tmp_path / "weights.bin", size=None, sha256=None)
    assert list(tmp_path.iterdir()) == []


def test_an_answer_without_an_end_does_not_fill_the_disk(publisher, tmp_path, monkeypatch):
    # All but 100 MB of what is free now counts as to be spared.
    spare = shutil.disk_usage(tmp_path).free - 100_000_000
    monkeypatch.setattr(segmentation.catalogue.download, "SPARE_BYTES", spare)
    publisher.is_endless, publisher.says_length = True, False
    with pytest.raises(NoSpace, match="nobody says how large.*was deleted"):
        fetch(publisher, tmp_path / "weights.bin", size=None, sha256=None)
    assert list(tmp_path.iterdir()) == []
