"""The order of a project's images is a column of its own, and pixels may come again where they are no uploads."""

from __future__ import annotations

import io

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError
from django.test import Client

from annotator.datasets import records
from annotator.embeddings import queue as embedding_queue
from annotator.media import intake
from annotator.models import EmbeddingJob, Image
from tests.annotator.world import client_of, encode_image


@pytest.fixture
def album(project) -> list[Image]:
    """Three images whose order is no longer the one they came in: third, first, second."""
    images = [
        intake.ingest_image(project, io.BytesIO(encode_image(seed=seed)), f"{seed}.png").image
        for seed in range(3)
    ]
    third_first = [images[2], images[0], images[1]]
    for position, image in enumerate(third_first, 1):
        Image.objects.filter(pk=image.pk).update(position=position)
    return [Image.objects.get(pk=image.pk) for image in third_first]


def test_an_upload_is_put_at_the_end(project, album, alice):
    new = intake.ingest_image(project, io.BytesIO(encode_image(seed=9)), "new.png").image
    assert list(Image.objects.filter(project=project)) == [*album, new]
    assert new.position == 4


def test_the_api_lists_images_by_position_and_says_it(alice, project, album):
    listed = client_of(alice).get(f"/api/projects/{project.pk}/images/").json()["results"]
    assert [(row["id"], row["position"]) for row in listed] == [
        (image.pk, i) for i, image in enumerate(album, 1)
    ]
    backwards = (
        client_of(alice).get(f"/api/projects/{project.pk}/images/?ordering=-position").json()["results"]
    )
    assert [row["id"] for row in backwards] == [image.pk for image in reversed(album)]


def test_the_workbench_goes_on_by_position(alice, album):
    client = Client()
    client.force_login(alice)
    siblings = [client.get(f"/images/{image.pk}/annotate/scene/").json()["siblings"] for image in album]
    first, second, third = (image.pk for image in album)
    assert siblings == [
        {"previous": None, "next": second, "next_open": second, "position": 1, "total": 3},
        {"previous": first, "next": third, "next_open": third, "position": 2, "total": 3},
        {"previous": second, "next": None, "next_open": first, "position": 3, "total": 3},
    ]


def test_images_of_one_position_and_name_follow_each_other_as_they_came(album):
    Image.objects.update(position=7, name_key="")
    first, second, third = Image.objects.all()
    assert first.pk < second.pk < third.pk
    assert list(Image.objects.following(first)) == [second, third]


def test_annotating_goes_on_with_the_first_position_that_is_not_done(alice, project, album):
    client = Client()
    client.force_login(alice)
    address = f"/projects/{project.pk}/continue/"
    assert client.get(address).url == f"/images/{album[0].pk}/annotate/"
    Image.objects.filter(pk=album[0].pk).update(state="done")
    assert client.get(address).url == f"/images/{album[1].pk}/annotate/"


def test_the_images_after_the_opened_one_are_prepared_next(album):
    embedding_queue.open_image(album[0])
    waiting = EmbeddingJob.objects.order_by("priority", "queued_at", "pk")
    assert waiting.first().image == album[0]
    assert {job.image for job in waiting.filter(priority=EmbeddingJob.Priority.NEXT)} == set(album[1:])


def test_an_export_has_the_order_of_the_project(project, album, monkeypatch):
    monkeypatch.setattr(records, "BATCH_IMAGES", 2)
    assert [record.id for record in records.build(project).images] == [image.pk for image in album]


def frame_of(image: Image, **changes) -> Image:
    columns = ("project", "name", "width", "height", "digest", "content_type", "size_bytes")
    values = {name: getattr(image, name) for name in columns} | {"source": Image.Source.FRAME}
    return Image.objects.create(**values | changes)


def test_frames_of_equal_pixels_are_images_of_their_own(image):
    frames = [frame_of(image, position=position) for position in (2, 3)]
    assert list(Image.objects.filter(digest=image.digest)) == [image, *frames]


def test_an_upload_whose_pixels_only_a_frame_has_is_no_duplicate(project, image):
    Image.objects.update(source=Image.Source.FRAME)
    uploaded = intake.ingest_image(project, io.BytesIO(encode_image()), "still.png")
    assert not uploaded.duplicate and uploaded.image != image
    assert intake.ingest_image(project, io.BytesIO(encode_image()), "again.png").image == uploaded.image


def test_the_database_lets_no_upload_in_twice(image):
    with pytest.raises(IntegrityError):
        frame_of(image, source=Image.Source.UPLOAD)


def test_deleting_one_of_two_equal_frames_keeps_the_other_ones_embedding(image, ready_image, bundle):
    from annotator.embeddings import store
    from annotator.media import removal

    other = frame_of(image, position=2)
    removal.delete_images([image])
    assert default_storage.exists(store.file_name(bundle.digest, other.digest))
