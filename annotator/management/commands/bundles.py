"""`manage.py bundles`: published models by their names, and which one is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

import segmentation.catalogue
from annotator.bundles import catalogue, published, removal
from annotator.bundles.default_change import default_change, to_be_made
from annotator.bundles.selftest import self_test
from annotator.bundles.sync import sync_bundles
from annotator.embeddings.figures import needs_of
from annotator.errors import MaskwrightError
from annotator.management import find_project
from annotator.management.progress import DownloadLine
from annotator.models import Bundle
from annotator.projects import projects


class Command(BaseCommand):
    help = "Lists, installs and chooses models. Published ones are fetched, checked, converted and installed by name."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="What is installed, and what can be installed by name.")
        install = actions.add_parser("install", help="Installs a published model.")
        install.add_argument("name", nargs="?", help="A name of the list.")
        source = install.add_mutually_exclusive_group()
        source.add_argument(
            "--from-file", type=Path, metavar="FILE", help="A file at hand, as it was published."
        )
        source.add_argument(
            "--from-folder", type=Path, metavar="DIR", help="A folder of Hugging Face that is at hand."
        )
        install.add_argument("--family", help="With --from-file or --from-folder: whose weights they are.")
        install.add_argument("--variant", help="Likewise; docs/bundles.md lists both.")
        install.add_argument("--name", dest="given_name", help="Likewise: what the bundle is to be called.")
        install.add_argument("--title", help="Likewise, for people.")
        install.add_argument("--licence", help="Likewise.")
        install.add_argument("--default", action="store_true", help="New projects get it.")
        install.add_argument(
            "--accept-licence", action="store_true", help="You have read the licence and accept it."
        )
        install.add_argument(
            "--accept-digest", default="", metavar="SHA256", help="Of a file whose digest nobody publishes."
        )
        use = actions.add_parser("use", help="A project changes to a bundle; its embeddings are queued.")
        use.add_argument("name")
        use.add_argument("--project", required=True, help=find_project.HELP)
        default = actions.add_parser("default", help="The bundle that new projects get.")
        default.add_argument("name")
        remove = actions.add_parser(
            "remove", help="Removes a bundle that nobody uses, its decoder and its embeddings."
        )
        remove.add_argument("name")
        test = actions.add_parser("selftest", help="Whether bundles work here: files, encoder, decoder.")
        test.add_argument("name", nargs="?", help="Every installed one where none is named.")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(**options)
        except MaskwrightError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(
                f"A file cannot be read or written: {error}. Nothing was half done."
            ) from error

    def _list(self, **options: Any) -> None:
        sync_bundles()
        installed = {bundle.name: bundle for bundle in Bundle.objects.available()}
        for bundle in installed.values():
            mark = " (default)" if bundle.is_default else ""
            self.stdout.write(f"installed  {bundle.name}{mark}: {bundle.title}")
        for row in segmentation.catalogue.members():
            if row.name in installed:
                continue
            if not catalogue.can_be_fetched(row):
                self.stdout.write(
                    f"by hand    {row.name}: {row.title}, {row.licence}. {row.good_for} Fetch {row.file_name} from its "
                    f"publisher's page, then: {catalogue.by_hand(row)}"
                )
                continue
            size = f"{row.size / 1e6:.0f} MB" if row.size else "size unknown"
            self.stdout.write(f"available  {row.name}: {row.title}, {size}, {row.licence}. {row.good_for}")

    def _install(
        self,
        *,
        name: str | None,
        from_file: Path | None,
        from_folder: Path | None,
        family: str | None,
        variant: str | None,
        given_name: str | None,
        title: str | None,
        licence: str | None,
        default: bool,
        accept_licence: bool,
        accept_digest: str,
        **options: Any,
    ) -> None:
        source = from_file or from_folder
        if source is None:
            if name is None:
                raise CommandError(
                    "Name a model of `manage.py bundles list`, or give --from-file or --from-folder."
                )
            line = DownloadLine(self.stderr)

            bundle = published.install_member(
                name,
                accept_licence=accept_licence,
                accept_digest=accept_digest,
                make_default=default,
                progress=line.progress,
                waiting=line.wait,
                say=self._say,
            )
        else:
            if not source.exists():
                raise CommandError(f"There is no {source}.")
            if from_folder and not source.is_dir():
                raise CommandError(f"{source} is a file; give it with --from-file.")
            if from_file and source.is_dir():
                raise CommandError(f"{source} is a folder; give it with --from-folder.")
            called = given_name or name
            if not (family and variant and called):
                raise CommandError(
                    "Say whose weights they are: --family, --variant and --name (docs/bundles.md)."
                )
            published.require_published(source, called, accept_digest)
            bundle = published.install_published(
                source,
                family,
                variant,
                called,
                title=title,
                licence=licence,
                make_default=default,
                say=self._say,
            )
        mark = ", the default" if bundle.is_default else ""
        self.stdout.write(f"{bundle.name} is installed{mark}: {bundle.title}, digest {bundle.digest[:12]}")

    def _use(self, *, name: str, project: str, **options: Any) -> None:
        sync_bundles()
        chosen = find_project.find_project(project)
        bundle = catalogue.by_name(name)
        projects.update_project(chosen, bundle=bundle)
        needs = needs_of(chosen, bundle)
        what = to_be_made(int(needs["missing"] or 0), needs["seconds"], bundle.title or name)
        self.stdout.write(f"{chosen.name} uses {name}; {what}.")

    def _default(self, *, name: str, **options: Any) -> None:
        sync_bundles()
        bundle = catalogue.by_name(name)
        change = default_change(bundle)
        catalogue.set_default(bundle)
        self.stdout.write(f"New projects get {name}. {change.text}")

    def _remove(self, *, name: str, **options: Any) -> None:
        sync_bundles()
        embeddings = removal.remove(catalogue.by_name(name))
        removal.delete_embeddings(embeddings)
        self.stdout.write(
            f"{name} is removed with {len(embeddings)} embedding{'' if len(embeddings) == 1 else 's'}."
        )

    def _selftest(self, *, name: str | None, **options: Any) -> None:
        sync_bundles()
        chosen = [catalogue.by_name(name)] if name else Bundle.objects.available()
        failures = []
        for bundle in chosen:
            try:
                found = self_test(bundle)
            except MaskwrightError as error:
                failures.append(error.message)
                self.stdout.write(f"failed  {error.message}")
            else:
                package = f", {found.about_package}" if found.about_package else ""
                why = f" ({found.precision_reason})" if found.precision_reason else ""
                self.stdout.write(
                    f"ok      {bundle.name}: {found.encode_s:.2f} s an image on {found.device}{why}; its decoder "
                    f"differs from the network by {found.max_logit_difference:.0e} of the logits' range{package}"
                )
        if failures:
            raise CommandError(f"{len(failures)} of {len(chosen)} bundles do not work here.")

    def _say(self, text: str) -> None:
        self.stderr.write(text)
