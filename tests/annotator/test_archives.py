"""Zips of images: the ordinary, the careless and the hostile."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from annotator.media import intake
from annotator.models import Image
from tests.annotator.world import encode_image


def make_zip(entries: dict[str, bytes], compression=zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def ingest(project, content: bytes, name: str = "photos.zip") -> intake.UploadReport:
    file = io.BytesIO(content)
    file.name = name
    return intake.ingest_files(project, [file])


def assert_refused(project, content: bytes, words: str) -> None:
    report = ingest(project, content)
    assert [refused.error.code for refused in report.errors] == ["zip_refused"]
    assert words in report.errors[0].error.message
    assert Image.objects.count() == 0


def test_a_zip_gives_its_images(project):
    report = ingest(project, make_zip({"a.png": encode_image(seed=1), "sub/b.png": encode_image(seed=2)}))
    assert [result.image.name for result in report.results] == ["a.png", "b.png"]
    assert report.errors == []


def test_a_zip_is_known_by_its_content(project):
    assert len(ingest(project, make_zip({"a.png": encode_image()}), name="holiday.jpg").results) == 1


def test_junk_is_skipped_and_a_text_is_reported(project):
    report = ingest(
        project,
        make_zip(
            {
                "a.png": encode_image(),
                "__MACOSX/._a.png": b"resource fork",
                ".DS_Store": b"x",
                "sub/Thumbs.db": b"x",
                "notes.txt": b"shopping",
            }
        ),
    )
    assert len(report.results) == 1
    assert [(refused.name, refused.error.code) for refused in report.errors] == [
        ("notes.txt", "not_an_image")
    ]


def test_one_bad_image_in_a_hundred_fails_alone(project):
    entries = {f"{seed:03}.png": encode_image(seed=seed) for seed in range(99)}
    report = ingest(project, make_zip(entries | {"bad.png": encode_image()[:40]}))
    assert len(report.results) == 99
    assert [refused.name for refused in report.errors] == ["bad.png"]


def test_an_entry_with_a_wrong_checksum_fails_alone(project):
    good, bad = encode_image(seed=1), encode_image(seed=2)
    content = make_zip({"good.png": good, "bad.png": bad}, zipfile.ZIP_STORED)
    at = content.index(bad) + len(bad) // 2
    report = ingest(project, content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    assert [result.image.name for result in report.results] == ["good.png"]
    assert [(refused.name, refused.error.code) for refused in report.errors] == [("bad.png", "damaged_image")]


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:/evil.png", r"..\evil.png", r"\evil.png"]
)
def test_paths_that_lead_elsewhere_are_refused(project, name):
    assert_refused(project, make_zip({"good.png": encode_image(), name: encode_image(seed=1)}), "elsewhere")


def test_symbolic_links_are_refused(project):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert_refused(project, stream.getvalue(), "symbolic link")


def test_encrypted_zips_are_refused(project):
    content = bytearray(make_zip({"a.png": encode_image()}))
    content[6] |= 1  # general purpose flag, bit 0, in the local header ...
    content[content.index(b"PK\x01\x02") + 8] |= 1  # ... and in the central directory
    assert_refused(project, bytes(content), "encrypted")


def test_archives_in_archives_are_refused(project):
    inner = make_zip({"a.png": encode_image()})
    assert_refused(project, make_zip({"inner.png": inner}), "another archive")


def test_a_bomb_of_zeros_is_refused(project):
    assert_refused(project, make_zip({"zeros.bmp": bytes(20 * 1024 * 1024)}), "bomb")


def test_a_zip_that_unpacks_to_too_much_is_refused(project, settings):
    settings.MAX_ZIP_UNCOMPRESSED_BYTES = 1000
    assert_refused(project, make_zip({"a.png": encode_image((64, 64))}, zipfile.ZIP_STORED), "unpacks to")


def test_a_zip_of_too_many_entries_is_refused(project, settings):
    settings.MAX_ZIP_ENTRIES = 3
    assert_refused(project, make_zip({f"{index}.png": b"" for index in range(4)}), "4 entries")


def test_an_entry_larger_than_an_image_may_be_fails_alone(project, settings):
    settings.MAX_IMAGE_BYTES = 2000
    large = encode_image((64, 64))
    report = ingest(project, make_zip({"large.png": large, "small.png": encode_image()}))
    assert [result.image.name for result in report.results] == ["small.png"]
    assert [refused.error.code for refused in report.errors] == ["file_too_large"]


def test_a_header_that_lies_about_the_size_gains_nothing(project, settings):
    """The central directory says 10 bytes; zipfile gives no more than that, so the image counts as damaged."""
    settings.MAX_IMAGE_BYTES = 2000
    image = encode_image((64, 64))
    content = bytearray(make_zip({"a.png": image}, zipfile.ZIP_STORED))
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    report = ingest(project, bytes(content))
    assert report.results == []
    assert len(report.errors) == 1


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_a_cut_off_zip_is_refused(project, kept):
    content = make_zip({"a.png": encode_image((32, 32)), "b.png": encode_image((32, 32), seed=1)})
    assert_refused(project, content[: int(len(content) * kept)], "damaged")


def test_an_empty_zip_is_refused(project):
    assert_refused(project, make_zip({}), "no files")


def renamed(content: bytes, was: bytes, now: bytes, flags: int = 0) -> bytes:
    """A zip whose entry has another name of the same length, in both its headers; `flags` are set in both."""
    assert content.count(was) == 2 and len(was) == len(now)
    changed = bytearray(content.replace(was, now))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[changed.index(signature) + offset + 1] |= flags >> 8
    return bytes(changed)


@pytest.mark.parametrize("name", [".", "./", "/.", "a/."])
def test_an_entry_that_is_a_folders_name_does_no_harm(project, name):
    if name.startswith("/"):
        assert_refused(project, make_zip({name: encode_image(seed=1)}), "leads elsewhere")
        return
    report = ingest(project, make_zip({name: encode_image(seed=1), "a.png": encode_image(seed=2)}))
    assert "a.png" in [result.image.name for result in report.results]
    assert all(result.image.name.strip(".") for result in report.results)


def test_an_entry_without_a_name_does_no_harm(project):
    content = make_zip({"q": encode_image(seed=1)})
    # The name's length is 0 in both headers; what was the name counts as the extra field.
    changed = bytearray(content)
    for signature, name_length, extra_length in ((b"PK\x03\x04", 26, 28), (b"PK\x01\x02", 28, 30)):
        at = changed.index(signature)
        changed[at + name_length], changed[at + extra_length] = 0, changed[at + extra_length] + 1
    report = ingest(project, bytes(changed))
    assert report.results == [] and len(report.errors) == 1


def test_a_name_that_is_not_the_utf8_it_claims_to_be_is_said(project):
    content = make_zip({"abcd.png": encode_image()})
    assert_refused(project, renamed(content, b"abcd.png", b"\xff\xfecd.png", flags=0x800), "not the UTF-8")
