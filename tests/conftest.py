"""Gives every test run a data folder of its own before Django's settings are read.

pytest-django would read the settings before any conftest if DJANGO_SETTINGS_MODULE stood in pyproject.toml, and then
the developer's real `./data` would be used; so it is set here, after DATA_DIR.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# xdist's workers inherit the controller's environment and share its folder; their databases are separate.
OWNS_DATA_DIR = "PYTEST_XDIST_WORKER" not in os.environ
if OWNS_DATA_DIR:
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="maskwright-tests-")
    for name in (
        "DATABASE_URL",
        "CELERY_BROKER_URL",
        "MASKWRIGHT_DEMO_PASSWORD",
        "ALLOWED_HOSTS",
        "HOST",
        "PORT",
    ):
        os.environ.pop(name, None)
    # The tests of one process on another database: postgres://user@host/name, whose user may make databases.
    if other := os.environ.get("MASKWRIGHT_TEST_DATABASE_URL"):
        os.environ["DATABASE_URL"] = other
    # Exact, whichever processor the tests run on.
    os.environ["ENCODER_PRECISION"] = "float32"
    os.environ["ENCODER_BACKEND"] = "torch"

if (ROOT / "annotator" / "settings.py").exists():
    os.environ["DJANGO_SETTINGS_MODULE"] = "annotator.settings"
    import django

    django.setup()


def pytest_unconfigure(config: pytest.Config) -> None:
    if OWNS_DATA_DIR:
        shutil.rmtree(os.environ["DATA_DIR"], ignore_errors=True)
