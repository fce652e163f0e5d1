"""What the command line says where a command is stopped, or may not read the data folder; what the doctor warns of."""

from __future__ import annotations

import logging

import pytest
from django.utils import timezone

from annotator import cli
from annotator.models import BundleJob
from annotator.operations import doctor


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt(), 130),
        (
            PermissionError(13, "Permission denied", "/data/secret_key"),
            "/data/secret_key may not be read or written",
        ),
    ],
)
def test_no_traceback_is_shown(monkeypatch, error, said):
    def command(arguments):
        raise error

    monkeypatch.setattr("django.core.management.execute_from_command_line", command)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == said or str(ended.value.code).startswith(str(said))


def test_requests_of_downloads_are_no_news():
    assert not logging.getLogger("httpx2").isEnabledFor(logging.INFO)


def test_a_failed_job_about_a_model_is_a_warning(db):
    BundleJob.objects.create(
        action="install", name="edge-sam", state="failed", error="no route", finished_at=timezone.now()
    )
    found = doctor._ask("jobs", doctor.check_jobs)
    assert (found.ok, found.is_warning) == (True, True)
    assert found.message.startswith(
        "1 job about models failed, the newest (install of edge-sam: failed) with: no"
    )
