"""A dataset's files, as a zip, a folder or one file: safe names, pictures found by what documents call them."""

from __future__ import annotations

import io
import stat
import zipfile

import numpy as np
import pytest
from PIL import Image

from exporters.errors import UnreadableFile
from exporters.source import FolderSource, Pictures, picture_size, read_text, source_of


def zipped(files: dict[str, bytes]) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream


def test_a_zip_a_folder_and_a_file_are_read_alike(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"text")
    (tmp_path / ".DS_Store").write_bytes(b"")
    packed = source_of(zipped({"a/b.txt": b"text", "__MACOSX/a/._b.txt": b"", "a/": b""}), "dataset.zip")
    for source in (packed, FolderSource(tmp_path)):
        assert source.names == ["a/b.txt"]
        assert source.size("a/b.txt") == 4
        assert source.open("a/b.txt").read() == b"text"
        with pytest.raises(KeyError):
            source.open("c")
    alone = source_of(io.BytesIO(b"text"), "C:\\data\\b.txt")
    assert alone.names == ["b.txt"]
    for _ in range(2):
        with alone.open("b.txt") as stream:
            assert stream.read() == b"text"


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.txt", "a/../../up.txt", "C:/data.txt", "..\\up.txt"])
def test_a_name_that_leads_out_of_the_dataset_refuses_the_zip(name):
    with pytest.raises(UnreadableFile, match="outside"):
        source_of(zipped({name: b""}), "dataset.zip")


def test_links_are_not_followed(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert source_of(stream, "dataset.zip").names == []
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(b"")
    (inside / "link").symlink_to(tmp_path / "secret")
    assert FolderSource(inside).names == []


def test_a_damaged_zip_names_the_file():
    stream = zipped({"a.txt": b"text"})
    content = bytearray(stream.getvalue())
    content[content.index(b"text")] ^= 0xFF
    with pytest.raises(UnreadableFile, match=r"a\.txt"):
        read_text(source_of(io.BytesIO(bytes(content)), "dataset.zip"), "a.txt")


def test_text_is_utf_8_with_or_without_a_mark():
    source = source_of(zipped({"a": "\ufeffé".encode(), "b": b"abc\xff"}), "dataset.zip")
    assert read_text(source, "a") == "é"
    with pytest.raises(UnreadableFile, match="b: byte 3"):
        read_text(source, "b")


def test_pictures_are_found_by_path_below_folders_and_by_their_only_name():
    names = ("data/train/1.jpg", "data/val/1.jpg", "data/val/2.PNG")
    pictures = Pictures(source_of(zipped(dict.fromkeys(names, b"")), "dataset.zip"))
    assert pictures.find("data/val/1.jpg") == "data/val/1.jpg"
    assert pictures.find("val\\1.jpg") == "data/val/1.jpg"
    assert pictures.find("2.png") == "data/val/2.PNG"
    assert pictures.find("elsewhere/2.PNG") == "data/val/2.PNG"
    assert pictures.find("1.jpg") is None
    assert pictures.find("images/2.PNG", "val/2.PNG") == "data/val/2.PNG"
    # By now, that one is somebody's own.
    assert pictures.find("elsewhere/2.PNG") is None
    assert pictures.of_stem("2") == "data/val/2.PNG"


def test_a_turned_picture_has_the_size_of_the_upright_one():
    content = io.BytesIO()
    picture = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(content, "JPEG", exif=exif)
    source = source_of(zipped({"a.jpg": content.getvalue(), "b.jpg": b"no"}), "dataset.zip")
    assert picture_size(source, "a.jpg") == (20, 30)
    with pytest.raises(UnreadableFile, match=r"b\.jpg"):
        picture_size(source, "b.jpg")
