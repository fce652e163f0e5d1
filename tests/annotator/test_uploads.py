"""Bytes -> Image: what is taken, what is refused, and what is stored."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import zlib

import numpy as np
import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from PIL import Image as Pillow

from annotator.embeddings import store as embedding_store
from annotator.errors import MaskwrightError
from annotator.files import unowned
from annotator.media import intake, pixels, removal
from annotator.models import Bundle, EmbeddingJob, Image, UnownedFile
from annotator.projects import projects
from annotator.worker.housekeeping import CHORES
from tests.annotator.world import ROOT, client_of, encode_image, upload


def prepared(content: bytes) -> pixels.PreparedImage:
    return pixels.prepare(io.BytesIO(content))


def stored_pixels(result: pixels.PreparedImage) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(result.content)))


def encode(picture: Pillow.Image, format: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def refusal(content: bytes) -> MaskwrightError:
    with pytest.raises(MaskwrightError) as caught:
        prepared(content)
    assert str(caught.value).endswith((".", "!")), "a refusal is a sentence"
    return caught.value


def png_claiming(width: int, height: int) -> bytes:
    """A few bytes of PNG whose header claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


# --- what is stored ---
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_an_upright_rgb_file_is_stored_byte_for_byte(format):
    content = encode_image(format=format)
    assert prepared(content).content == content


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_greyscale_file_is_stored_byte_for_byte(format):
    content = encode_image(format=format, mode="L")
    assert prepared(content).content == content


@pytest.mark.parametrize("format", ["BMP", "TIFF", "GIF"])
def test_other_formats_become_png_without_loss(format):
    content = encode_image(format=format)
    result = prepared(content)
    assert result.extension == "png"
    expected = np.asarray(Pillow.open(io.BytesIO(content)).convert("RGB"))
    assert np.array_equal(stored_pixels(result), expected)


def test_the_digest_is_of_the_pixels_not_of_the_file():
    png, bmp = prepared(encode_image()), prepared(encode_image(format="BMP"))
    assert png.digest == bmp.digest
    assert png.digest != prepared(encode_image(seed=1)).digest


def test_the_digest_is_sha256_over_size_and_rgb_rows():
    rgb = np.asarray(Pillow.open(io.BytesIO(encode_image())))
    assert prepared(encode_image()).digest == hashlib.sha256(b"8x6:RGB:" + rgb.tobytes()).hexdigest()


def test_a_wide_and_a_tall_image_of_the_same_bytes_differ():
    wide = encode(Pillow.new("RGB", (4, 2)), "PNG")
    tall = encode(Pillow.new("RGB", (2, 4)), "PNG")
    assert prepared(wide).digest != prepared(tall).digest


EXIF_CASES = json.loads((ROOT / "tests" / "data" / "exif_cases.json").read_text())["cases"]


@pytest.mark.parametrize("case", EXIF_CASES, ids=lambda case: f"orientation {case['orientation']}")
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_pixels_are_turned_upright_once(case, format):
    # Every golden pixel becomes a block of 16 x 16, so that its middle survives JPEG's 8 x 8 blocks.
    grey = np.kron(np.array(case["stored"], np.uint8), np.ones((16, 16), np.uint8))
    exif = Pillow.Exif()
    exif[0x0112] = case["orientation"]
    options = {"lossless": True} if format == "WEBP" else {}
    result = prepared(encode(Pillow.fromarray(grey).convert("RGB"), format, exif=exif, **options))
    middles = stored_pixels(result).astype(int)[8::16, 8::16]
    middles = middles if middles.ndim == 2 else middles[..., 0]
    assert np.abs(middles - case["upright"]).max() <= (2 if format == "JPEG" else 0)  # quantisation
    assert Pillow.open(io.BytesIO(result.content)).getexif().get(0x0112, 1) == 1


def test_broken_exif_beside_good_pixels_is_ignored():
    content = encode(Pillow.new("RGB", (4, 2)), "JPEG", exif=b"Exif\0\0broken")
    assert (prepared(content).height, prepared(content).width) == (2, 4)


def test_transparency_is_laid_over_white():
    picture = Pillow.new("RGBA", (2, 1), (255, 0, 0, 255))
    picture.putpixel((1, 0), (255, 0, 0, 0))
    assert stored_pixels(prepared(encode(picture, "PNG"))).tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_grey_with_transparency_is_laid_over_white():
    picture = Pillow.new("LA", (1, 1), (0, 0))
    assert stored_pixels(prepared(encode(picture, "PNG"))).tolist() == [[[255, 255, 255]]]


def test_a_palette_with_a_transparent_color_is_laid_over_white():
    picture = Pillow.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    content = encode(picture, "PNG", transparency=1)
    assert stored_pixels(prepared(content)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_a_palette_becomes_its_colors():
    picture = Pillow.new("P", (1, 1))
    picture.putpalette([10, 20, 30])
    assert stored_pixels(prepared(encode(picture, "GIF"))).tolist() == [[[10, 20, 30]]]


def test_one_bit_becomes_black_and_white():
    picture = Pillow.new("1", (2, 1))
    picture.putpixel((1, 0), 1)
    assert stored_pixels(prepared(encode(picture, "PNG"))).tolist() == [[[0] * 3, [255] * 3]]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_over_its_full_range(format):
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    content = encode(Pillow.fromarray(values), format)
    assert stored_pixels(prepared(content))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_cmyk_becomes_rgb():
    content = encode(Pillow.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)
    red, green, blue = stored_pixels(prepared(content))[4, 4]
    assert red > 200 and green < 60 and blue < 60


def test_a_cameras_mpo_counts_as_its_first_picture():
    first, second = Pillow.new("RGB", (8, 8), "red"), Pillow.new("RGB", (8, 8), "blue")
    content = encode(first, "MPO", save_all=True, append_images=[second])
    result = prepared(content)
    assert result.content_type == "image/jpeg"
    assert stored_pixels(result)[4, 4, 0] > 200


@pytest.mark.parametrize("hw", [(1, 1), (1, 3000), (3000, 1)])
def test_lines_and_dots_are_images(hw):
    result = prepared(encode_image(hw))
    assert (result.height, result.width) == hw
    assert max(Pillow.open(io.BytesIO(result.thumbnail)).size) <= 320


# --- what is refused ---
@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_animations_are_refused(format):
    frames = [Pillow.new("RGB", (4, 4), color) for color in ("red", "blue", "green")]
    error = refusal(encode(frames[0], format, save_all=True, append_images=frames[1:]))
    assert error.code == "animated_image"
    assert "animated" in error.message


def test_a_tiff_of_several_pages_is_refused():
    pages = [Pillow.new("RGB", (4, 4), color) for color in ("red", "blue")]
    assert "2 pages" in refusal(encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])).message


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.95])
def test_truncated_files_are_refused(format, kept):
    content = encode_image((64, 64), format=format)
    assert refusal(content[: int(len(content) * kept)]).code in {"damaged_image", "not_an_image"}


@pytest.mark.filterwarnings("ignore")  # Pillow warns about what it then refuses
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_no_damage_gets_past_the_errors_of_this_module(format):
    """Two hundred random damages a format: taken or refused, never another exception."""
    content = bytearray(encode_image((16, 16), format=format))
    random = np.random.default_rng(5)
    for _ in range(200):
        damaged = bytearray(content)
        for position in random.integers(0, len(content), 3):
            damaged[position] = random.integers(0, 256)
        try:
            prepared(bytes(damaged))
        except MaskwrightError:
            pass


@pytest.mark.parametrize("content", [b"%PDF-1.7 ...", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"text"])
def test_what_is_no_image_is_refused_whatever_its_name(content):
    assert refusal(content).code == "not_an_image"


def test_an_empty_file_is_refused():
    assert refusal(b"").code == "empty_file"


def test_floating_point_pixels_are_refused():
    assert refusal(encode(Pillow.fromarray(np.ones((2, 2), np.float32)), "TIFF")).code == "unsupported_image"


@pytest.mark.parametrize("size", [(20_000, 20_000), (60_000, 60_000), (40_000, 1)])
def test_a_decompression_bomb_is_refused_by_its_header(size):
    error = refusal(png_claiming(*size))
    assert error.code == "too_many_pixels"


def test_a_file_over_the_byte_limit_is_refused(settings):
    settings.MAX_IMAGE_BYTES = 100
    assert refusal(encode_image((64, 64))).code == "file_too_large"


# --- into a project ---
def test_an_upload_makes_a_row_files_and_a_job(project, image):
    assert default_storage.exists(image.file.name)
    assert default_storage.exists(image.thumbnail.name)
    assert EmbeddingJob.objects.get(image=image).state == "queued"
    assert np.array_equal(pixels.read_pixels(image), np.asarray(Pillow.open(io.BytesIO(encode_image()))))


def test_the_same_pixels_twice_give_the_first_row(project, image):
    again = intake.ingest_image(project, io.BytesIO(encode_image(format="BMP")), "again.bmp")
    assert again.duplicate and again.image == image
    assert Image.objects.count() == 1
    assert len(default_storage.listdir(f"images/{project.pk}")[1]) == 1


def test_the_same_pixels_in_another_project_are_another_image(project, image, alice):
    other = projects.create_project(alice, name="Other")
    assert not intake.ingest_image(other, io.BytesIO(encode_image()), "photo.png").duplicate


def test_a_row_that_cannot_be_written_leaves_no_files(project, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("no row today")

    monkeypatch.setattr(Image.objects, "create", refuse)
    with pytest.raises(RuntimeError):
        intake.ingest_image(project, io.BytesIO(encode_image()), "photo.png")
    assert default_storage.listdir(f"images/{project.pk}")[1] == []
    assert default_storage.listdir(f"thumbnails/{project.pk}")[1] == []


def test_files_without_a_row_are_swept_once_they_are_old(project, image):
    unowned.note(["images/9/orphan.png"])
    default_storage.save("images/9/orphan.png", io.BytesIO(b"left by a killed process"))
    assert removal.sweep_orphans() == []
    assert removal.sweep_orphans(min_age_s=-1) == ["images/9/orphan.png"]
    assert not default_storage.exists("images/9/orphan.png")
    assert default_storage.exists(image.file.name)
    assert not UnownedFile.objects.exists()


def test_a_file_that_cannot_be_deleted_now_is_deleted_by_the_next_sweep(project, image, monkeypatch):
    name = image.file.name

    def refuse(name):
        raise PermissionError("read-only for a moment")

    with monkeypatch.context() as patched:
        patched.setattr(default_storage, "delete", refuse)
        removal.delete_images([image])
        unowned.discard([name])
    assert default_storage.exists(name)
    assert name in removal.sweep_orphans(min_age_s=-1)
    assert not default_storage.exists(name)


def test_a_process_killed_between_file_and_row_leaves_nothing_that_is_not_swept(installation):
    killed = f"""
import base64, io, os, signal
from django.db import transaction
from annotator.files import unowned
from annotator.media import intake
from annotator.models import Project
from annotator.embeddings import queue, store
from annotator.files import unowned

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

project = Project.objects.create(name="Killed")
content = io.BytesIO(base64.b64decode({base64.b64encode(encode_image())!r}))
queue.ensure_job_where_possible = die
intake.ingest_image(project, content, "photo.png")
"""
    with pytest.raises(AssertionError):
        installation.python(killed)
    media = installation.data_dir / "media"
    assert len([path for path in media.rglob("*") if path.is_file()]) == 2
    printed = installation.python(
        """
from annotator.files import unowned
from annotator.media import removal
from annotator.models import Image
print(Image.objects.count(), len(removal.sweep_orphans()), len(removal.sweep_orphans(min_age_s=-1)))
"""
    )
    assert printed.strip() == "0 0 2"
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_embeddings_of_a_replaced_bundle_and_those_that_came_to_nothing_are_swept_once_they_are_old(
    ready_image, bundle
):
    kept = embedding_store.file_name(bundle.digest, ready_image.digest)
    of_no_image = embedding_store.save(bundle.digest, "0" * 64, b"left by a killed process")
    of_no_bundle = embedding_store.save("1" * 64, ready_image.digest, b"left by a killed process")
    assert embedding_store.sweep_unused() == []
    assert set(embedding_store.sweep_unused(min_age_s=-1)) == {of_no_image, of_no_bundle}

    Bundle.objects.update(is_available=False, is_default=False)  # away, nothing in its place
    assert embedding_store.sweep_unused(min_age_s=-1) == []
    bundle.pk, bundle.digest, bundle.is_default = None, "c" * 64, False
    bundle.save()  # other weights under its name
    assert embedding_store.sweep_unused(min_age_s=-1) == [kept]
    assert not default_storage.exists(kept)
    assert not ready_image.embedding_jobs.exists()


def test_sweeps_never_list_the_storage(ready_image, monkeypatch):
    def refuse(self, path):
        raise AssertionError(f"{path} was listed")

    monkeypatch.setattr(FileSystemStorage, "listdir", refuse)
    for chore in CHORES.values():
        chore()
    removal.delete_images([ready_image])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        (r"C:\photos\cat.jpg", "cat.jpg"),
        ("", "image"),
        ("a\x00b\n.png", "ab.png"),
    ],
)
def test_a_name_is_the_last_part_of_its_path(name, shown):
    assert intake.display_name(name) == shown


def test_deleting_an_image_deletes_its_files_once_committed(ready_image, django_capture_on_commit_callbacks):
    names = [ready_image.file.name, ready_image.thumbnail.name]
    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_images([ready_image])
    assert not any(map(default_storage.exists, names))
    assert list(default_storage.listdir(f"embeddings/{'b' * 64}")[1]) == []


def test_an_embedding_another_project_needs_stays(ready_image, alice, django_capture_on_commit_callbacks):
    other = projects.create_project(alice, name="Other")
    intake.ingest_image(other, io.BytesIO(encode_image()), "photo.png")
    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_images([ready_image])
    assert len(default_storage.listdir(f"embeddings/{'b' * 64}")[1]) == 1


def test_the_same_file_twice_at_the_same_moment_is_one_image(installation):
    printed = installation.python(
        f"""
import base64, io, threading
from django.db import connection
from annotator.files import unowned
from annotator.media import intake
from annotator.models import Image, Project

content = base64.b64decode({base64.b64encode(encode_image())!r})
project = Project.objects.create(name="Race")
barrier, results = threading.Barrier(4), []

def send():
    barrier.wait()
    results.append(intake.ingest_image(project, io.BytesIO(content), "photo.png"))
    connection.close()

threads = [threading.Thread(target=send) for _ in range(4)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print(sorted(result.duplicate for result in results), Image.objects.count())
"""
    )
    assert printed.strip() == "[False, True, True, True] 1"
    assert len(list((installation.data_dir / "media" / "images").rglob("*.png"))) == 1


# --- over HTTP ---
def post_files(user, project, *files):
    return client_of(user).post(f"/api/projects/{project.pk}/images/", {"files": files}, format="multipart")


def test_one_bad_file_fails_alone(alice, project):
    response = post_files(
        alice,
        project,
        upload(encode_image(seed=1), "a.png"),
        upload(b"no image", "b.png"),
        upload(encode_image(seed=2), "c.png"),
    )
    assert response.status_code == 201
    body = response.json()
    assert [row["name"] for row in body["results"]] == ["a.png", "c.png"]
    assert [(row["name"], row["code"]) for row in body["errors"]] == [("b.png", "not_an_image")]


def test_when_every_file_fails_the_answer_is_an_error(alice, project):
    response = post_files(alice, project, upload(b"no", "a.png"), upload(b"", "b.png"))
    assert response.status_code == 400
    body = response.json()
    assert body["error"]["code"] == "all_uploads_failed"
    assert [row["code"] for row in body["errors"]] == ["not_an_image", "empty_file"]


def test_a_single_refused_file_gives_its_own_code(alice, project):
    assert post_files(alice, project, upload(b"no", "a.png")).json()["error"]["code"] == "not_an_image"


def test_a_repeated_upload_says_duplicate(alice, project, image):
    (row,) = post_files(alice, project, upload(encode_image())).json()["results"]
    assert row["id"] == image.pk and row["duplicate"] is True


def test_no_file_is_refused(alice, project):
    assert post_files(alice, project).json()["error"]["code"] == "no_files"


def test_too_many_files_are_refused(alice, project, settings):
    settings.MAX_FILES_PER_REQUEST = settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [upload(encode_image(seed=seed), f"{seed}.png") for seed in range(3)]
    response = post_files(alice, project, *files)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "too_many_files")
    assert Image.objects.count() == 0


def test_a_request_announced_too_large_is_not_even_read(alice, project, settings):
    settings.MAX_REQUEST_BYTES = 100
    response = post_files(alice, project, upload(encode_image((64, 64))))
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


def test_the_stored_file_is_served_with_its_type_and_for_ever(alice, image):
    row = client_of(alice).get(f"/api/images/{image.pk}/").json()
    response = client_of(alice).get(row["file_url"])
    assert response["Content-Type"] == "image/png"
    assert "immutable" in response["Cache-Control"]
    assert b"".join(response.streaming_content) == encode_image()
    again = client_of(alice).get(row["file_url"], HTTP_IF_NONE_MATCH=response["ETag"])
    assert again.status_code == 304
