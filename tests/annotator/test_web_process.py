"""The web process: what it must never load, and what it makes on its first start."""

from __future__ import annotations

import stat
import sys
from concurrent.futures import ThreadPoolExecutor

from annotator.site.secret_key import read_or_make_secret_key


def test_the_web_process_never_imports_torch(installation):
    printed = installation.python(
        """
import sys
import annotator.wsgi
from django.test import Client
from django.urls import get_resolver
get_resolver().url_patterns
Client().get("/api/bundles/"), Client().get("/api/schema/"), Client().get("/admin/login/")
heavy = {"torch", "transformers", "onnx", "onnxruntime"} & set(sys.modules)
print(sorted(heavy))
"""
    )
    assert printed.strip().splitlines()[-1] == "[]"


def test_the_secret_key_is_made_once_and_only_for_its_owner(tmp_path):
    path = tmp_path / "keys" / "secret_key"
    path.parent.mkdir()
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: read_or_make_secret_key(path), range(8)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]


def test_sqlite_runs_in_wal_mode_with_immediate_transactions(installation):
    printed = installation.python(
        """
from django.conf import settings
from django.db import connection
with connection.cursor() as cursor:
    print(cursor.execute("PRAGMA journal_mode").fetchone()[0])
print(settings.DATABASES["default"]["OPTIONS"]["transaction_mode"], settings.DEBUG)
"""
    )
    assert printed.split() == ["wal", "IMMEDIATE", "False"]


def test_servers_are_set_by_the_environment(installation, tmp_path):
    for package in ("psycopg", "redis"):  # which this environment need not have
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    installation.environment |= {
        "DATABASE_URL": "postgres://user:secret@db:5433/masks",
        "CELERY_BROKER_URL": "redis://queue:6379/0",
    }
    printed = installation._finished(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.append({str(tmp_path)!r});"
            "from annotator import settings as s; d = s.DATABASES['default']; print(d['ENGINE'], d['HOST'], d['PORT'],"
            "d['NAME'], s.CELERY_BROKER_URL, s.CELERY_BROKER_TRANSPORT_OPTIONS)",
        ]
    )
    assert printed.strip() == "django.db.backends.postgresql db 5433 masks redis://queue:6379/0 {}"


def test_the_migrations_are_up_to_date(installation):
    assert "No changes" in installation.manage("makemigrations", "--check", "--dry-run")
