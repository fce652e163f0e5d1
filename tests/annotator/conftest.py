"""A small world: Alice manages, Bob annotates, Vera views, Charlie is a stranger, Sam is staff."""

from __future__ import annotations

import io
import shutil
import uuid
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import storages

from annotator.annotations import saving
from annotator.embeddings import store as embedding_store
from annotator.media import intake
from annotator.models import Bundle, EmbeddingJob, Image, Project, User
from annotator.people import members
from annotator.projects import categories, projects
from segmentation.embedding_file import write_embedding
from tests.annotator.world import BUNDLE_DIGEST, Installation, annotation_body, encode_image


@pytest.fixture(autouse=True)
def own_folders(settings, tmp_path):
    """Every test has its own storage, bundles and decoders."""
    places = {"default": "media", "decoders": "decoders", "bundles": "bundles/by-digest"}
    settings.STORAGES = settings.STORAGES | {
        alias: settings.STORAGES[alias] | {"OPTIONS": {"location": tmp_path / place, "base_url": None}}
        for alias, place in places.items()
    }
    storages["default"].put_mark(is_new=True)
    settings.BUNDLE_DIRS = [tmp_path / "bundles"]
    settings.PRECISIONS_DIR = tmp_path / "precisions"
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns about a missing one
    return tmp_path


@pytest.fixture
def alice(db) -> User:
    return User.objects.create(username="alice")


@pytest.fixture
def bob(db) -> User:
    return User.objects.create(username="bob")


@pytest.fixture
def vera(db) -> User:
    return User.objects.create(username="vera")


@pytest.fixture
def charlie(db) -> User:
    return User.objects.create(username="charlie")


@pytest.fixture
def staff(db) -> User:
    return User.objects.create(username="sam", is_staff=True)


@pytest.fixture
def bundle(db) -> Bundle:
    """A row as `sync_bundles` makes it; for tests that never load the model."""
    return Bundle.objects.create(
        name="small",
        digest=BUNDLE_DIGEST,
        title="Small",
        family="sam",
        input_side=64,
        embedding={"image_embedding": [2, 4, 4]},
        manifest={"weights": {"file": "weights.safetensors"}},
        path="/nowhere",
        is_default=True,
    )


@pytest.fixture
def project(alice, bob, vera, bundle) -> Project:
    project = projects.create_project(alice, name="Cats", bundle=bundle)
    members.add_member(project, username="bob", role="annotator")
    members.add_member(project, username="vera", role="viewer")
    return project


@pytest.fixture
def category(project):
    return categories.create_category(project, name="cat", supercategory="animal")


@pytest.fixture
def image(project, alice) -> Image:
    return intake.ingest_image(project, io.BytesIO(encode_image()), "photo.png", alice).image


@pytest.fixture
def second_image(project, image, alice) -> Image:
    return intake.ingest_image(project, io.BytesIO(encode_image(seed=1)), "second.png", alice).image


@pytest.fixture
def annotation(image, category, bob):
    body = annotation_body(category)
    body["id"] = uuid.UUID(body["id"])
    return saving.create(image, author=bob, **body)[0]


@pytest.fixture
def ready_image(image, bundle) -> Image:
    """The image with an embedding in the store."""
    tensors = {"image_embedding": np.ones((2, 4, 4), np.float16)}
    content = write_embedding(tensors, bundle_digest=bundle.digest, image_hw=image.hw)
    embedding_store.save(bundle.digest, image.digest, content)
    EmbeddingJob.objects.filter(image=image).update(state="ready")
    return image


@pytest.fixture(scope="session")
def migrated_data_dir(tmp_path_factory) -> Path:
    """A data folder with an empty database, to be copied: migrating takes a second each time."""
    data_dir = tmp_path_factory.mktemp("migrated")
    Installation(data_dir).manage("migrate", "-v0")
    return data_dir


@pytest.fixture
def installation(tmp_path, migrated_data_dir) -> Installation:
    shutil.copytree(migrated_data_dir, tmp_path / "data")
    return Installation(tmp_path / "data", JOB_LEASE_S="5", JOB_SWEEP_INTERVAL_S="1")


@pytest.fixture(scope="session")
def tiny_dirs(tmp_path_factory):
    """Two bundles called tiny with different weights, and a third called other."""
    from segmentation.testing.tiny import make_tiny_bundle

    place = tmp_path_factory.mktemp("bundles")
    make_tiny_bundle(place / "first" / "tiny", seed=0)
    make_tiny_bundle(place / "second" / "tiny", seed=1)
    make_tiny_bundle(place / "third" / "other", seed=2, name="other")
    return place


@pytest.fixture
def installed(db, tiny_dirs, own_folders):
    """`put("first")` lays that bundle into the place where bundles are looked for."""
    place = own_folders / "bundles"

    def put(which: str) -> None:
        for source in (tiny_dirs / which).iterdir():
            shutil.rmtree(place / source.name, ignore_errors=True)
            shutil.copytree(source, place / source.name)

    return put
