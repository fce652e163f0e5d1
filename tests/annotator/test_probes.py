"""/healthz, /readyz, /metrics and what a line of the log says."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError
from django.test import Client

from annotator.operations import health
from annotator.site import metrics_folder, storage_mark
from annotator.site.log_context import ContextFilter, about_job
from tests.annotator.world import browser_of, client_of

TOKEN = "let-me-count"


@pytest.fixture
def scrape(settings):
    settings.METRICS_TOKEN = TOKEN

    def figures() -> dict[str, float]:
        answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    return figures


def test_a_process_that_answers_is_healthy_whatever_its_database_does_and_whoever_asks(settings):
    settings.ALLOWED_HOSTS = ["annotate.example.org"]
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/healthz", headers={"Host": "10.1.2.3:8000"})  # no database in this test
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert Client().post("/healthz").status_code == 405


@pytest.mark.django_db
def test_a_server_is_ready_while_database_and_storage_are_there(monkeypatch):
    assert Client().get("/readyz").json() == {"database": "ok", "storage": "ok"}

    monkeypatch.setattr(storage_mark, "why_away", lambda: "the disk is not mounted")
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["storage"]) == (503, "away")


@pytest.mark.django_db
def test_a_server_whose_database_is_away_or_outdated_is_not_ready(monkeypatch):
    monkeypatch.setattr(health, "_has_been_current", False)
    monkeypatch.setattr(health.migrations, "count_pending", lambda: 1)
    assert Client().get("/readyz").json()["database"] == "outdated"

    def refused():
        raise OperationalError("connection refused")

    monkeypatch.setattr(health.connection, "cursor", refused)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "away")


def test_metrics_are_for_those_who_have_the_token(settings):
    assert Client().get("/metrics").status_code == 404
    settings.METRICS_TOKEN = TOKEN
    assert Client().get("/metrics").status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer let-me"}).status_code == 401


def test_metrics_say_what_was_asked_saved_and_refused_and_what_waits(scrape, bob, image, annotation):
    saves = 'maskwright_requests_total{method="PATCH",status="200",view="api:annotation"}'
    conflicts = 'maskwright_requests_total{method="PATCH",status="409",view="api:annotation"}'
    before = scrape()
    client, address = client_of(bob), f"/api/annotations/{annotation.pk}/"
    assert client.patch(address, {"version": 1, "clicks": 5}, format="json").status_code == 200
    assert client.patch(address, {"version": 1, "clicks": 6}, format="json").status_code == 409
    browser_of(None).post("/login/", {"username": "bob", "password": "wrong"})
    assert client.post("/api/timings/", {"decode_ms": [4, 12]}, format="json").status_code == 204
    after = scrape()

    def more(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert (more(saves), more(conflicts), more("maskwright_sign_in_failures_total")) == (1, 1, 1)
    assert more("maskwright_decode_seconds_count") == 2
    assert more('maskwright_decode_seconds_bucket{le="0.005"}') == 1
    assert after['maskwright_jobs{kind="embeddings",state="queued"}'] == 1
    assert after['maskwright_oldest_waiting_seconds{kind="embeddings"}'] > 0
    assert after['maskwright_oldest_waiting_seconds{kind="exports"}'] == 0
    assert after["maskwright_disk_free_bytes"] > 0


def test_the_processes_of_one_server_count_together(tmp_path: Path):
    """Two processes with one parent, as gunicorn's; a folder of a server that has ended goes away."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / "tmp" / "metrics" / str(gone.pid)
    left.mkdir(parents=True)
    code = (
        "import pathlib, sys; from annotator.site import metrics_folder;"
        "metrics_folder.prepare(pathlib.Path(sys.argv[1]));"
        "import django; django.setup(); from annotator.operations import metrics;"
        "metrics.SIGN_IN_FAILURES.inc();"
        "from prometheus_client import CollectorRegistry, generate_latest;"
        "from prometheus_client.multiprocess import MultiProcessCollector;"
        "registry = CollectorRegistry(); MultiProcessCollector(registry);"
        "print(generate_latest(registry).decode())"
    )
    environment = {name: value for name, value in os.environ.items() if name != metrics_folder.VARIABLE}
    environment |= {"DJANGO_SETTINGS_MODULE": "annotator.settings", "DATA_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            env=environment | {"PYTHONPATH": str(django_settings.BASE_DIR)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert "maskwright_sign_in_failures_total 1.0" in said[0]
    assert "maskwright_sign_in_failures_total 2.0" in said[1]
    assert not left.exists()


# --- the log ---
def test_a_request_has_an_id_which_the_answer_and_the_log_carry(bob, image, caplog):
    caplog.handler.addFilter(ContextFilter())
    client = client_of(bob)
    with caplog.at_level(logging.WARNING):
        answer = client.get("/api/images/999999/", headers={"X-Request-ID": "from-the-proxy.1"})
    assert answer.headers["X-Request-ID"] == "from-the-proxy.1"
    [record] = [record for record in caplog.records if record.name == "django.request"]
    assert (record.request_id, record.user_id, record.job_id) == ("from-the-proxy.1", bob.pk, "")

    made = client.get("/api/me/", headers={"X-Request-ID": "two\nlines"}).headers["X-Request-ID"]
    assert len(made) == 32 and made.isalnum()


def test_json_logs_name_the_job(capfd):
    from django.utils.module_loading import import_string

    settings_of_json = dict(django_settings.JSON_LINE)
    formatter = import_string(settings_of_json.pop("()"))(**settings_of_json)
    record = logging.LogRecord("annotator.worker", logging.ERROR, __file__, 1, "it failed", (), None)
    with about_job("exports:17"):
        ContextFilter().filter(record)
    line = json.loads(formatter.format(record))
    assert (line["message"], line["job_id"], line["level"]) == ("it failed", "exports:17", "ERROR")
