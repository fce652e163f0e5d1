"""`manage.py export_dataset`: a project's annotations into a file."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.datasets import selection as selections
from annotator.datasets.errors import VersionNotReady
from annotator.datasets.making import Plan
from annotator.errors import InvalidValue
from annotator.management import find_project, selecting
from annotator.management.find_version import find_version
from annotator.management.progress import ProgressLine
from exporters.errors import ExportError
from exporters.format import ZIP
from exporters.options import ChoiceOption, Option
from exporters.registry import export_formats, find_format
from segmentation.atomic_file import replacing

OPTION = "option:"  # before the name of a format's option, so that none can hide an argument of the command


class Command(BaseCommand):
    help = "Writes a project's annotations to a file. The file appears complete or not at all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help=find_project.HELP)
        parser.add_argument(
            "--format",
            default=next(iter(export_formats())),
            choices=list(export_formats()),
            help=" ".join(
                " ".join([f"{name}: {row.title}.", *row.losses]) for name, row in export_formats().items()
            ),
        )
        parser.add_argument("--output", required=True, type=Path, metavar="FILE")
        parser.add_argument(
            "--dataset-version",
            default="",
            metavar="NAME",
            help="The version to export, whole; of what is chosen below, it takes a split. Default: the project as it "
            "is now.",
        )
        for flag, options in _options_by_flag().items():
            _add_option(parser, flag, options)
        selecting.add_arguments(parser)

    def handle(
        self, *, project: str, format: str, output: Path, dataset_version: str, **options: Any
    ) -> None:
        source = find_project.find_project(project)
        version = find_version(source, dataset_version) if dataset_version else None
        row = find_format(format)
        given = {key.removeprefix(OPTION): value for key, value in options.items() if key.startswith(OPTION)}
        progress = ProgressLine(self.stdout)
        try:
            selection = selecting.selection_from(source, options)
            if version:
                selections.check_of_version(selection)
            chosen = row.options_from(given)
            _check_ending(output, row.file_type(chosen).extension)
            plan = Plan(source, format, row, chosen, selection, version)
            report = plan.report(progress=lambda done, total: progress.show(f"measured {done} of {total}"))
            with replacing(output) as temporary, open(temporary, "w+b") as stream:
                plan.write(stream, report, lambda done, total: progress.show(f"{done} of {total}"))
        except ExportError as error:
            raise CommandError(str(error)) from error
        except (InvalidValue, VersionNotReady) as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"cannot write {output}: {error.strerror}") from error
        except KeyboardInterrupt:
            raise CommandError("stopped; nothing was written", returncode=130) from None
        finally:
            progress.clear()
        count, images = plan.dataset.annotation_count, plan.dataset.image_count
        self.stdout.write(f"{source.name}: {count} annotations on {images} images in {output}")
        self.stdout.write(f"Selected: {report['selected']}.")
        if report["splits"]:
            parts = ", ".join(f"{name} {number}" for name, number in report["splits"].items())
            self.stdout.write(f"Images: {parts}.")
        for sentence in (*report["losses"], *report["measured"]["sentences"]):
            self.stdout.write(sentence)


def _check_ending(output: Path, extension: str) -> None:
    """Raises CommandError where the name promises another kind of file: no program would open it."""
    endings = {row.extension for row in export_formats().values()} | {ZIP.extension}
    if output.suffix.lower() in endings - {extension}:
        other = output.with_suffix(extension).name
        beside = " (with --images, a .zip)" if output.suffix.lower() == ZIP.extension else ""
        raise CommandError(
            f"the file would be a {extension}{beside}, not what {output.name} says: name it {other}"
        )


def _options_by_flag() -> dict[str, list[tuple[str, Option]]]:
    """Flag -> the formats that have it, each with its option: several formats may share a flag."""
    found: dict[str, list[tuple[str, Option]]] = {}
    for name, row in export_formats().items():
        for option in row.options:
            flag = option.flag or f"--{option.name.replace('_', '-')}"
            found.setdefault(flag, []).append((name, option))
    return found


def _add_option(parser: ArgumentParser, flag: str, options: list[tuple[str, Option]]) -> None:
    """One argument for all formats that have it. It is left out when not given, so that the format's default holds."""
    option = options[0][1]
    words = f"{option.title} ({', '.join(name for name, _ in options)}). {option.help}".rstrip(". ") + "."
    kind: dict[str, Any] = {"action": BooleanOptionalAction}
    choices = {
        choice.value: choice
        for _, shared in options
        if isinstance(shared, ChoiceOption)
        for choice in shared.choices
    }
    if choices:
        kind = {"choices": list(choices)}
        words += " " + "; ".join(
            f"{value}: {choice.help or choice.title}" for value, choice in choices.items()
        )
        defaults = {shared.default for _, shared in options if isinstance(shared, ChoiceOption)}
        words += f". Default: {' or '.join(sorted(defaults))}."
    # argparse fills in what stands after a percent sign.
    words = words.replace("%", "%%")
    parser.add_argument(flag, dest=OPTION + option.name, default=SUPPRESS, help=words, **kind)
