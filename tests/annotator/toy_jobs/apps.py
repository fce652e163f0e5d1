from django.apps import AppConfig


class ToyJobsConfig(AppConfig):
    name = "tests.annotator.toy_jobs"
    label = "toys"

    def ready(self) -> None:
        from annotator.jobs.kinds import KINDS, JobKind
        from tests.annotator.toy_jobs.models import Toy

        KINDS["toys"] = JobKind("toys", Toy, runner="tests.annotator.toy_jobs.runner.run")
