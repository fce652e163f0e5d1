"""A kind of job is one row: the toys of `toy_jobs` are worked on and listed like every other kind."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from django.utils.module_loading import import_string

from annotator.jobs.kinds import KINDS
from tests.annotator.site import Site, children_of

pytestmark = pytest.mark.slow


@pytest.fixture
def site(migrated_data_dir, tmp_path):
    shutil.copytree(migrated_data_dir, tmp_path / "data")
    site = ToySite(
        tmp_path / "data",
        DJANGO_SETTINGS_MODULE="tests.annotator.toy_jobs.settings",
        JOB_LEASE_S="3",
        JOB_SWEEP_INTERVAL_S="1",
        JOB_RETRY_DELAY_S="1",
    )
    site.manage("migrate", "-v0", "--run-syncdb")
    yield site
    site.kill_workers()


class ToySite(Site):
    def add(self, **columns: object) -> None:
        self.python(f"from tests.annotator.toy_jobs.models import Toy\nToy.objects.create(**{columns!r})")

    def states(self) -> list[str]:
        return [state for (state,) in self.rows("select state from toys_toy order by id")]

    def attempts(self) -> list[int]:
        return [count for (count,) in self.rows("select attempts from toys_toy order by id")]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_the_paths_of_a_row_lead_to_functions(kind):
    for path in filter(None, [kind.runner, kind.missing]):
        assert callable(import_string(path))


def test_a_job_of_a_new_kind_is_made_and_survives_its_process(site):
    site.add()
    worker = site.start_worker("--only", "toys")
    site.wait(lambda: site.states() == ["ready"], "the toy is made")
    assert site.rows("select made_by from toys_toy") == site.rows(
        "select name from annotator_workerheartbeat"
    )

    site.add(takes_s=3)
    site.wait(lambda: site.states() == ["ready", "running"], "the second toy is being made")
    for child in children_of(worker):
        os.kill(child, signal.SIGKILL)
    site.wait(lambda: site.states() == ["ready", "ready"], "the second toy is made")
    assert site.attempts() == [1, 2]


def test_a_job_of_a_new_kind_is_taken_over_when_its_lease_runs_out(site):
    site.add(takes_s=3)
    site.start_worker("--only", "toys")
    site.wait(lambda: site.states() == ["running"], "the toy is being made")
    site.kill_workers()
    assert site.states() == ["running"]
    site.start_worker()
    site.wait(lambda: site.states() == ["ready"], "another worker has made the toy")
    assert site.attempts() == [2]


def test_a_failed_job_of_a_new_kind_is_listed_and_retried(site):
    site.add(is_broken=True)
    site.start_worker("--only", "toys")
    site.wait(lambda: site.states() == ["failed"], "the toy has failed")
    assert site.attempts() == [3]

    printed = site.python(
        """
from django.contrib.auth import get_user_model
from django.test import Client
from annotator.operations import doctor
from tests.annotator.toy_jobs.models import Toy
browser = Client(headers={"host": "localhost"})
browser.force_login(get_user_model().objects.create_superuser("boss"))
overview = browser.get("/admin/").content.decode()
print("Toys failed" in overview and "/admin/toys/toy/?state__exact=failed" in overview)
try:
    doctor.check_jobs()
except doctor.Unwell as problem:
    print(problem)
Toy.objects.update(is_broken=False)
print(browser.get("/admin/toys/toy/").status_code)
action = {"action": "retry_failed", "_selected_action": [Toy.objects.get().pk]}
print("1 failed toys wait" in browser.post("/admin/toys/toy/", action, follow=True).content.decode())
"""
    )
    assert printed.splitlines() == [
        "True",
        "1 toys failed, the newest (toy 1: failed) with: A wheel is off.",
        "200",
        "True",
    ]
    site.wait(lambda: site.states() == ["ready"], "the mended toy is made")
