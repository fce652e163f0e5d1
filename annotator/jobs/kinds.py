"""The one table of the kinds of job. A new kind is a model, a runner and a row here.

A kind that stores files also has a chore in `annotator.worker.housekeeping`; one with states of its own also has a name
for these in the API's schema, in the settings' ENUM_NAME_OVERRIDES.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.module_loading import import_string

from annotator.jobs import wake_up
from annotator.models import BundleJob, DatasetVersion, EmbeddingJob, Export, Import, LeasedJob


@dataclass(frozen=True)
class JobKind:
    """One kind of job. Its functions are dotted paths: the rooms of rules and torch are not loaded by this table.

    Attributes:
        name: of the process and of the wake-ups of this kind, and the word for its jobs in reports.
        model: the table of its jobs.
        runner: path of the function that does one claimed job and ends with `queue.finish`.
        missing: path of a function that queues the jobs nobody asked for and returns their number; "" where there are
            none. A worker calls it with every look into the database.
        quick: path of a function that gives the takeable jobs that people wait for and that are soon done; "" where
            there are none. A process of their own does them, so that none of them waits for a long one.
        warm_up: path of a function that loads what quick jobs need, once one may come, and is called again and again.
        retry_command: a command that retries what failed; "" where only the admin panel can.
    """

    name: str
    model: type[LeasedJob]
    runner: str
    missing: str = ""
    quick: str = ""
    warm_up: str = ""
    retry_command: str = ""

    def run(self, job: LeasedJob) -> None:
        import_string(self.runner)(job)

    def add_missing(self) -> int:
        return import_string(self.missing)() if self.missing else 0

    @property
    def lanes(self) -> tuple[str, ...]:
        """A worker has a process for each: the kind's name, and another one where there are quick jobs."""
        return (self.name, f"{self.name}-quick") if self.quick else (self.name,)

    def takeable(self, lane: str) -> QuerySet[LeasedJob]:
        """What the process of a lane may claim, in the order of the queue."""
        if not self.quick:
            return self.model.takeable()
        quick = import_string(self.quick)()
        return quick if lane != self.name else self.model.takeable().exclude(pk__in=quick.values("pk"))

    def prepare(self, lane: str) -> None:
        """What the process of a lane does while nothing waits, so that the next job is done sooner."""
        if self.warm_up and lane != self.name:
            import_string(self.warm_up)()

    def wake(self) -> None:
        """Tells the workers, once the transaction is committed, that there are jobs of this kind."""
        for lane in self.lanes:
            wake_up.send(lane)


KINDS: dict[str, JobKind] = {
    kind.name: kind
    for kind in (
        JobKind(
            "embeddings",
            EmbeddingJob,
            runner="annotator.worker.runners.embeddings.run",
            missing="annotator.embeddings.queue.ensure_missing",
            quick="annotator.embeddings.stand_ins.takeable_jobs",
            warm_up="annotator.worker.runners.embeddings.load_stand_in",
            retry_command="manage.py embed --all --retry-failed",
        ),
        JobKind("exports", Export, runner="annotator.worker.runners.exports.run"),
        JobKind("versions", DatasetVersion, runner="annotator.worker.runners.versions.run"),
        JobKind("imports", Import, runner="annotator.worker.runners.imports.run"),
        JobKind("bundles", BundleJob, runner="annotator.worker.runners.bundles.run"),
    )
}


def kind_of(model: type[LeasedJob]) -> JobKind:
    return next(kind for kind in KINDS.values() if kind.model is model)
