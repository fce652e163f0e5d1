"""A small world: Alice manages, Bob annotates, Vera views, Charlie is a stranger, Sam is staff."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Pillow
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from annotator.annotations import saving
from annotator.embeddings import store as embedding_store
from annotator.media import intake
from annotator.models import Bundle, EmbeddingJob, Image, Project, User
from annotator.people import members
from annotator.projects import categories, projects
from segmentation import rle
from segmentation.embedding_file import write_embedding

ROOT = Path(__file__).resolve().parents[2]
BUNDLE_DIGEST = "b" * 64
IMAGE_HW = (6, 8)


@pytest.fixture(autouse=True)
def own_folders(settings, tmp_path):
    """Every test has its own storage, bundles and decoders."""
    settings.STORAGES = settings.STORAGES | {
        "default": settings.STORAGES["default"]
        | {"OPTIONS": {"location": tmp_path / "media", "base_url": None}}
    }
    settings.DECODER_DIR = tmp_path / "decoders"
    settings.BUNDLE_DIRS = [tmp_path / "bundles"]
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns about a missing one
    return tmp_path


def encode_image(
    hw: tuple[int, int] = IMAGE_HW, seed: int = 0, format: str = "PNG", mode: str = "RGB", **options
) -> bytes:
    """A noisy picture of (height, width) pixels as an encoded file; another seed, other pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*hw, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Pillow.fromarray(pixels).convert(mode).save(stream, format, **options)
    return stream.getvalue()


def upload(content: bytes, name: str = "photo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def client_of(user: User | None) -> APIClient:
    client = APIClient()
    if user:
        token, _ = Token.objects.get_or_create(user=user)
        client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return client


def rectangle_rle(hw: tuple[int, int] = IMAGE_HW, top=1, left=2, height=2, width=3) -> dict:
    mask = np.zeros(hw, bool)
    mask[top : top + height, left : left + width] = True
    return rle.encode(mask)


def annotation_body(category, **changes) -> dict:
    return {
        "id": str(uuid.uuid4()),
        "category": category.pk,
        "segmentation": rectangle_rle(),
        "prompt": {
            "point_coords": [[3.5, 2.0]],
            "point_labels": [1],
            "box": None,
            "box_step": None,
            "mask_indices": [2],
        },
        "predicted_iou": 0.9,
        "stability_score": 0.95,
        "bundle_digest": "",
        "time_spent_s": 1.5,
        "clicks": 1,
    } | changes


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
        manifest={},
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


class Installation:
    """A data folder of its own with a real SQLite file, for tests with several processes."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.environment = os.environ | {
            "DATA_DIR": str(data_dir),
            "DJANGO_SETTINGS_MODULE": "annotator.settings",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        self.environment |= environment

    def python(self, code: str) -> str:
        """Runs code after django.setup(); what it printed."""
        return self._finished([sys.executable, "-"], input=f"import django; django.setup()\n{code}")

    def manage(self, *arguments: str) -> str:
        return self._finished([sys.executable, "manage.py", *arguments])

    def start(self, *command: str) -> subprocess.Popen:
        """A process in a group of its own; its output goes to a file beside the data."""
        log = open(self.data_dir / "process.log", "ab")
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _finished(self, command: list[str], **options) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120, **options
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


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
