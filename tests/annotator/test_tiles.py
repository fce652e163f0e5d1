"""Large images come in tiles: which there are, what is on them, who gets them, and that they go with their image."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image as Pillow

from annotator.files import unowned
from annotator.media import intake, removal, tiles
from annotator.media.errors import NoSuchTile
from annotator.models import Image, UnownedFile
from tests.annotator.world import client_of

HEIGHT, WIDTH = 2300, 4100


@pytest.fixture
def large(project, settings) -> Image:
    """Red grows to the right, green downwards: a pixel's colour says where it was."""
    settings.TILED_FROM_PIXELS = 9_000_000
    across = np.linspace(0, 255, WIDTH, dtype=np.uint8)
    down = np.linspace(0, 255, HEIGHT, dtype=np.uint8)
    pixels = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[..., 0], pixels[..., 1] = across[None, :], down[:, None]
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, "PNG", compress_level=1)
    stream.seek(0)
    return intake.ingest_image(project, stream, "large.png").image


def picture(content: bytes) -> Pillow.Image:
    return Pillow.open(io.BytesIO(content))


def test_levels_halve_until_one_picture_shows_all(large):
    layout = tiles.layout_of(large)
    assert layout.sizes == ((4100, 2300), (2050, 1150), (1025, 575))
    assert [layout.grid(level) for level in range(3)] == [(9, 5), (5, 3), (1, 1)]


def test_a_small_image_has_no_tiles(image):
    assert tiles.layout_of(image) is None
    assert tiles.names_of(image) == []
    with pytest.raises(NoSuchTile):
        tiles.read_tile(image, 0, 0, 0)


@pytest.mark.parametrize(
    ("level", "column", "row", "size"), [(0, 3, 2, (512, 512)), (0, 8, 4, (4, 252)), (1, 4, 2, (2, 126))]
)
def test_a_tile_shows_its_part_of_the_image(large, level, column, row, size):
    tile = picture(tiles.read_tile(large, level, column, row))
    assert tile.size == size
    x = (column * 512 + size[0] / 2) * 2**level / WIDTH * 255
    y = (row * 512 + size[1] / 2) * 2**level / HEIGHT * 255
    red, green, blue = tile.getpixel((size[0] // 2, size[1] // 2))
    assert (red, green, blue) == pytest.approx((x, y, 0), abs=3)  # JPEG's rounding


def test_the_last_level_is_the_whole_image(large):
    overview = picture(tiles.read_tile(large, 2, 0, 0))
    assert overview.size == (1025, 575)
    assert overview.getpixel((1024, 574)) == pytest.approx((255, 255, 0), abs=3)


@pytest.mark.parametrize("place", [(0, 9, 0), (0, 0, 5), (2, 1, 0), (3, 0, 0)])
def test_there_is_nothing_beyond_the_last_tile(large, place):
    with pytest.raises(NoSuchTile):
        tiles.read_tile(large, *place)


def test_tiles_are_made_once_and_belong_to_nobody_but_their_image(large, monkeypatch):
    tiles.read_tile(large, 2, 0, 0)
    (name,) = tiles.names_of(large)
    assert default_storage.exists(name)
    assert not UnownedFile.objects.filter(name=name).exists()
    monkeypatch.setattr(tiles, "_write", None)  # would fail
    tiles.read_tile(large, 0, 1, 1)


def test_tiles_go_with_their_image(large, django_capture_on_commit_callbacks):
    tiles.read_tile(large, 2, 0, 0)
    (name,) = tiles.names_of(large)
    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_images([large])
    assert not default_storage.exists(name)
    assert not UnownedFile.objects.filter(name=name).exists()


def test_tiles_of_an_image_that_is_deleted_while_they_are_made_do_not_stay(large):
    before = Image.objects.get(pk=large.pk)
    Image.objects.filter(pk=large.pk).delete()
    with pytest.raises(NoSuchTile):
        tiles.make(before)
    assert not default_storage.exists(*tiles.names_of(before))


def test_tiles_that_a_killed_process_left_are_swept(large):
    (name,) = tiles.names_of(large)
    unowned.note([name])
    default_storage.save(name, io.BytesIO(b"half"))
    assert removal.sweep_unowned(min_age_s=0) == [name]


def test_the_api_says_where_tiles_are_and_a_browser_keeps_them(alice, large):
    client = client_of(alice)
    row = client.get(f"/api/images/{large.pk}/").json()
    assert row["tiles"] == {"url": f"/api/images/{large.pk}/tiles/", "side": 512, "levels": 3}
    answer = client.get(f"{row['tiles']['url']}0/1/1/?digest={large.digest}")
    assert answer["Content-Type"] == "image/jpeg"
    assert "immutable" in answer["Cache-Control"]
    assert picture(answer.getvalue()).size == (512, 512)
    missing = client.get(f"{row['tiles']['url']}0/99/1/")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "no_such_tile")


def test_a_stranger_gets_no_tile(charlie, large):
    assert client_of(charlie).get(f"/api/images/{large.pk}/tiles/2/0/0/").status_code == 404
