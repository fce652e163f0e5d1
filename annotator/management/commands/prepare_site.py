"""`manage.py prepare_site`: brings the data folder up to date before the servers start."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from annotator.bundles import decoders, default_by_setting, published
from annotator.bundles.errors import BundleRefused, DigestNotAccepted, LicenceNotAccepted
from annotator.bundles.install import install_bundle
from annotator.bundles.sync import sync_bundles
from annotator.errors import MaskwrightError
from annotator.management.commands.create_demo import PASSWORD_VARIABLE
from annotator.management.progress import DownloadLine
from annotator.models import Bundle, EmbeddingJob
from annotator.operations import demo
from annotator.site import migrations, storage_mark
from annotator.site.environment import read
from segmentation.catalogue import member

QUICK_S = 0.5  # steps faster than this are not worth a line


class Command(BaseCommand):
    help = (
        "Brings the data folder up to date before the servers start: tables, static files, model bundles with their "
        "decoders, the demo at the first run. What is up to date is left alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--skip-static", action="store_true", help="Static files are collected already.")
        parser.add_argument("--no-demo", action="store_true")
        parser.add_argument(
            "--logins-file", type=Path, help="Where the demo logins are written as JSON if they are made now."
        )

    def handle(self, *, skip_static: bool, no_demo: bool, logins_file: Path | None, **options: Any) -> None:
        try:
            with self._step("tables"):
                self._migrate()
            storage_mark.put_mark()
            if problem := storage_mark.why_away():
                raise CommandError(problem)
            if not skip_static:
                with self._step("static files"):
                    # Cleared first: hashed names of former versions would stay for ever.
                    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
            self._install_bundles()
            if model := read("MODEL"):
                self._install_model(model)
            if not no_demo:
                self._make_demo(logins_file)
        except MaskwrightError as error:
            raise CommandError(error.message) from error
        waiting = EmbeddingJob.objects.filter(state=EmbeddingJob.State.QUEUED).count()
        if waiting:
            self.stdout.write(f"      {waiting} embeddings wait for the worker")

    def _migrate(self) -> None:
        try:
            is_outdated = migrations.count_pending() > 0
        except OperationalError as error:
            raise CommandError(
                f"the database cannot be reached: {error}. Is it running, and is DATABASE_URL right?"
            ) from error
        except migrations.NewerDatabase as error:
            raise CommandError(str(error)) from error
        if is_outdated:
            call_command("migrate", interactive=False, verbosity=0)

    def _install_bundles(self) -> None:
        for reason in sync_bundles().refused.values():
            self.stdout.write(f"      a folder is not used as a model bundle: {reason}")
        if not Bundle.objects.available().exists():
            raise CommandError(
                "there is no model bundle. The repository carries one in segmentation/bundles/pocket: is the checkout "
                "complete?"
            )
        refused = {}
        for bundle in Bundle.objects.available():
            if decoders.is_exported(bundle):
                continue
            with self._step(f"decoder of {bundle.name} exported to ONNX and compared with torch"):
                try:
                    install_bundle(bundle.name)
                except BundleRefused as error:
                    refused[bundle.name] = f"the model bundle {bundle.name} cannot be used: {error.message}"
        if len(refused) == Bundle.objects.available().count():
            raise CommandError(" ".join(refused.values()))
        for problem in refused.values():
            self.stdout.write(f"      {problem}")

    def _install_model(self, name: str) -> None:
        """A published model becomes the default before the demo's images are embedded. The site comes up without it."""
        try:
            bundle = Bundle.objects.available().filter(name=name).first() or self._fetch_model(name)
            is_default = default_by_setting.apply(bundle)
        except (MaskwrightError, OSError) as error:
            if read("MODEL_REQUIRED"):
                raise
            self.stdout.write(f"      MODEL={name} could not be installed: {_why(name, error)}")
            self.stdout.write(
                f"      The site comes up with {_default_name()}. To try again, start it again or use the page of "
                "models; to do without it, leave MODEL out."
            )
            return
        if not is_default:
            self.stdout.write(
                f"      MODEL={name} is installed. {_default_name()} stays the default, as somebody chose it; to "
                f"change that: manage.py bundles default {name}"
            )

    def _fetch_model(self, name: str) -> Bundle:
        line = DownloadLine(self.stdout)
        with self._step(f"model {name} fetched, checked, converted and installed"):
            return published.install_member(
                name,
                progress=line.progress,
                waiting=line.wait,
                say=lambda text: self.stdout.write(f"      {text}"),
            )

    def _make_demo(self, logins_file: Path | None) -> None:
        password = read(PASSWORD_VARIABLE)
        if demo.is_first_run():
            with self._step("demo project"):
                passwords = demo.create(password).passwords
        elif password:
            try:
                passwords = demo.reset_passwords(password)
            except demo.DemoError:  # this installation has done without
                return
        else:
            return
        shown = {
            name: f"(as in {PASSWORD_VARIABLE})" if password else made for name, made in passwords.items()
        }
        if logins_file:
            logins_file.write_text(json.dumps(shown))
        else:
            for name, made in shown.items():
                self.stdout.write(f"      {name:<10} {made}")

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        started_s = time.monotonic()
        yield
        took_s = time.monotonic() - started_s
        if took_s >= QUICK_S:
            self.stdout.write(f"      {title} ({took_s:.1f} s)")
            self.stdout.flush()


def _default_name() -> str:
    default = Bundle.objects.default()
    return default.name if default else "no model"


def _why(name: str, error: MaskwrightError | OSError) -> str:
    """In words for somebody who has typed `make run`, and not `manage.py bundles install`."""
    install = f"manage.py bundles install {name}"
    if isinstance(error, LicenceNotAccepted):
        licence = member(name).licence
        return (
            f"its licence, {licence}, has to be read and accepted by somebody first: on the page of models, or by "
            f"{install} --accept-licence"
        )
    if isinstance(error, DigestNotAccepted):
        return (
            f"nobody publishes the sha256 of its file, and the one that came has {error.sha256}. Once compared with "
            f"one that you trust, accept it on the page of models, or by {install} --accept-digest {error.sha256}"
        )
    return error.message if isinstance(error, MaskwrightError) else f"{error}"
