"""`manage.py install_bundle`: makes a model bundle ready to use."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.bundles import decoders
from annotator.bundles.install import install_bundle
from annotator.errors import MaskwrightError


class Command(BaseCommand):
    help = (
        "Installs a model bundle: checks it, copies it into the data folder if needed, exports its decoder."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bundle", help="Name of a known bundle (such as pocket), or a bundle's folder.")
        parser.add_argument(
            "--default", action="store_true", help="Make it the bundle that new projects get."
        )

    def handle(self, *, bundle: str, default: bool, **options: Any) -> None:
        try:
            installed = install_bundle(bundle, make_default=default)
        except MaskwrightError as error:
            raise CommandError(error.message) from error
        mark = ", the default" if installed.is_default else ""
        self.stdout.write(
            f"{installed.name} is installed{mark}: digest {installed.digest[:12]}, "
            f"decoder {decoders.decoder_name(installed)} ({installed.decoder_sha256[:12]})"
        )
