from __future__ import annotations

import pytest

from exporters.file_names import MAX_PART_BYTES, FileNames


@pytest.mark.parametrize(
    ("wanted", "safe"),
    [
        ("cat.jpg", "cat.jpg"),
        ("/abs/cat.jpg", "abs/cat.jpg"),
        ("../../cat.jpg", "cat.jpg"),
        ("a/../../cat.jpg", "a/cat.jpg"),
        ("C:\\photos\\cat.jpg", "C_/photos/cat.jpg"),
        ("con.jpg", "_con.jpg"),
        ("tab\tname.jpg", "tab_name.jpg"),
        ("cut \ud83d.jpg", "cut _.jpg"),
        ("...", "7"),
        ("", "7"),
    ],
)
def test_names_can_be_unpacked_anywhere(wanted, safe):
    assert FileNames().claim(wanted, 7) == safe


def test_names_that_a_disk_would_confuse_get_the_image_s_number():
    names = FileNames()
    assert [names.claim("Cat.jpg", 1), names.claim("cat.jpg", 2), names.claim("cat-3.jpg", 3)] == [
        "Cat.jpg",
        "cat-2.jpg",
        "cat-3.jpg",
    ]
    assert names.claim("cat.jpg", 3) == "cat-3-1.jpg"


def test_a_very_long_name_keeps_its_extension():
    name = FileNames().claim("猫" * 200 + ".jpeg", 1)
    assert name.endswith("猫.jpeg")
    assert len(name.encode()) <= MAX_PART_BYTES
