"""What can be wrong with an installation, one question each, with what to do about it."""

from __future__ import annotations

import random
import re
import shutil
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, OperationalError, connection
from django.db.models import QuerySet
from django.test import Client

from annotator.bundles import decoders
from annotator.bundles.encoders import open_encoder
from annotator.bundles.folders import folder_of
from annotator.embeddings import store as embedding_store
from annotator.embeddings.figures import mean_recent_ms
from annotator.jobs import report, wake_up
from annotator.jobs.kinds import KINDS
from annotator.models import Bundle, BundleJob, EmbeddingJob, Image, LeasedJob, WorkerHeartbeat
from annotator.site import migrations, storage_mark
from annotator.site.middleware import ISOLATION_HEADERS

State = LeasedJob.State

READABLE_BY_OTHERS = stat.S_IRWXO
MIN_FREE_BYTES = 1_000_000_000
# Without these the workbench does not start.
STATIC_FILES = ("css/site.css", "js/pages/annotate.js", "js/decoder/decoder-worker.js", "admin/css/base.css")
FILES_LOOKED_FOR = 50  # the newest, and as many from anywhere
STATIC_FOLDERS = ("vendor/ort",)  # onnxruntime-web, copied from npm


class Unwell(Exception):
    """A check that failed.

    Attributes:
        advice: what to do.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class Doubtful(Unwell):
    """Worth a look, and nothing that keeps people from working."""


@dataclass(frozen=True)
class Finding:
    """`is_warning`: not as it should be, though the check has not failed."""

    name: str
    ok: bool
    message: str
    advice: str = ""
    is_warning: bool = False


def examine() -> list[Finding]:
    """Runs every check; one that fails does not stop the others, except that most need the database."""
    findings = [_ask(name, check) for name, check in CHECKS_WITHOUT_DATABASE.items()]
    findings.insert(0, _ask("database", check_database))
    if findings[0].ok:
        findings += [_ask(name, check) for name, check in CHECKS_WITH_DATABASE.items()]
    return findings


def _ask(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except Doubtful as problem:
        return Finding(name, True, str(problem), problem.advice, is_warning=True)
    except Unwell as problem:
        return Finding(name, False, str(problem), problem.advice)
    except Exception as error:  # a doctor that falls over the illness helps nobody
        return Finding(name, False, f"{type(error).__name__}: {error}", "This was not expected; see the log.")


# --- checks: a sentence about what is well, or Unwell ---


def check_database() -> str:
    try:
        connection.ensure_connection()
        pending = migrations.count_pending()
    except OperationalError as error:
        raise Unwell(f"cannot be reached: {error}", _advice_on_database(str(error))) from error
    except DatabaseError as error:
        raise Unwell(f"cannot be read: {error}", _advice_on_database(str(error))) from error
    except migrations.NewerDatabase as error:
        raise Unwell("is of a newer version", str(error)) from error
    if pending:
        raise Unwell(f"{pending} migrations are not applied", "Run: manage.py migrate")
    name = settings.DATABASES["default"]["NAME"]
    return f"{connection.vendor}, {name}, all migrations applied"


def _advice_on_database(said: str) -> str:
    if connection.vendor != "sqlite":
        return "Start it, or set DATABASE_URL."
    name = settings.DATABASES["default"]["NAME"]
    if "malformed" in said or "not a database" in said:
        return (
            f"{name} is damaged. Stop the site, keep a copy, and put a backup in its place; without one, try: "
            f"sqlite3 {name} .recover | sqlite3 mended.sqlite3"
        )
    if "locked" in said:
        return "Another program holds it: a backup, or a command that was stopped half way. End it and look again."
    return f"May this user read and write {name} and its folder? Is the disk full? Or set DATABASE_URL."


def check_storage() -> str:
    if problem := storage_mark.why_away():
        raise Unwell("is away", problem)
    probe = f"doctor/{time.time_ns()}"
    content = b"maskwright"
    try:
        name = default_storage.save(probe, ContentFile(content))
        with default_storage.open(name, "rb") as file:
            same = file.read() == content
        default_storage.delete(name)
    except OSError as error:
        raise Unwell(
            f"cannot be written: {error}",
            f"Give this user the right to write in {settings.DATA_DIR}, or set DATA_DIR.",
        ) from error
    if not same:
        raise Unwell("gives back something else than was written", "Check the disk.")
    free_bytes = shutil.disk_usage(settings.DATA_DIR).free
    if free_bytes < MIN_FREE_BYTES:
        raise Unwell(
            f"only {free_bytes / 1e6:.0f} MB are free in {settings.DATA_DIR}",
            "Make room: an embedding takes about 2 MB per image, exports with images as much as the images.",
        )
    return f"writable, {settings.DATA_DIR}, {free_bytes / 1e9:.0f} GB free"


def check_data_folder() -> str:
    """Passwords' hashes, people's pictures and the secret key are nobody's but this user's."""
    folder = settings.DATA_DIR
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & READABLE_BY_OTHERS:
        raise Doubtful(
            f"other users of this machine can look into {folder} (mode {mode:03o})",
            f"Run: chmod 700 {folder}    (or, where a group serves files from it, 750)",
        )
    return (
        f"{folder} is for its owner alone"
        if not mode & stat.S_IRWXG
        else f"{folder} is closed but to its group"
    )


def check_broker() -> str:
    transport = settings.CELERY_BROKER_URL.split("://", 1)[0]
    try:
        wake_up.check_carrier()
    except Exception as error:  # each transport raises exceptions of its own client library
        raise Unwell(
            f"{transport} does not answer: {error}",
            "Start it, or set CELERY_BROKER_URL. Jobs still run, but only as often as workers look by themselves.",
        ) from error
    return f"{transport} answers"


def check_headers() -> str:
    host = next(
        (name for name in settings.ALLOWED_HOSTS if name not in {"*"} and not name.startswith(".")),
        "localhost",
    )
    response = Client(headers={"host": host}).get("/login/", secure=settings.HTTPS)
    if response.status_code != 200:
        raise Unwell(f"/login/ answers with {response.status_code}", "See the web server's log.")
    wrong = [name for name, value in ISOLATION_HEADERS.items() if response.headers.get(name) != value]
    if wrong:
        raise Unwell(
            f"the pages lack {', '.join(wrong)}: the browser then gives the decoder one thread only",
            "Is annotator.site.middleware.SecurityHeadersMiddleware in MIDDLEWARE? A proxy must keep the headers.",
        )
    return "pages are cross-origin isolated (COOP, COEP, CORP)"


def check_static() -> str:
    missing = [name for name in STATIC_FILES if not finders.find(name)]
    missing += [name for name in STATIC_FOLDERS if not _folder_has_files(settings.WEB_DIR / "static" / name)]
    if missing:
        raise Unwell(
            f"the source has no {', '.join(missing)}", "Install the package again; in a checkout: make setup"
        )
    root = Path(settings.STATIC_ROOT)
    if not _folder_has_files(root):
        raise Unwell(f"nothing is collected in {root}", "Run: manage.py collectstatic --noinput")
    try:
        stale = [name for name in STATIC_FILES if not staticfiles_storage.exists(_stored_name(name))]
    except ValueError as error:  # a manifest that does not know the name
        raise Unwell(str(error), "Run: manage.py collectstatic --noinput") from error
    if stale:
        raise Unwell(f"{', '.join(stale)} are not collected", "Run: manage.py collectstatic --noinput")
    return f"collected in {root}"


def check_files() -> str:
    """Whether the files are there that the tables tell of, the newest ones and some of all: a restored database beside
    another day's files, or a folder that somebody cleared out."""
    images = Image.with_deleted.exclude(file="")
    shown = _some_of(images)
    gone = [image for image in shown if not default_storage.exists(str(image.file))]
    if gone:
        raise Unwell(
            f"{len(gone)} of {len(shown)} pictures looked for are gone, such as {gone[0].file} of the image "
            f"{gone[0].name} in {gone[0].project}",
            "Put them back from a backup. What is lost for good: delete those images.",
        )
    jobs = EmbeddingJob.objects.filter(state=State.READY).select_related("bundle", "image")
    ready = _some_of(jobs)
    damaged = sum(not _is_sound(job) for job in ready)
    if damaged:
        raise Doubtful(
            f"{damaged} of {len(ready)} embeddings looked at are gone or damaged",
            "Each is made anew when its image is opened. Many of them: look for the cause, which may be the disk.",
        )
    return (
        f"{len(shown)} of {images.count()} pictures and {len(ready)} of {jobs.count()} embeddings looked for"
    )


def _some_of(rows: QuerySet) -> list:
    """The newest rows, and others from anywhere."""
    newest = list(rows.order_by("-pk")[:FILES_LOOKED_FOR])
    highest = newest[0].pk if newest else 0
    anywhere = {random.randint(1, highest) for _ in range(FILES_LOOKED_FOR)} if newest else set()
    return newest + list(rows.filter(pk__in=anywhere - {row.pk for row in newest}))


def _is_sound(job: EmbeddingJob) -> bool:
    try:
        return embedding_store.is_sound(job, thoroughly=True)
    except FileNotFoundError:
        return False


def check_worker() -> str:
    alive = list(report.alive_workers())
    if not alive:
        last = WorkerHeartbeat.objects.first()
        seen = (
            f"the last one was seen at {last.last_seen:%Y-%m-%d %H:%M} UTC" if last else "none was ever seen"
        )
        raise Unwell(f"no worker is alive, {seen}", "Start one: manage.py worker")
    return f"{len(alive)} alive: {', '.join(worker.name for worker in alive)}"


def check_jobs() -> str:
    counts = report.counts()
    # Of failed jobs about models last: nobody may want that model any more, and everything else works.
    for kind in sorted(KINDS.values(), key=lambda kind: kind.model is BundleJob):
        newest = kind.model.objects.filter(state=State.FAILED).order_by("-finished_at").first()
        if newest is not None:
            failed = counts[kind.name][State.FAILED]
            retry = f", or: {kind.retry_command}" if kind.retry_command else ""
            if kind.model is BundleJob:
                raise Doubtful(
                    f"{failed} job{'' if failed == 1 else 's'} about models failed, the newest ({newest}) with: "
                    f"{newest.error[:200]}",
                    "Try again on the page of models, or leave it.",
                )
            raise Unwell(
                f"{failed} {kind.name} failed, the newest ({newest}) with: {newest.error[:200]}",
                f"Mend the cause, then retry them in the admin panel{retry}",
            )
    waiting = [
        f"{states[State.QUEUED]} {name} wait, {states[State.RUNNING]} run" for name, states in counts.items()
    ]
    return f"{'; '.join(waiting)}; none failed"


def check_device() -> str:
    """What the encoder really computes on, here and in the workers: asked of the tensors, not of the settings."""
    from segmentation.decoder.parity import sample_image
    from segmentation.encoder import DeviceUnavailable
    from segmentation.openvino_package import OpenVinoUnavailable

    bundle = _default_bundle()
    try:
        encoder = open_encoder(bundle)
    except OpenVinoUnavailable as error:
        raise Unwell(f"{bundle.name} cannot be loaded", str(error)) from error
    except DeviceUnavailable as error:
        raise Unwell(
            str(error),
            f"DEVICE is {settings.DEVICE!r}: set another one, or auto; or install torch for that device.",
        ) from error
    image = sample_image()
    encoder.encode(image)  # the first call warms up
    started_s = time.perf_counter()
    encoder.encode(image)
    took_ms = (time.perf_counter() - started_s) * 1000
    device = next(encoder.model.parameters()).device
    others = {
        worker.device
        for worker in WorkerHeartbeat.objects.exclude(device="")
        if re.split("[: ]", worker.device)[0] != device.type
    }
    if others:
        raise Unwell(
            f"this machine would use {device}, workers use {', '.join(sorted(others))}",
            "Restart the workers; if they should differ, set DEVICE for each.",
        )
    mean_ms = mean_recent_ms()
    by_workers = f", workers took {mean_ms:.0f} ms on average lately" if mean_ms else ""
    chosen = f" ({encoder.choice.way}: {encoder.choice.reason})" if encoder.choice else ""
    return f"{encoder.place}, {took_ms:.0f} ms per image with {bundle.name}{chosen}{by_workers}"


def check_bundle() -> str:
    """Weights as the manifest says, row as the disk says, decoder of this bundle and with torch's answers."""
    from segmentation.bundle import BundleError, load_manifest, verify_weights
    from segmentation.decoder.parity import compare_file
    from segmentation.errors import SegmentationError

    bundle = _default_bundle()
    again = f"Run: manage.py install_bundle {bundle.name}"
    try:
        directory = folder_of(bundle)
        manifest = load_manifest(directory)
        verify_weights(manifest, directory)
    except (BundleError, FileNotFoundError) as error:
        raise Unwell(
            str(error), "Restore the bundle's folder (git checkout), then install it again."
        ) from error
    if manifest.digest != bundle.digest:
        raise Unwell(
            f"{bundle.name} on disk is {manifest.digest[:12]}, the table says {bundle.digest[:12]}", again
        )
    if not decoders.is_exported(bundle):
        raise Unwell(f"the decoder of {bundle.name} is not exported, or not as it was exported", again)
    try:
        difference = compare_file(directory, decoders.local_decoder(bundle))
    except SegmentationError as error:
        raise Unwell(str(error), again) from error
    logits, iou = difference.max_relative_logit_difference, difference.max_iou_difference
    if not difference.is_tolerable:
        raise Unwell(f"decoder and torch differ: logits by {logits:.1e} (relative), IoU by {iou:.1e}", again)
    return f"{bundle.name} {bundle.digest[:12]}, decoder agrees with torch (logits differ by {logits:.0e})"


def _default_bundle() -> Bundle:
    bundle = Bundle.objects.default()
    if bundle is None:
        raise Unwell("no model bundle is installed", "Run: manage.py install_bundle pocket --default")
    return bundle


def _folder_has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _stored_name(name: str) -> str:
    """The name a static file is collected under, with its hash where the storage adds one."""
    stored = getattr(staticfiles_storage, "stored_name", None)
    return stored(name) if stored else name


CHECKS_WITHOUT_DATABASE = {
    "storage": check_storage,
    "data folder": check_data_folder,
    "broker": check_broker,
    "static files": check_static,
}
CHECKS_WITH_DATABASE = {
    "headers": check_headers,
    "files": check_files,
    "worker": check_worker,
    "jobs": check_jobs,
    "device": check_device,
    "bundle": check_bundle,
}
