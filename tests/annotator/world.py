"""Helpers of the tests in this folder: pictures, masks, clients, and a data folder of its own for several processes.

The people are fixtures, in conftest.py: Alice owns, Bob is a member, Vera may only look, Charlie is a stranger.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Pillow
from rest_framework.test import APIClient

from annotator.models import User
from annotator.people import tokens
from segmentation import rle

ROOT = Path(__file__).resolve().parents[2]
BUNDLE_DIGEST = "b" * 64
IMAGE_HW = (6, 8)


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
        token, _ = tokens.make_for_password(user)
        client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def browser_of(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


def html(client: Client, url: str) -> str:
    """A page's source. Spaces and line ends in a row, which say nothing in HTML, are one space."""
    response = client.get(url)
    assert response.status_code == 200, url
    return " ".join(response.content.decode().split())


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

    def start(self, *command: str, cwd: Path = ROOT) -> subprocess.Popen:
        """A process in a group of its own; its output goes to a file beside the data."""
        log = open(self.data_dir / "process.log", "ab")
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=cwd,
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
