"""Versions of a dataset: a named state of a project that never changes, and what changed between two of them.

`annotator.worker.runners.versions` makes the files. `exporters.snapshot` says what is in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import IO

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator.datasets import records
from annotator.datasets.errors import VersionInUse, VersionNotReady
from annotator.errors import InvalidValue
from annotator.files import stored, unowned
from annotator.jobs import queue
from annotator.jobs.kinds import kind_of
from annotator.models import DatasetVersion, Export, Image, Project, User
from exporters import snapshot
from exporters.errors import InvalidRecord
from exporters.records import DatasetRecord

State = DatasetVersion.State
FOLDER = "versions/"


def create(project: Project, user: User | None, *, name: str = "", note: str = "") -> DatasetVersion:
    """Queues a version of the project's state.

    Args:
        name: "" takes the next number: v1, v2 and so on.

    Raises:
        InvalidValue: the project has a version of that name.
    """
    with transaction.atomic():
        # Two people at once shall not take the same number.
        Project.objects.select_for_update().filter(pk=project.pk).first()
        name = name.strip() or _next_name(project)
        _refuse_taken(project, name)
        version = DatasetVersion.objects.create(
            project=project, name=name, note=note, named_as=name, named_in=project.name, created_by=user
        )
        kind_of(DatasetVersion).wake()
    return version


def rename(version: DatasetVersion, *, name: str | None = None, note: str | None = None) -> DatasetVersion:
    """Changes what people call a version; what is in it, and what its exports call it, never changes.

    Raises:
        InvalidValue: as `create`.
    """
    name = version.name if name is None else name.strip()
    if not name:
        raise InvalidValue("A version needs a name.", fields={"name": ["Give it a name."]})
    if name.lower() != version.name.lower():
        _refuse_taken(version.project, name)
    version.name, version.note = name, version.note if note is None else note
    try:
        with transaction.atomic():
            version.save(update_fields=["name", "note"])
    except IntegrityError:
        raise _taken(name) from None
    return version


def cancel_or_delete(version: DatasetVersion) -> None:
    """Gives up a version that is being made; deletes one that is there, file and all.

    Raises:
        VersionInUse: an export of it waits or runs.
    """
    with transaction.atomic():
        row = DatasetVersion.objects.select_for_update().filter(pk=version.pk)
        names = list(row.values_list("file", flat=True))
        if Export.objects.filter(version=version, state__in=[State.QUEUED, State.RUNNING]).exists():
            raise VersionInUse(
                f"An export of {version.name} is being made. Wait for it, or cancel it, then delete the version."
            )
        unowned.note(names)
        row.delete()
        transaction.on_commit(lambda: unowned.discard(names))


def dataset(version: DatasetVersion) -> DatasetRecord:
    """The state as records; its pictures are those of the images that are still there.

    Raises:
        VersionNotReady: it is still being made.
        UnreadableFile: its file is damaged.
    """
    counts = snapshot.Snapshot(version.digest, version.image_count, version.annotation_count)
    read = snapshot.read(partial(lines, version), _open_picture, counts=counts)
    return replace(
        read,
        name=version.named_in,
        description=version.named_as,
        # The same version gives the same file whenever it is exported.
        created_at=version.created_at,
    )


def lines(version: DatasetVersion) -> Iterator[bytes]:
    """As `exporters.snapshot` compares them. Raises VersionNotReady and UnreadableFile."""
    if version.state != State.READY:
        raise VersionNotReady(f"The version {version.name} is {version.state}.")
    return snapshot.lines_in(lambda: stored.open_file(version.file))


def difference(before: DatasetVersion, after: DatasetVersion | None) -> snapshot.Difference:
    """What changed from one version to another, or to the project as it is now. Raises as `lines`."""
    now = partial(lines, after) if after else lambda: snapshot.lines_of(records.build(before.project))
    return snapshot.difference(partial(lines, before), now)


def sweep_unowned(min_age_s: float = unowned.MIN_AGE_S) -> list[str]:
    """Removes version files that a killed process left without a row; returns their names."""
    return unowned.sweep(FOLDER, min_age_s)


def finish(version: DatasetVersion, name: str, made: snapshot.Snapshot, size_bytes: int) -> None:
    """Records the file of a claimed version, and the moment it shows. Raises LeaseLost."""
    with transaction.atomic():
        queue.finish(
            version,
            file=name,
            size_bytes=size_bytes,
            digest=made.digest,
            image_count=made.image_count,
            annotation_count=made.annotation_count,
            created_at=timezone.now(),
        )
        unowned.strike_out([name])


def _open_picture(image_id: int) -> IO[bytes]:
    image = Image.with_deleted.filter(pk=image_id).first()
    if image is None:
        raise InvalidRecord(
            f"the picture of image {image_id} was removed for good; export this version without pictures"
        )
    return records.open_picture(image)


def _next_name(project: Project) -> str:
    taken = {name.lower() for name in project.dataset_versions.values_list("name", flat=True)}
    number = len(taken) + 1
    while f"v{number}" in taken:
        number += 1
    return f"v{number}"


def _refuse_taken(project: Project, name: str) -> None:
    if project.dataset_versions.filter(name__iexact=name).exists():
        raise _taken(name)


def _taken(name: str) -> InvalidValue:
    return InvalidValue(
        f"There is a version {name!r} already; choose another name.",
        fields={"name": ["There is a version of this name already."]},
    )
